"""What is measured of a mechanism; each scenario has servers and a load process of its own."""

import os
import signal
import statistics
import time
from dataclasses import dataclass
from typing import Any

from .machine import Cost, group_of
from .servers import Client, Running, client_of

ROWS_PER_PAGE = 5
RATES = (100, 150, 200, 250, 300, 350, 400)  # callbacks per second, tried one after the other
WARMING = 20  # streams
BUSY = 0.8  # of a core: a load process that needs more measures itself


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    streams: int
    seconds: float
    rate: float  # callbacks per second
    watchers: int  # of one row
    watched_updates: int
    idle_streams: int
    repeats: int


SIZES = {
    "small": Size(60, 3, 50, 60, 30, 200, 1),
    "middle": Size(200, 8, 50, 500, 60, 500, 3),
    "full": Size(500, 20, 50, 500, 100, 2000, 3),
}


def quantile(values: list[float], share: float) -> float | None:
    """The value below which that share of the values lies; None without any."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def steady(running: Running, size: Size, rate: float = 0, seconds: float = 0) -> dict[str, Any]:
    """Every page watches rows of its own; callbacks come at a steady rate."""
    rate, seconds = rate or size.rate, seconds or size.seconds
    client = client_of(running, _plan(running, size.streams, int(rate * seconds), rate))
    seen, used = _follow(running, client)
    return _told(seen) | {
        "cpu_s_per_1000": used["cpu"] / max(1, seen["updates"]) * 1000,
        "rate": rate,
    }


def crowd(running: Running, size: Size) -> dict[str, Any]:
    """One row that everybody watches."""
    (task,) = running.take(1)
    plan = _plan(running, 0, size.watched_updates, 10)
    plan |= {"groups": [[task]] * size.watchers, "callbacks": {task: running.callbacks[task]}}
    seen, used = _follow(running, client_of(running, plan))
    told = _told(seen)
    return {
        "cpu_s_per_1000": used["cpu"] / max(1, seen["updates"]) * 1000,
        "lost": told["lost"],
        "own_cpu": told["own_cpu"],
    }


def idle(running: Running, size: Size) -> dict[str, Any]:
    """What an open page costs that hears of nothing: memory; and threads of all processes."""
    _open(running, WARMING)  # what the first streams load is not the price of each
    before = running.cost()
    cost = _open(running, size.idle_streams)
    return {
        "rss_kb_per_stream": (cost.rss - before.rss) / size.idle_streams,
        "threads": cost.threads,
        "streams": size.idle_streams,
    }


def _open(running: Running, streams: int) -> Cost:
    """Open so many pages and close them again; what the servers cost while they were open."""
    plan = _plan(running, streams, 0, 1) | {"ends": False, "wait_seconds": 0}
    client = client_of(running, plan)
    client.until("open")
    cost = running.cost()
    client.go_on()
    client.until("sent")
    client.go_on()
    client.results()
    return cost


def half_dropped(running: Running, size: Size) -> dict[str, Any]:
    """Half of the pages lose their line while tasks end, and come back within a second."""
    updates = int(size.rate * size.seconds)
    plan = _plan(running, size.streams, updates, size.rate)
    plan["drop_half_at"] = _amid_ends(plan)
    seen, _ = _follow(running, client_of(running, plan))
    return _told(seen)


def worker_killed(running: Running, size: Size) -> dict[str, Any]:
    """One of the server's processes is killed -9 while tasks end, and started again by its parent.

    A callback that found nobody is posted again by MidSync, here at the end: only rows count.
    """
    updates = int(size.rate * size.seconds)
    plan = _plan(running, size.streams, updates, size.rate)
    client = client_of(running, plan)
    client.until("open")
    client.go_on()
    time.sleep(_amid_ends(plan))
    workers = [pid for pid in group_of(running.web.pid) if pid != running.web.pid]
    os.kill(max(workers), signal.SIGKILL)
    client.until("sent")
    client.go_on()
    return _told(client.results())


def stop(running: Running, size: Size) -> dict[str, Any]:
    """How long SIGTERM takes with all the pages open, and whether every stream ended properly."""
    plan = _plan(running, size.streams, 0, 1) | {"ends": False, "wait_seconds": 0}
    client = client_of(running, plan)
    client.until("open")
    began = time.perf_counter()
    running.web.signal(signal.SIGTERM)
    ended = running.web.wait(30)
    seconds = time.perf_counter() - began
    client.go_on()
    client.until("sent")
    client.go_on()
    client.results()
    return {"seconds": seconds, "ended": ended}


def busiest(running: Running, size: Size, limit: float = 25) -> dict[str, Any]:
    """The highest rate at which 95 of 100 rows arrive within `limit` milliseconds."""
    best = 0.0
    for rate in RATES:
        seen = steady(running, size, rate=rate, seconds=max(2.0, size.seconds / 2))
        p95 = seen["sent_to_row_p95"]
        if p95 is None or p95 > limit or seen["lost"] or seen["errors"]:
            break
        best = rate
    return {"callbacks_per_second": best}


def locked(running: Running, size: Size) -> dict[str, Any]:
    """32 callers at once, as fast as they are answered: how many answers are no 200."""
    plan = _plan(running, 8, 40 * 32, 100_000) | {"callers": 32, "wait_seconds": 30}
    seen, _ = _follow(running, client_of(running, plan))
    return {"errors": seen["errors"], "lost": seen["lost"], "updates": seen["updates"]}


def _plan(running: Running, streams: int, updates: int, rate: float) -> dict[str, Any]:
    numbers = running.take(streams * ROWS_PER_PAGE) if updates else list(running.callbacks)
    groups = [numbers[n : n + ROWS_PER_PAGE] for n in range(0, len(numbers), ROWS_PER_PAGE)]
    groups = groups[:streams]
    # A few tasks change several times, then end: the ends stay within the run.
    watched = [number for group in groups for number in group][: max(1, updates // 3)]
    return {
        "groups": groups,
        "callbacks": {number: running.callbacks[number] for number in watched},
        "updates": updates,
        "rate": rate,
        "poll_seconds": running.mechanism.poll_seconds,
    }


def _amid_ends(plan: dict[str, Any]) -> float:
    """Seconds after the start at which half of the final callbacks are out."""
    seconds: float = (plan["updates"] + len(plan["callbacks"]) / 2) / plan["rate"]
    return seconds


def _follow(running: Running, client: Client) -> tuple[dict[str, Any], dict[str, float]]:
    """Let a load process run to its end; what it saw, and what the servers used meanwhile."""
    client.until("open")
    before = running.cost()
    client.go_on()
    client.until("sent")
    after = running.cost()
    client.go_on()
    return client.results(), {"cpu": after.cpu - before.cpu}


def _told(seen: dict[str, Any]) -> dict[str, Any]:
    told = {name: seen[name] for name in ("updates", "lost", "errors", "own_cpu")}
    for name in ("sent_to_row", "answered_to_row", "sent_to_answer"):
        for label, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
            told[f"{name}_{label}"] = quantile(seen[name], share)
    return told


def tasks_of(names: list[str], size: Size) -> int:
    """How many tasks these scenarios take, and the pages of `idle` show."""
    runs = sum({"busiest": len(RATES), "idle": 0, "stop": 0}.get(name, 1) for name in names)
    return max(runs * size.streams, size.idle_streams) * ROWS_PER_PAGE + len(names)


def median_of(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Figure by figure the median of several runs; the worst of what must be zero."""
    result: dict[str, Any] = {}
    for name in runs[0]:
        values = [run[name] for run in runs if run[name] is not None]
        if name in ("lost", "errors", "own_cpu"):
            result[name] = max(values)
        else:
            result[name] = statistics.median(values) if values else None
    return result
