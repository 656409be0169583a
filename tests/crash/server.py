"""A PostgreSQL server of a test's own, which may be killed."""

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from midsync_portal.processes import Process, ProcessEnded, end_all, free_port, run_to_end

PROGRAMS = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
COMES_BACK_WITHIN = 60  # seconds


class OwnServer:
    """One cluster in a folder; where the tests are root, it belongs to the user postgres."""

    def __init__(self, programs: Path, folder: Path, log: Path) -> None:
        is_root = os.geteuid() == 0
        self._as_user = ["runuser", "-u", "postgres", "--"] if is_root else []
        if is_root:
            shutil.chown(folder, "postgres")
        self._programs, self._data, self._log = programs, folder / "data", log
        self._port = free_port()
        self.url = f"postgres://portal@127.0.0.1:{self._port}/postgres"
        self._process: Process | None = None
        self._run_to_end("initdb", "-D", str(self._data), "-A", "trust", "-U", "portal")

    def start(self) -> None:
        """Start it and wait until it takes connections; what is left of a killed one ends first."""
        command = [*self._as_user, str(self._programs / "postgres"), "-D", str(self._data)]
        command += ["-p", str(self._port), "-k", str(self._data)]
        pause = threading.Event()
        for _ in range(COMES_BACK_WITHIN * 5):
            if self._process is None:
                self._process = Process("postgres", command, dict(os.environ), self._log, Path("/"))
            pause.wait(0.2)
            try:
                self._process.check()
                psycopg.connect(self.url, connect_timeout=5).close()
            except ProcessEnded:
                self._process = None
            except psycopg.OperationalError:
                continue
            else:
                return
        raise ProcessEnded(f"PostgreSQL does not come back: {self._log.read_text()[-2000:]}")

    def kill(self) -> None:
        """SIGKILL to its main process, as a machine without memory does; then start it again."""
        main = int((self._data / "postmaster.pid").read_text().split()[0])
        os.kill(main, signal.SIGKILL)
        assert self._process
        self._process.wait(COMES_BACK_WITHIN)
        self._process = None
        self.start()

    def end(self) -> None:
        """End it."""
        if self._process:
            end_all([self._process])

    def _run_to_end(self, program: str, *arguments: str) -> None:
        command = [*self._as_user, str(self._programs / program), *arguments]
        run_to_end(command, dict(os.environ), Path("/"))


@contextmanager
def own_server(programs: Path, log: Path) -> Iterator[OwnServer]:
    """A running server, gone with the block."""
    with tempfile.TemporaryDirectory(prefix="crash-postgres-") as folder:
        server = OwnServer(programs, Path(folder), log)
        try:
            server.start()
            yield server
        finally:
            server.end()
