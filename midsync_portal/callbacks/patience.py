"""How long the database is waited for while MidSync waits for our answer."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from midsync_portal.models.rows import prepared

APPLYING = 1.5  # seconds for another's lock, and half a second more for one statement
NOTING = 0.2


@contextmanager
def impatient(seconds: float = APPLYING) -> Iterator[None]:
    """A transaction that rather fails than waits: gateways give up on an answer after 3 s.

    What fails here is stored already, and the worker waits for the lock as long as it takes.
    """
    if connection.vendor == "postgresql":
        with transaction.atomic():
            with prepared(connection) as cursor:
                cursor.execute(
                    "SELECT set_config('lock_timeout', %s, true),"
                    " set_config('statement_timeout', %s, true)",
                    [f"{seconds * 1000:.0f}", f"{seconds * 1000 + 500:.0f}"],
                )
            yield
        return
    usual = connection.settings_dict["OPTIONS"].get("timeout", 5)
    _wait(seconds, seconds)
    try:
        with transaction.atomic():
            yield
    finally:
        _wait(None, usual)


def _wait(turn_seconds: float | None, seconds: float) -> None:
    """SQLite: for the turn to write, and for the lock of whoever does not queue."""
    connection.turn_seconds = turn_seconds  # type: ignore[attr-defined]  # midsync_portal.sqlite
    connection.ensure_connection()
    with connection.wrap_database_errors:  # a cursor of Django's would take three times as long
        connection.connection.execute(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")
