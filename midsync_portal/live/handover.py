"""A short cut: who changes a task in the process of a hub renders it and hands it over.

The hub hears of the change as ever, but need not read the row. It does read it as soon as it
cannot be sure that what it was handed is the newest: after another change, beside a read that was
under way, where somebody watches more than was rendered.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from django.db import connection, transaction

from .wakeups import Change

if TYPE_CHECKING:
    from midsync_portal.models import Task

    from .audience import Audience
    from .rendering import Reading

log = logging.getLogger("midsync_portal.live")

HAND_SECONDS = 0.5  # from the news of a change until it is read after all


@dataclass(frozen=True, slots=True)
class Handed:
    """A task as a change has left it; `reading` is None where it could not be rendered.

    `turn` is the counter's, at a moment when the row was locked already.
    """

    task: int
    events: tuple[int, ...]
    turn: int
    reading: "Reading | None"


class Counter:
    """Where threads hand changed tasks over to one hub, which keeps account here of what it
    reads. Everything is called on the event loop, but for `would_take`, `expect` and `hand`.
    """

    def __init__(
        self,
        audience: "Audience",
        take: Callable[[Handed], None],
        read: Callable[[int], None],
    ) -> None:
        self.turn = 0  # one more with each read and each task that was handed over
        self._audience = audience
        self._take = take
        self._read = read
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn_of: dict[int, int] = {}  # when a watched task was last read or handed over
        self._reading: frozenset[int] = frozenset()  # tasks that are being read
        self._coming: dict[int, tuple[int, ...]] = {}  # by task: events about to be handed over
        self._handed: dict[int, tuple[int, ...]] = {}  # by task: those handed over last

    def open(self) -> None:
        """Let threads hand over."""
        self._loop = asyncio.get_running_loop()
        counters.append(self)

    def close(self) -> None:
        """Take no more."""
        if self in counters:
            counters.remove(self)

    def begin(self, tasks: Collection[int]) -> None:
        """These are read now, until the next time."""
        self.turn += 1
        self._turn_of.update(dict.fromkeys(tasks, self.turn))
        self._reading = frozenset(tasks)

    def end(self) -> None:
        """Nothing is being read."""
        self._reading = frozenset()

    def forget(self, task: int) -> None:
        """Nobody watches it any more."""
        self._turn_of.pop(task, None)
        self._coming.pop(task, None)
        self._handed.pop(task, None)

    def is_handed(self, change: Change) -> bool:
        """Whether the task was or will be handed over as this change has left it, so that it need
        not be read. It will be if that takes too long: a COMMIT may fail for who sent it alone.
        """
        if change.event in self._handed.get(change.task, ()):
            return True
        is_coming = change.event in self._coming.get(change.task, ())
        if is_coming:
            asyncio.get_running_loop().call_later(HAND_SECONDS, self._give_up, change)
        return is_coming

    def _give_up(self, change: Change) -> None:
        if change.event in self._coming.get(change.task, ()):
            del self._coming[change.task]
            self._read(change.task)

    def accept(self, handed: Handed) -> "Reading | None":
        """What was handed over, if it is all that is wanted and nothing newer can be known."""
        self._handed[handed.task] = handed.events
        if self._coming.get(handed.task) == handed.events:
            del self._coming[handed.task]
        reading = handed.reading
        is_newest = self._turn_of.get(handed.task, 0) <= handed.turn
        if reading is None or not is_newest or handed.task in self._reading:
            return None
        if not self._audience.keep_wanted(handed.task) <= reading.frames.keys():
            return None
        self.turn += 1
        self._turn_of[handed.task] = self.turn
        return reading

    def would_take(self, task: int) -> bool:
        """Whether somebody watches the task, and nothing of it that takes more than its row."""
        from .rendering import needs_row_only  # which needs the models, which need this

        wanted = self._audience.wanted_of(task)
        return bool(wanted) and needs_row_only(wanted)

    def expect(self, task: "Task") -> None:
        """Its change is about to be handed over."""
        self._coming[task.pk] = task.recorded

    def hand(self, task: "Task", turn: int) -> None:
        """Render the task and hand it over."""
        from .rendering import read_changed

        reading = None
        try:
            reading = read_changed(task, self._audience.wanted_of(task.pk))
        except Exception:
            log.exception("task %s could not be handed over", task.public_id)
        handed = Handed(task.pk, task.recorded, turn, reading)
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended meanwhile
                self._loop.call_soon_threadsafe(self._take, handed)


counters: list[Counter] = []  # of the hubs that run in this process


@contextmanager
def handing_over(task: "Task") -> Iterator[None]:
    """Around what changes a locked row in a transaction: `task` is the whole row, and stays it."""
    takers = [(counter, counter.turn) for counter in counters if counter.would_take(task.pk)]
    if not takers:
        yield
        return
    # Before others announce the change: PostgreSQL does so within COMMIT, SQLite gives the number
    # of an event that was rolled back to another one.
    is_within = connection.vendor == "postgresql"
    if not is_within:
        transaction.on_commit(partial(_expect, takers, task))
    yield
    if is_within:
        _expect(takers, task)
    transaction.on_commit(partial(_hand, takers, task))


def _expect(takers: list[tuple[Counter, int]], task: "Task") -> None:
    if task.recorded:
        for counter, _ in takers:
            counter.expect(task)


def _hand(takers: list[tuple[Counter, int]], task: "Task") -> None:
    if task.recorded:
        for counter, turn in takers:
            counter.hand(task, turn)
