"""The simulator's memory: one SQLite file, or none at all for tests.

Times are seconds since the epoch by the simulator's clock; points are decimals kept as text.
"""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from .scenarios import Scenario

TABLES = """
CREATE TABLE IF NOT EXISTS generations (
    n INTEGER PRIMARY KEY, task_id TEXT UNIQUE NOT NULL, provider_task_id TEXT NOT NULL,
    model TEXT NOT NULL, asked TEXT NOT NULL, callback_url TEXT NOT NULL, points TEXT NOT NULL,
    scenarios TEXT NOT NULL, dialect TEXT NOT NULL, idempotency_key TEXT NOT NULL,
    status TEXT NOT NULL, failure_code TEXT NOT NULL, failure_message TEXT NOT NULL,
    created_at REAL NOT NULL, ready_at REAL NOT NULL, finished_at REAL);
CREATE INDEX IF NOT EXISTS generations_open ON generations (ready_at) WHERE finished_at IS NULL;
CREATE TABLE IF NOT EXISTS ledger (
    n INTEGER PRIMARY KEY, at REAL NOT NULL, task_id TEXT NOT NULL, points TEXT NOT NULL,
    balance TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS callbacks (
    n INTEGER PRIMARY KEY, task_id TEXT NOT NULL, word TEXT NOT NULL, due_at REAL NOT NULL,
    body BLOB NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, answer TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS callbacks_due ON callbacks (due_at) WHERE state = 'due';
CREATE INDEX IF NOT EXISTS callbacks_of ON callbacks (task_id);
CREATE TABLE IF NOT EXISTS choices (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Generation:
    """One ordered video. ``asked`` is the checked request with defaults filled in."""

    n: int
    task_id: str
    provider_task_id: str
    model: str
    asked: dict[str, Any]
    callback_url: str
    points: Decimal
    scenarios: frozenset[Scenario]
    dialect: str
    idempotency_key: str
    status: str
    failure_code: str
    failure_message: str
    created_at: float
    ready_at: float
    finished_at: float | None


@dataclass(frozen=True)
class Callback:
    """One message for the customer's callback URL; ``state`` is due, sending, done or gave-up."""

    n: int
    task_id: str
    word: str
    due_at: float
    body: bytes
    state: str
    attempts: int
    answer: str


@dataclass(frozen=True)
class LedgerEntry:
    """One charge, and what was left on the account after it."""

    n: int
    at: float
    task_id: str
    points: Decimal
    balance: Decimal


