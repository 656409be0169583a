"""Django's SQLite backend, with its writers in a queue; see `turns`."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from django.db.backends.sqlite3 import base

from midsync_portal.finding import folding

from .turns import Turns, turns_of

WRITING = ("INSERT", "UPDATE", "DELETE", "REPLACE")
KEPT, KEPT_LENGTH = 500, 10_000  # so many statements of at most so many characters


class DatabaseWrapper(base.DatabaseWrapper):
    """Waits for its turn before BEGIN and keeps it until COMMIT, ROLLBACK or close."""

    _turns: Turns | None = None
    _has_turn = False
    turn_seconds: float | None = None  # how long to wait for the turn, where not as configured

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Open the database and find its queue."""
        connection = super().get_new_connection(conn_params)
        name = str(conn_params["database"])
        self._turns = turns_of(name, is_shared=not self.creation.is_in_memory_db(name))
        connection.create_function("portal_fold", 1, folding.fold, deterministic=True)
        connection.create_function("portal_findable", 4, folding.findable, deterministic=True)
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        """A cursor whose single writing statements wait for their turn too."""
        cursor = self.connection.cursor(factory=QueueingCursor)
        cursor.wrapper = self
        return cursor

    @contextmanager
    def turn_to_write(self) -> Iterator[None]:
        """Hold the turn for one statement; nothing to wait for where it is held already."""
        if self._has_turn:
            yield
            return
        self._take_turn()
        try:
            yield
        finally:
            self._give_turn_back()

    def _take_turn(self) -> None:
        if self._turns is not None and not self._has_turn:
            usual = self.settings_dict["OPTIONS"].get("timeout", 5)
            seconds = usual if self.turn_seconds is None else self.turn_seconds
            self._has_turn = self._turns.take(seconds)

    def _give_turn_back(self) -> None:
        if self._turns is not None and self._has_turn:
            self._has_turn = False
            self._turns.give_back()

    def _start_transaction_under_autocommit(self) -> None:
        self._take_turn()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # missing in the stubs
        except BaseException:
            self._give_turn_back()
            raise

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]  # where it fails, Django rolls back
        self._give_turn_back()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]  # missing in the stubs
        finally:
            self._give_turn_back()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]  # missing in the stubs
        finally:
            self._give_turn_back()


@lru_cache(KEPT)  # a callback has seven, always the same
def _with_marks(query: str) -> str:
    return str(base.FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%"))


class QueueingCursor(base.SQLiteCursorWrapper):
    """Lets a writing statement outside of a transaction wait for its turn."""

    wrapper: DatabaseWrapper

    def convert_query(self, query: str, *, param_names: list[str] | None = None) -> str:
        """The statement with SQLite's own marks for values."""
        if param_names is None and len(query) <= KEPT_LENGTH:
            return _with_marks(query)
        text: str = super().convert_query(query, param_names=param_names)
        return text

    def execute(self, query: str, params: Any = None) -> Any:
        """Run one statement."""
        if self._writes_by_itself(query):
            with self.wrapper.turn_to_write():
                return super().execute(query, params)
        return super().execute(query, params)

    def executemany(self, query: str, param_list: Any) -> Any:
        """Run one statement many times."""
        if self._writes_by_itself(query):
            with self.wrapper.turn_to_write():
                return super().executemany(query, param_list)
        return super().executemany(query, param_list)

    def _writes_by_itself(self, query: str) -> bool:
        return not self.connection.in_transaction and query.lstrip()[:7].upper().startswith(WRITING)
