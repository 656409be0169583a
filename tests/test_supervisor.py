"""The server's parent process: a process that is killed is started again at once."""

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from uvicorn import Config
from uvicorn._subprocess import get_subprocess, spawn
from uvicorn.supervisors import multiprocess

from midsync_portal.asgi import STARTUP_FAILED
from midsync_portal.serving.supervisor import Parent, WatchedProcess, forked
from tests import prepared

ROOT = Path(__file__).resolve().parents[1]
APPLICATION = "midsync_portal.asgi:application"
FOR_EVER = 3600  # seconds
LOOK = """
import gc, json, signal, sys, threading

from midsync_portal.serving.__main__ import prepare

prepare()

from django.db import connections
from uvicorn import Config
from uvicorn.supervisors import multiprocess

from midsync_portal.serving import supervisor

def look(sockets):
    print(json.dumps({
        "views": "midsync_portal.views" in sys.modules,
        "term": signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,
        "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "threads": threading.active_count(),
        "looked_through": len(gc.get_objects()) > gc.get_freeze_count() / 10,
    }), flush=True)

supervisor.load()
signal.signal(signal.SIGTERM, lambda number, frame: None)  # as uvicorn's parent has it
multiprocess.get_subprocess = supervisor.forked
process = supervisor.WatchedProcess(Config("midsync_portal.asgi:application"), [])
process.process._kwargs.update(target=look)
process.start()
process.join()
print(json.dumps({
    "heard": len(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
    "threads": threading.active_count(),
    "connections": sum(bool(one.connection) for one in connections.all()),
}))
"""


def test_of_a_killed_process_no_answer_is_waited_for() -> None:
    watched = WatchedProcess(Config(APPLICATION), [])
    # Just started: alive, and not so far that it answers.
    watched.process = spawn.Process(target=time.sleep, args=(FOR_EVER,))
    watched.start()
    answers: list[bool] = []
    asking = threading.Thread(target=lambda: answers.append(watched.ping(FOR_EVER)), daemon=True)
    asking.start()
    watched.process.kill()
    asking.join(60)
    watched.kill()
    assert answers == [False]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every process loads everything anew")
def test_a_process_goes_on_from_what_is_loaded_and_hears_signals_itself(tmp_path: Path) -> None:
    """Nothing of the parent's goes along that could be held for ever: no thread, no connection."""
    shutil.copy(prepared.sqlite_tables(), tmp_path / "portal.sqlite3")
    env = prepared.environment(tmp_path) | {"STATIC_ROOT": str(prepared.static_files())}
    command = [sys.executable, "-c", LOOK]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=True)
    child, parent = map(json.loads, done.stdout.splitlines())
    assert child == {
        "views": True,
        "term": True,
        "blocked": 0,
        "threads": 1,
        "looked_through": False,
    }
    assert parent == {"heard": 0, "threads": 1, "connections": 0}


def wait_for_ever(sockets: list[Any]) -> None:
    time.sleep(FOR_EVER)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # here are threads
@pytest.mark.parametrize("kind", [get_subprocess, forked], ids=["begun anew", "forked"])
def test_processes_end_when_they_are_asked_to(
    kind: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many were started, and whatever signals wait while one is."""
    monkeypatch.setattr(multiprocess, "get_subprocess", kind)
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    watched = [WatchedProcess(Config(APPLICATION), []) for _ in range(2)]
    for one in watched:
        cast(Any, one.process)._kwargs["target"] = wait_for_ever
        one.start()
    try:
        for one in watched:
            one.terminate()
            one.process.join(60)
            assert one.exitcode == -signal.SIGTERM
    finally:
        for one in watched:
            one.process.kill()


def test_the_parent_says_by_its_end_that_one_could_not_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(multiprocess.Multiprocess, "run", lambda self: None)
    parent = Parent.__new__(Parent)
    for codes, end in (([0, STARTUP_FAILED], STARTUP_FAILED), ([0, 0], None)):
        parent.processes = [cast(Any, SimpleNamespace(exitcode=code)) for code in codes]
        if end is None:
            parent.run()
            continue
        with pytest.raises(SystemExit) as ended:
            parent.run()
        assert ended.value.code == end


def test_where_a_library_has_begun_a_thread_a_process_begins_anew() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert isinstance(forked(Config(APPLICATION), print, []), SpawnProcess)
    finally:
        stop.set()
        thread.join()
