"""Databases for real processes of the portal: which kinds there are, and one with tables."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import prepared

# bin/test says which databases there are; without a server only SQLite is tried.
POSTGRES = os.environ.get("TEST_POSTGRES_URL", "")
DATABASES = ["sqlite", *(["postgres"] if POSTGRES else [])]


@contextmanager
def new_database(kind: str, folder: Path, server: str = POSTGRES) -> Iterator[str]:
    """The URL of a database with tables and no rows: a file in the folder, or one on the server."""
    if kind == "sqlite":
        shutil.copy(prepared.sqlite_tables(), folder / "portal.sqlite3")
        yield f"sqlite:///{folder / 'portal.sqlite3'}"
        return
    url = prepared.create_database(server, prepared.postgres_tables(server))
    try:
        yield url
    finally:
        prepared.drop_database(server, prepared.name_of(url))
