"""A short cut: a change brings its row along, as the task's orderer sees it.

Most pages that show a row are its orderer's, so most hubs need not read what has just changed.
They do read where they cannot be sure that nothing newer is known (`versions`), and for whoever
sees it in another language or sees more than the row.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from django.db import connection, transaction

from .wakeups import Change, announce

if TYPE_CHECKING:
    from midsync_portal.models import Task

log = logging.getLogger("midsync_portal.live")


class NeedsQuery(Exception):
    """Something that rows show, and that is kept for a while, has to be read again."""


@contextmanager
def carrying(task: "Task") -> Iterator[None]:
    """Around what changes a locked row in a transaction: `task` is the whole row, and stays it.

    The events of the change are announced as one, since whoever holds the lock makes them one.
    """
    before, task.is_carried = task.recorded, True
    yield
    task.is_carried = False
    if task.recorded != before:
        announce_row(task)


def announce_row(task: "Task") -> None:
    """Tell every hub that a task has changed, and how its row looks now."""

    def change() -> Change:
        return Change(task.pk, task.customer_id, False, max(task.recorded), *_row_of(task))

    announce(change)


def _row_of(task: "Task") -> tuple[str, str]:
    """The language of a task's orderer and the row in it; empty where it cannot be rendered now."""
    is_within = connection.in_atomic_block
    try:
        with connection.execute_wrapper(_refuse) if is_within else nullcontext():
            return _render(task)
    except NeedsQuery:
        # If it failed, the change would be undone. Afterwards, so that the next one need not.
        transaction.on_commit(partial(_render, task), robust=True)
    except Exception:
        log.exception("task %s is announced without its row", task.public_id)
    return "", ""


def _render(task: "Task") -> tuple[str, str]:
    from .rendering import language_of_orderer, render  # which need the models, which need this

    language = language_of_orderer(task)
    return language, render(task, "row", language).decode()


def _refuse(*query: Any) -> NoReturn:
    raise NeedsQuery
