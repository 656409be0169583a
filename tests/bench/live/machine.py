"""What processes cost, read from /proc: CPU seconds, memory, threads. Linux only."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


@dataclass(frozen=True)
class Cost:
    """CPU seconds so far, resident memory in KB, threads."""

    cpu: float
    rss: int
    threads: int


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat after the name: state, parent, group …"""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _pids() -> list[int]:
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]


def group_of(leader: int) -> list[int]:
    """Every process of a process group."""
    return [pid for pid in _pids() if (stat := _stat(pid)) and int(stat[2]) == leader]


def family_of(child: int) -> list[int]:
    """The parent of a process and all its children: of a backend, the whole PostgreSQL server."""
    parent = int(_stat(child)[1])
    return [parent, *(pid for pid in _pids() if (stat := _stat(pid)) and int(stat[1]) == parent)]


def cost_of(pids: Iterable[int]) -> Cost:
    """The sum over the processes that are still there; children that ended count as well."""
    cpu, rss, threads = 0.0, 0, 0
    for pid in pids:
        if not (stat := _stat(pid)):
            continue
        cpu += sum(map(int, stat[11:15])) / TICKS
        threads += int(stat[17])
        rss += int(stat[21]) * os.sysconf("SC_PAGE_SIZE") // 1024
    return Cost(cpu, rss, threads)
