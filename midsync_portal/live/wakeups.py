"""Wake-ups of the hub: which tasks have changed and which sessions ended, told to every process.

PostgreSQL carries them itself (NOTIFY, part of the transaction). For SQLite they are datagrams,
sent after the commit; one that gets lost is made up for within half a second, see `sources`.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection, transaction

from . import datagrams

if TYPE_CHECKING:
    from midsync_portal.models import Task

CHANNEL = "portal_tasks"
LONGEST = 7900  # bytes; a notice of PostgreSQL holds 7,999


@dataclass(frozen=True, slots=True)
class Change:
    """That a task has changed: ids. `event` is the highest TaskEvent of the change.

    `row` is the message with the task's row in a language, where it came along (see `carrying`).
    """

    task: int
    customer: int
    is_new: bool
    event: int
    language: str = ""
    row: str = ""

    @property
    def has_row(self) -> bool:
        """Whether the row came along."""
        return bool(self.row)

    def encode(self) -> str:
        """As it travels: ids on the first line, which is complete by itself, then the row.

        The row is signed, because pages show what it says, and whoever may connect to the
        database may NOTIFY. One that is too long stays at home.
        """
        ids = f"{self.task} {self.customer} {int(self.is_new)} {self.event}"
        if not self.row or "\0" in self.row:
            return ids
        signed = f"{ids} {self.language}\n{self.row}"
        message = f"{ids} {self.language} {_signature(signed)}\n{self.row}"
        return message if len(message.encode()) <= LONGEST else ids


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """That somebody has logged out. `digest` tells which session it was, but opens none."""

    digest: str

    def encode(self) -> str:
        """As it travels."""
        return f"end {self.digest}"


WakeUp = Change | SessionEnd


def decode(text: str) -> WakeUp:
    """What `encode` wrote. Raises ValueError for anything else.

    Of a row that is not signed with our key only the ids are believed: another process may have
    another key while SECRET_KEY is being changed.
    """
    first, _, row = text.partition("\n")
    match first.split(" "):
        case ["end", digest]:
            return SessionEnd(digest)
        case [task, customer, "0" | "1" as is_new, event, *signed]:
            change = Change(int(task), int(customer), is_new == "1", int(event))
            match signed:
                case []:
                    return change
                case [language, signature]:
                    ids = change.encode()
                    expected = _signature(f"{ids} {language}\n{row}")
                    if hmac.compare_digest(signature.encode(), expected.encode()):
                        return replace(change, language=language, row=row)
                    return change
    raise ValueError("not a wake-up")


def _signature(text: str) -> str:
    return hmac.digest(_key(settings.SECRET_KEY), text.encode(), "sha256").hex()[:32]


@cache
def _key(secret: str) -> bytes:
    """Of our own, so that nothing signed elsewhere counts here."""
    return hashlib.sha256(b"live rows " + secret.encode()).digest()


def digest_of(session_key: str) -> str:
    """A session's key for others to compare with, not to use."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:32]


def announce_change(task: "Task", event: int, is_new: bool = False) -> None:
    """Tell every hub that a task has changed; call it inside the transaction of the change."""
    announce(partial(Change, task.pk, task.customer_id, is_new, event))


def announce_end(session_key: str) -> None:
    """Tell every hub that a session is over, so that its streams end at once."""
    announce(partial(SessionEnd, digest_of(session_key)))


def announce(make: Callable[[], WakeUp]) -> None:
    """Tell every hub, if the transaction is committed. `make` is called within it on PostgreSQL,
    after it on SQLite, and not at all where nobody listens.
    """
    if connection.vendor == "postgresql":
        from midsync_portal.models.rows import prepared  # models import this module

        with prepared(connection) as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, make().encode()])
        return
    folder = datagrams.folder_of(str(connection.settings_dict["NAME"]))
    if folder:
        send = partial(datagrams.send_to_all, folder, lambda: make().encode())
        transaction.on_commit(send)