class Store:
    """Everything the simulator remembers; safe to use from several threads."""

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(
            path or ":memory:", check_same_thread=False, isolation_level=None
        )
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(TABLES)
        # A stopped process may have left messages half-sent.
        self._db.execute("UPDATE callbacks SET state = 'due' WHERE state = 'sending'")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and nobody else in between; may be nested."""
        with self._lock:
            self._depth += 1
            try:
                if self._depth == 1:
                    self._db.execute("BEGIN IMMEDIATE")
                yield
                if self._depth == 1:
                    self._db.execute("COMMIT")
            except BaseException:
                if self._depth == 1 and self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            finally:
                self._depth -= 1

    def _rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    # Choices of the control page

    def choice(self, name: str, default: str = "") -> str:
        """The value chosen under ``name``."""
        rows = self._rows("SELECT value FROM choices WHERE name = ?", name)
        return str(rows[0]["value"]) if rows else default

    def choose(self, name: str, value: str) -> None:
        """Remember a choice."""
        self._rows("INSERT OR REPLACE INTO choices (name, value) VALUES (?, ?)", name, value)

    # Generations and the account

    def next_number(self) -> int:
        """The number of the next generation."""
        return int(self._rows("SELECT coalesce(max(n), 0) + 1 AS n FROM generations")[0]["n"])

    def add(self, generation: Generation, balance: Decimal) -> None:
        """Remember a new generation together with its charge; ``balance`` is what is left."""
        made = generation
        values = vars(made) | {
            "asked": json.dumps(made.asked),
            "points": str(made.points),
            "scenarios": " ".join(sorted(made.scenarios)),
        }
        with self.transaction():
            self._db.execute(
                "INSERT INTO generations VALUES (:n, :task_id, :provider_task_id, :model, :asked,"
                " :callback_url, :points, :scenarios, :dialect, :idempotency_key, :status,"
                " :failure_code, :failure_message, :created_at, :ready_at, :finished_at)",
                values,
            )
            self._rows(
                "INSERT INTO ledger (at, task_id, points, balance) VALUES (?, ?, ?, ?)",
                made.created_at,
                made.task_id,
                str(made.points),
                str(balance),
            )
            self.choose("balance", str(balance))

    def finish(self, task_id: str, status: str, at: float, code: str = "", text: str = "") -> bool:
        """Bring a generation to its end; False if it had ended before."""
        return bool(
            self._rows(
                "UPDATE generations SET status = ?, finished_at = ?, failure_code = ?,"
                " failure_message = ? WHERE task_id = ? AND finished_at IS NULL RETURNING n",
                status,
                at,
                code,
                text,
                task_id,
            )
        )

    def generation(self, task_id: str) -> Generation | None:
        """The generation of that id."""
        rows = self._rows("SELECT * FROM generations WHERE task_id = ?", task_id)
        return _generation(rows[0]) if rows else None

    def generations(self, limit: int = 50) -> list[Generation]:
        """The latest generations, newest first."""
        rows = self._rows("SELECT * FROM generations ORDER BY n DESC LIMIT ?", limit)
        return [_generation(row) for row in rows]

    def charged_between(self, model: str, start: float, end: float) -> list[Generation]:
        """Generations ordered from ``start`` until ``end``, newest first; any model if empty."""
        rows = self._rows(
            "SELECT * FROM generations WHERE (? = '' OR model = ?)"
            " AND created_at >= ? AND created_at < ? ORDER BY n DESC",
            model,
            model,
            start,
            end,
        )
        return [_generation(row) for row in rows]

    def finishing(self, now: float) -> list[Generation]:
        """Generations that should have ended by ``now``."""
        rows = self._rows(
            "SELECT * FROM generations WHERE finished_at IS NULL AND ready_at <= ?"
            " ORDER BY ready_at",
            now,
        )
        return [_generation(row) for row in rows]

    def ledger(self) -> list[LedgerEntry]:
        """Every charge, oldest first."""
        return [
            LedgerEntry(
                row["n"], row["at"], row["task_id"], Decimal(row["points"]), Decimal(row["balance"])
            )
            for row in self._rows("SELECT * FROM ledger ORDER BY n")
        ]

    # Callbacks

    def enqueue(self, task_id: str, word: str, due_at: float, body: bytes) -> int:
        """Put a message in the queue; its number."""
        rows = self._rows(
            "INSERT INTO callbacks (task_id, word, due_at, body, state, attempts, answer)"
            " VALUES (?, ?, ?, ?, 'due', 0, '') RETURNING n",
            task_id,
            word,
            due_at,
            body,
        )
        return int(rows[0]["n"])

    def claim(self, now: float, task_id: str = "") -> list[Callback]:
        """Messages that are due (about one generation, or about any), now marked as being sent."""
        rows = self._rows(
            "UPDATE callbacks SET state = 'sending', attempts = attempts + 1"
            " WHERE state = 'due' AND due_at <= ? AND (? = '' OR task_id = ?) RETURNING *",
            now,
            task_id,
            task_id,
        )
        return sorted(map(_callback, rows), key=lambda one: (one.due_at, one.n))

    def answered(self, n: int, state: str, answer: str, due_at: float) -> None:
        """Note what came of sending a message."""
        self._rows(
            "UPDATE callbacks SET state = ?, answer = ?, due_at = ? WHERE n = ?",
            state,
            answer,
            due_at,
            n,
        )

    def callbacks(self, task_id: str) -> list[Callback]:
        """All messages about one generation, oldest first."""
        rows = self._rows("SELECT * FROM callbacks WHERE task_id = ? ORDER BY n", task_id)
        return [_callback(row) for row in rows]

    def next_due(self) -> float | None:
        """When something happens next, if anything is to happen."""
        rows = self._rows(
            "SELECT min(at) AS at FROM ("
            "SELECT min(ready_at) AS at FROM generations WHERE finished_at IS NULL"
            " UNION ALL SELECT min(due_at) FROM callbacks WHERE state = 'due')"
        )
        at = rows[0]["at"]
        return None if at is None else float(at)


def _generation(row: sqlite3.Row) -> Generation:
    values = dict(row)
    values["asked"] = json.loads(row["asked"])
    values["points"] = Decimal(row["points"])
    values["scenarios"] = frozenset(Scenario(word) for word in row["scenarios"].split())
    return Generation(**values)


def _callback(row: sqlite3.Row) -> Callback:
    return Callback(**dict(row))
