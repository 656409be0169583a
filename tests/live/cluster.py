"""A PostgreSQL server of a test's own, which may be restarted and killed."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from midsync_portal.processes import free_port

FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name)
PG_CTL = shutil.which("pg_ctl") or next((str(path / "pg_ctl") for path in FOLDERS[-1:]), "")


class Cluster:
    """A running server; only this machine reaches it, without a password."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        self._run("initdb", "-o", "-U postgres -A trust --no-sync -E UTF8 --locale=C")
        self.start()

    def start(self) -> None:
        """Start it, and return when it answers."""
        options = f"-p {self.port} -h 127.0.0.1 -k {self._folder} -c max_connections=60"
        self._run("start", "-w", "-o", options, "-l", str(self._folder / "log"))

    def crash(self) -> None:
        """Stop it without telling anybody, as a power cut would."""
        self._run("stop", "-w", "-m", "immediate")

    def _run(self, *command: str) -> None:
        # PostgreSQL refuses to run as root.
        other = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run(
            [*other, PG_CTL, "-D", str(self._folder / "data"), *command],
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            cwd=self._folder,
        )


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A server that is gone afterwards, with its data."""
    folder = Path(tempfile.mkdtemp(prefix="portal-pg-", dir="/tmp"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        server = Cluster(folder)
        try:
            yield server
        finally:
            server.crash()
    finally:
        shutil.rmtree(folder)
