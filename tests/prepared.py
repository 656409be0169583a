"""What takes seconds to make and is the same for every portal of a run: made once, then copied.

The folder that TEST_PREPARED names holds it. Who wants what another process is just making waits.
"""

import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from psycopg import sql

from midsync_portal.processes import run_to_end

ROOT = Path(__file__).resolve().parents[1]
FOLDER = "TEST_PREPARED"
COLLECT = """
import django
django.setup()
from midsync_portal.demo import collect_static
collect_static()
"""


@contextmanager
def kept() -> Iterator[None]:
    """Keep what is prepared until the block ends; a folder that was there before stays."""
    own = None
    if not os.environ.get(FOLDER):
        own = os.environ[FOLDER] = tempfile.mkdtemp(prefix="portal-prepared-")
    try:
        yield
    finally:
        for name in Path(os.environ[FOLDER]).glob("postgres-*/name"):
            drop_database(name.with_name("server").read_text(), name.read_text())
            shutil.rmtree(name.parent)
        if own:
            del os.environ[FOLDER]
            shutil.rmtree(own)


def once(name: str, make: Callable[[Path], Any]) -> Path:
    """The folder of this name, as the first who asked has made it."""
    folder = Path(os.environ[FOLDER]) / name
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            new = Path(tempfile.mkdtemp(dir=folder.parent))
            make(new)
            new.rename(folder)
    return folder


def static_files() -> Path:
    """The collected static files; beside them lies the stamp of `collect_static`."""
    command = [sys.executable, "-c", COLLECT]
    folder = once("static", lambda folder: run_to_end(command, environment(folder), ROOT))
    return folder / "static"


def sqlite_tables() -> Path:
    """A database file with all tables."""
    return once("sqlite", lambda folder: migrate(environment(folder))) / "portal.sqlite3"


def postgres_tables(server: str) -> str:
    """The name of a database with all tables, to be a template for others of the server."""

    def make(folder: Path) -> None:
        url = create_database(server)
        migrate(environment(folder) | {"DATABASE_URL": url})
        (folder / "server").write_text(server)
        (folder / "name").write_text(name_of(url))

    folder = once(f"postgres-{sha256(server.encode()).hexdigest()[:12]}", make)
    return (folder / "name").read_text()


def migrate(env: dict[str, str]) -> None:
    """Make the tables, in a process with these settings."""
    run_to_end([sys.executable, "manage.py", "migrate", "--no-input"], env, ROOT)


def create_database(server: str, template: str = "template1") -> str:
    """The URL of a new database on the server."""
    name = f"portal_test_{uuid4().hex[:12]}"
    names = sql.Identifier(name), sql.Identifier(template)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
    return urlsplit(server)._replace(path=f"/{name}").geturl()


def drop_database(server: str, name: str) -> None:
    """Drop it, whoever is connected."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def name_of(url: str) -> str:
    """The database that a URL names."""
    return urlsplit(url).path.removeprefix("/")


def environment(folder: Path) -> dict[str, str]:
    """Settings of a portal whose data lie in this folder."""
    return {
        "PATH": os.environ["PATH"],
        "ENV_FILE": os.devnull,
        "DJANGO_SETTINGS_MODULE": "midsync_portal.settings",
        "SECRET_KEY": "a-key-of-the-tests-that-is-long-enough-for-the-checks-0123456789",
        "PORTAL_URL": "http://127.0.0.1:8000",
        "MIDSYNC_BASE_URL": "http://127.0.0.1:8900",
        "MIDSYNC_API_KEY": "a-key-of-the-tests",
        "CALLBACK_SIGNING_KEYS": "a-key-of-the-tests",
        "DATABASE_URL": f"sqlite:///{folder / 'portal.sqlite3'}",
        "STATIC_ROOT": str(folder / "static"),
    }
