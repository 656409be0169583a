"""Starting the portal's processes side by side, and ending all of them together.

Used by the demo and by the browser tests. Plain Python without Django; Linux and macOS.
"""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

LOG_LINES_SHOWN = 15  # the last lines of a log that explain why a process ended


class ProcessEnded(Exception):
    """A process that should serve is gone, or never came; the message says which and why."""


def _die_with_parent() -> None:  # pragma: no cover - runs between fork and exec
    """Linux: the child gets SIGTERM if its parent is killed, so that no orphan stays."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


class Process:
    """One process in a group of its own, so that ending it ends its workers too.

    Its output goes to the end of `log`.
    """

    def __init__(
        self, name: str, command: Sequence[str], env: Mapping[str, str], log: Path, cwd: Path
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._popen = subprocess.Popen(  # noqa: S603 - our own commands
                list(command),
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )

    @property
    def pid(self) -> int:
        """The process's id, which is its group's id too."""
        return self._popen.pid

    def check(self) -> None:
        """Raise ProcessEnded, with the end of its log, if the process is gone."""
        code = self._popen.poll()
        if code is not None:
            how = f"signal {-code}" if code < 0 else f"code {code}"
            raise ProcessEnded(f"{self.name} ended by itself ({how}):\n{last_lines(self.log)}")

    def signal(self, number: int) -> None:
        """Send a signal to the whole group; nothing happens if the group is gone."""
        # macOS says EPERM for a group of which only zombies are left.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the process; False if it still runs after so many seconds."""
        try:
            self._popen.wait(timeout=max(0.0, seconds))
        except subprocess.TimeoutExpired:
            return False
        return True


def end_all(processes: Iterable[Process], seconds: float = 10.0) -> None:
    """End the processes' groups: politely, and after so many seconds by force."""
    processes = list(processes)
    for process in processes:
        process.signal(signal.SIGTERM)
    deadline = time.monotonic() + seconds
    for process in processes:
        process.wait(deadline - time.monotonic())
    for process in processes:  # also what is left of a group whose leader has gone
        process.signal(signal.SIGKILL)
        process.wait(5)


def last_lines(log: Path, count: int = LOG_LINES_SHOWN) -> str:
    """The end of a log file, indented."""
    lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
    return "\n".join(f"    {line}" for line in lines[-count:]) or "    (its log is empty)"


def run_to_end(command: Sequence[str], env: Mapping[str, str], cwd: Path) -> str:
    """Run a command and return what it printed. Raises ProcessEnded where it fails."""
    done = subprocess.run(  # noqa: S603 - our own commands
        list(command), env=dict(env), cwd=cwd, text=True, capture_output=True, check=False
    )
    if done.returncode != 0:
        tail = "\n".join(f"    {line}" for line in done.stderr.splitlines()[-LOG_LINES_SHOWN:])
        raise ProcessEnded(f"{' '.join(map(str, command[1:]))} failed:\n{tail}")
    return done.stdout


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:  # macOS lets us bind beside a server on all addresses
        if probe.connect_ex((host, port)) == 0:
            return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def hold_port(port: int, host: str = "127.0.0.1") -> socket.socket:
    """Keep a free port from others until the socket is closed."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind((host, port))
    return holder


def free_port(first: int = 0, *, avoid: Sequence[int] = ()) -> int:
    """The first free port from `first` on; 0: any that the system names."""
    if first:
        return next(
            port for port in range(first, 65536) if port not in avoid and port_is_free(port)
        )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_answers(
    url: str,
    processes: Iterable[Process],
    *,
    seconds: float = 60.0,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Return as soon as a GET of the URL is answered 200.

    Raises ProcessEnded when one of the processes is gone, or when the time is over. Returns early
    when `stopped` says so.
    """
    processes = list(processes)
    pause = threading.Event()
    deadline = time.monotonic() + seconds
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    problem = "no answer"
    while not stopped():
        for process in processes:
            process.check()
        try:
            with opener.open(url, timeout=10) as answer:
                if answer.status == 200:
                    return
        except urllib.error.HTTPError as error:
            problem = f"it answers {error.code}"
        except OSError as error:
            problem = str(error)
        if time.monotonic() > deadline:
            logs = "\n".join(f"{p.name}:\n{last_lines(p.log)}" for p in processes)
            raise ProcessEnded(f"{url} did not come up in {seconds:.0f} s ({problem}).\n{logs}")
        pause.wait(0.1)
