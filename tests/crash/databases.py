"""The portal's database as the run sees it: plain SQL, a backup taken hot, and its restoring."""

import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg import sql

from tests.databases import new_database

Row = tuple[Any, ...]


class Database(Protocol):
    """One database of the portal. Restoring wants that nobody is connected."""

    url: str

    def rows(self, query: str) -> list[Row]:
        """What a query answers."""

    def back_up(self) -> None:
        """Take a consistent copy while the portal runs."""

    def restore(self) -> None:
        """Put the copy in place of what is there."""


class Sqlite:
    """A file, copied by SQLite's own backup."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._copy = file.with_suffix(".backup")
        self.url = f"sqlite:///{file}"

    def rows(self, query: str) -> list[Row]:
        """What a query answers."""
        with closing(sqlite3.connect(self._file, timeout=30)) as connection:
            return connection.execute(query).fetchall()

    def back_up(self) -> None:
        """Take a consistent copy while the portal runs."""
        self._copy.unlink(missing_ok=True)
        with (
            closing(sqlite3.connect(self._file, timeout=30)) as source,
            closing(sqlite3.connect(self._copy)) as copy,
        ):
            source.backup(copy)

    def restore(self) -> None:
        """Put the copy in place of what is there."""
        for rest in ("-wal", "-shm"):
            self._file.with_name(self._file.name + rest).unlink(missing_ok=True)
        self._copy.replace(self._file)


class Postgres:
    """A database on a server; the copy is the rows of every table as of one moment."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._copy: dict[str, bytes] = {}
        self._sequences: list[Row] = []

    def rows(self, query: str) -> list[Row]:
        """What a query answers."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(query).fetchall()

    def back_up(self) -> None:
        """Take a consistent copy while the portal runs."""
        with psycopg.connect(self.url) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname='public'")
            for (table,) in tables.fetchall():
                kept = io.BytesIO()
                with connection.cursor().copy(
                    sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))
                ) as copy:
                    for piece in copy:
                        kept.write(piece)
                self._copy[table] = kept.getvalue()
            self._sequences = connection.execute(
                "SELECT sequencename, coalesce(last_value, 1), last_value IS NOT NULL"
                " FROM pg_sequences WHERE schemaname = 'public'"
            ).fetchall()

    def restore(self) -> None:
        """Put the copy in place of what is there."""
        with psycopg.connect(self.url) as connection:
            connection.execute("SET session_replication_role = replica")  # rows in any order
            names = sql.SQL(", ").join(map(sql.Identifier, self._copy))
            connection.execute(sql.SQL("TRUNCATE {}").format(names))
            for table, kept in self._copy.items():
                with connection.cursor().copy(
                    sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))
                ) as copy:
                    copy.write(kept)
            for name, value, was_used in self._sequences:
                connection.execute("SELECT setval(%s::regclass, %s, %s)", [name, value, was_used])


@contextmanager
def database_of(kind: str, folder: Path, server: str = "") -> Iterator[Database]:
    """A database for one run: "sqlite", or "postgres" on the server of that URL."""
    with new_database(kind, folder, server) as url:
        yield Sqlite(folder / "portal.sqlite3") if kind == "sqlite" else Postgres(url)


def moment(seconds: float) -> str:
    """A time as both databases compare it with a column."""
    return f"'{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S.%f}+00'"
