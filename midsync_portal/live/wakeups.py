"""Wake-ups of the hub: which tasks have changed and which sessions ended, told to every process.

PostgreSQL carries them itself (NOTIFY, part of the transaction). For SQLite they are datagrams,
sent after the commit; one that gets lost is made up for within half a second, see `sources`.
"""

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from django.db import connection, transaction

from . import datagrams

if TYPE_CHECKING:
    from midsync_portal.models import Task

CHANNEL = "portal_tasks"


@dataclass(frozen=True, slots=True)
class Change:
    """That a task has changed: only ids. `event` is the TaskEvent of the change."""

    task: int
    customer: int
    is_new: bool
    event: int

    def encode(self) -> str:
        """As it travels."""
        return f"{self.task} {self.customer} {int(self.is_new)} {self.event}"


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """That somebody has logged out. `digest` tells which session it was, but opens none."""

    digest: str

    def encode(self) -> str:
        """As it travels."""
        return f"end {self.digest}"


WakeUp = Change | SessionEnd


def decode(text: str) -> WakeUp:
    """What `encode` wrote. Raises ValueError for anything else."""
    match text.split(" "):
        case ["end", digest]:
            return SessionEnd(digest)
        case [task, customer, "0" | "1" as is_new, event]:
            return Change(int(task), int(customer), is_new == "1", int(event))
    raise ValueError("not a wake-up")


def digest_of(session_key: str) -> str:
    """A session's key for others to compare with, not to use."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:32]


def announce_change(task: "Task", event: int, is_new: bool = False) -> None:
    """Tell every hub that a task has changed; call it inside the transaction of the change."""
    _tell(Change(task.pk, task.customer_id, is_new, event))


def announce_end(session_key: str) -> None:
    """Tell every hub that a session is over, so that its streams end at once."""
    _tell(SessionEnd(digest_of(session_key)))


def _tell(wake_up: WakeUp) -> None:
    message = wake_up.encode()
    if connection.vendor == "postgresql":
        from midsync_portal.models.rows import prepared  # models import this module

        with prepared(connection) as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, message])
        return
    folder = datagrams.folder_of(str(connection.settings_dict["NAME"]))
    if folder:
        transaction.on_commit(partial(datagrams.send_to_all, folder, message))
