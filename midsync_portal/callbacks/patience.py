"""How long the database is waited for while MidSync waits for our answer."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from midsync_portal.models.rows import prepared

APPLYING = 1.5  # seconds for another's lock, and half a second more for one statement
NOTING = 0.2


@contextmanager
def impatient(seconds: float = APPLYING, *, can_be_redone: bool = False) -> Iterator[None]:
    """A transaction that rather fails than waits: gateways give up on an answer after 3 s.

    What fails here is stored already, and the worker waits for the lock as long as it takes.
    `can_be_redone`: a crash of the database or of the machine may undo the transaction for a
    moment, as the worker would do it again; so nobody waits until the disk has it.
    """
    if connection.vendor == "postgresql":
        flush = "off" if can_be_redone else "on"
        with transaction.atomic():
            with prepared(connection) as cursor:
                cursor.execute(
                    "SELECT set_config('lock_timeout', %s, true),"
                    " set_config('statement_timeout', %s, true),"
                    " set_config('synchronous_commit', %s, true)",
                    [f"{seconds * 1000:.0f}", f"{seconds * 1000 + 500:.0f}", flush],
                )
            yield
        return
    usual = connection.settings_dict["OPTIONS"].get("timeout", 5)
    _wait(seconds, seconds, "NORMAL" if can_be_redone else "FULL")
    try:
        with transaction.atomic():
            yield
    finally:
        _wait(None, usual, "FULL")


def _wait(turn_seconds: float | None, seconds: float, flush: str) -> None:
    """SQLite: for the turn to write, for the lock of whoever does not queue, and for the disk."""
    connection.turn_seconds = turn_seconds  # type: ignore[attr-defined]  # midsync_portal.sqlite
    connection.ensure_connection()
    with connection.wrap_database_errors:  # a cursor of Django's would take three times as long
        connection.connection.execute(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")
        if not connection.in_atomic_block:  # SQLite refuses it within a transaction
            connection.connection.execute(f"PRAGMA synchronous = {flush}")
