"""bin/demo from start to Ctrl-C, twice: it serves, keeps its data, and leaves nothing running."""

import os
import re
import signal
from pathlib import Path

import pytest
import requests

from midsync_portal.processes import Process, end_all, port_is_free

from .portal import start_demo, until_printed

pytestmark = pytest.mark.browser


def group_of(process: Process) -> list[int]:
    """The processes that the demo has started, and theirs."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, _, rest = stat.read_text().partition(" (")
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(int(rest.rpartition(")")[2].split()[1]), []).append(int(pid))
    found, waiting = [], [process.pid]
    while waiting:
        waiting.extend(more := children.get(waiting.pop(), []))
        found.extend(more)
    return found


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_the_demo_starts_says_where_it_is_and_ends_whole(prepared: Path, tmp_path: Path) -> None:
    demo = start_demo(tmp_path, prepared)
    try:
        printed = until_printed(demo, "Ctrl-C ends")
        address = re.search(r"http://127\.0\.0\.1:(\d+)", printed)
        assert address
        assert len(re.findall(r"\S+@\S+", printed)) >= 2  # the customer and the support person
        page = requests.get(address[0] + "/accounts/login/", timeout=10)
        assert page.status_code == 200
        assert "imulator" in page.text  # the banner
        started = group_of(demo)
        assert len(started) >= 3
        demo.signal(signal.SIGINT)
        assert demo.wait(30)
    finally:
        end_all([demo])
    assert [pid for pid in started if is_running(pid)] == []
    assert port_is_free(int(address[1]))
    assert "Traceback" not in demo.log.read_text()


def test_a_second_run_goes_on_with_the_data_the_log_ins_and_the_port(
    prepared: Path, tmp_path: Path
) -> None:
    printed = []
    for end in (signal.SIGTERM, signal.SIGINT):
        demo = start_demo(tmp_path, prepared)
        try:
            printed.append(until_printed(demo, "Ctrl-C ends"))
        finally:
            demo.signal(end)
            ended = demo.wait(30)
            end_all([demo])
        assert ended
        (tmp_path / "demo.log").unlink()
        keys = (tmp_path / "data" / "demo.json").read_text()
    # Only the codes of the second factor are others: they change every 30 s.
    first, second = (re.sub(r"\b\d{6} now", "now", text) for text in printed)
    assert first == second
    assert keys == (tmp_path / "data" / "demo.json").read_text()


def test_when_one_process_dies_the_demo_ends_whole_and_says_which(
    prepared: Path, tmp_path: Path
) -> None:
    demo = start_demo(tmp_path, prepared)
    try:
        until_printed(demo, "Ctrl-C ends")
        started = group_of(demo)
        worker = next(
            pid
            for pid in started
            if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        )
        os.kill(worker, signal.SIGKILL)
        assert demo.wait(30)
    finally:
        end_all([demo])
    assert "worker ended by itself (signal 9)" in demo.log.read_text()
    assert [pid for pid in started if is_running(pid)] == []
