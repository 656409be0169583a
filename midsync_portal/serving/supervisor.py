"""uvicorn, whose parent process loads the portal once and notices at once that a process has died.

uvicorn starts each process as a new interpreter, which loads everything anew. Here, on Linux, the
parent loads it before it has any thread or connection, and forks: a process that was killed is
back within milliseconds, and what nobody changes is in memory once.

uvicorn's parent asks each process in turn whether it lives, and waits for the answer. Of one that
was killed between question and answer it waits for the whole time-out, as it holds the other end of
the pipe itself: meanwhile it starts no other again and hears no SIGTERM. Here it also waits for the
end of the process.
"""

import logging
import multiprocessing
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess, SpawnProcess
from socket import socket
from typing import Any, NoReturn

from uvicorn import Config
from uvicorn._subprocess import get_subprocess, subprocess_started
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import multiprocess

from .loading import load

log = logging.getLogger("midsync_portal.serving")
command_line: Any = import_module("uvicorn.main")  # the package has a function of this name

SIGNALS = tuple(multiprocess.SIGNALS)  # those that uvicorn's parent hears


class WatchedProcess(multiprocess.Process):
    """One of the server's processes, as its parent sees it."""

    def start(self) -> None:
        """Start it. Until a copy of the parent hears signals for itself, they wait."""
        if not isinstance(self.process, ForkProcess):
            super().start()
            return
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            super().start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    def _healthcheck(self, timeout: float) -> bool | None:
        """Whether it has started; None if it has died or does not answer within `timeout` s."""
        try:
            self.parent_conn.send(b"ping")
            if self.parent_conn in wait([self.parent_conn, self.process.sentinel], timeout):
                started: bool = self.parent_conn.recv()
                return started
        except (OSError, EOFError, pickle.UnpicklingError):
            pass
        return None


class Parent(multiprocess.Multiprocess):
    """The parent of all of them."""

    def run(self) -> None:
        """Until it is asked to end, or one of them could not start: then SystemExit says so."""
        super().run()
        if any(process.exitcode == STARTUP_FAILURE for process in self.processes):
            sys.exit(STARTUP_FAILURE)


def run(arguments: Sequence[str]) -> NoReturn:
    """Run uvicorn's command line."""
    multiprocess.Process = WatchedProcess  # type: ignore[misc]
    command_line.Multiprocess = Parent
    if sys.platform == "linux":  # elsewhere, libraries of the system have threads of their own
        load()
        multiprocess.get_subprocess = forked  # type: ignore[attr-defined, assignment]
    command_line.main(args=arguments, prog_name="bin/web")
    raise AssertionError("uvicorn's command line ends the process")


def forked(
    config: Config, target: Callable[..., None], sockets: list[socket]
) -> ForkProcess | SpawnProcess:
    """A process that goes on from what its parent has loaded; a new interpreter where a library
    has begun a thread in the parent: what that one holds would be held for ever in a copy.
    """
    if threading.active_count() > 1:
        log.warning("the portal is loaded anew: a library has begun a thread in its parent")
        return get_subprocess(config, target, sockets)
    return multiprocessing.get_context("fork").Process(
        target=_begin, kwargs={"config": config, "target": target, "sockets": sockets}
    )


def _begin(**how: Any) -> None:
    """What the new process does: hear signals for itself, then serve."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    subprocess_started(stdin_fileno=None, **how)
