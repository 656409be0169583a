"""The hub: one per process, on its event loop; knows who watches what and keeps them up to date.

Everything here runs on the loop; only the reads run in a thread, one after the other, so that a
newer state is never overtaken by an older one. Connecting, a wake-up and coming back after a gap
are the same thing to it: these tasks have to be read. Only a wake-up that brings the row along
may save the reading.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import TypeVar

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection

from midsync_portal.threads import end_threads

from .access import read_visitors
from .audience import Audience
from .rendering import Fragment, message, newest_tasks, news, read_tasks
from .sources import Source, make_source
from .subscriber import Subscriber
from .versions import Versions
from .wakeups import Change, SessionEnd, WakeUp

log = logging.getLogger("midsync_portal.live")

HEARTBEAT_SECONDS = 15.0
READ_AT_ONCE = 200  # tasks in one query
SESSIONS_AT_ONCE = 500
DOOR_THREADS = 2
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds until a read that failed is tried again
PAUSED = message("paused", event="paused")
SOMETHING = message("something")

T = TypeVar("T")


class HubClosed(Exception):
    """The process is about to end."""


class Hub:
    """Who watches which tasks in this process."""

    def __init__(self) -> None:
        self.audience = Audience()
        self.is_closed = False
        self._versions = Versions(is_in_order=connection.vendor == "sqlite")
        self._dirty: dict[int, None] = {}  # tasks to read, first come first served
        self._in_hand: Collection[int] = ()  # tasks that are being read
        self._catching_up: set[Subscriber] = set()  # who may have missed new tasks
        self._work = asyncio.Event()
        self._reader = ThreadPoolExecutor(1, "hub")
        self._door = ThreadPoolExecutor(DOOR_THREADS, "stream-door")
        self._source: Source | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to listen for changes and to keep everybody up to date."""
        self._source = make_source(self.hear, self.read_all_again, self._in_reader)
        await self._source.start()
        self._tasks = [
            asyncio.create_task(self._keep_reading()),
            asyncio.create_task(self._keep_beating()),
        ]

    def close(self) -> None:
        """End every stream and admit no more; returns at once."""
        self.is_closed = True
        for stream in self.audience.streams:
            stream.end()

    async def stop(self) -> None:
        """Close, and give back threads and connections."""
        self.close()
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._source is not None:
            await self._source.stop()
        for pool, size in ((self._reader, 1), (self._door, DOOR_THREADS)):
            await asyncio.to_thread(end_threads, pool, size)

    # --- Coming and going ---------------------------------------------------------------------

    async def at_the_door(self, work: Callable[[], T]) -> T:
        """Run something in a thread that may use the database, beside the hub's own reads.

        Raises HubClosed, also for those who have been waiting in front of the door.
        """

        def admitted() -> T:
            if self.is_closed:
                raise HubClosed
            return _with_database(work)

        return await asyncio.get_running_loop().run_in_executor(self._door, admitted)

    def join(self, stream: Subscriber, watched: dict[int, tuple[str, ...]]) -> None:
        """Add a stream; everything it watches is read now. May end the person's oldest stream."""
        self.audience.add(stream, watched)
        for oldest in self.audience.streams_of(stream.user)[: -settings.STREAMS_PER_PERSON]:
            oldest.end(PAUSED)
            self.leave(oldest)
        if stream in self.audience.expecting(stream.customer or 0):
            self._catching_up.add(stream)
        self._read_soon(watched)
        if self.is_closed:
            stream.end()

    def leave(self, stream: Subscriber) -> None:
        """Forget a stream; again for one that is forgotten already does nothing."""
        self._catching_up.discard(stream)
        for task in self.audience.remove(stream):
            self._versions.forget(task)

    # --- Changes ------------------------------------------------------------------------------

    def hear(self, wake_up: WakeUp) -> None:
        """Something has happened in this or another process."""
        match wake_up:
            case Change():
                self.change(wake_up)
            case SessionEnd(digest):
                streams = self.audience.streams
                for stream in [stream for stream in streams if stream.digest == digest]:
                    stream.end()

    def change(self, change: Change) -> None:
        """A task has changed: if somebody here watches it, its row is passed on or read again."""
        self._oversee()
        if change.is_new:
            for stream in self.audience.expecting(change.customer):
                self._announce(stream, change.task)
        task = change.task
        if task not in self.audience.tasks or self._versions.contain(change):
            return
        row = ("row", change.language)
        is_all = self.audience.keep_wanted(task) <= {row}
        is_read_anyway = task in self._dirty or task in self._in_hand
        if is_all and not is_read_anyway and self._versions.take(change):
            self._offer(task, {row: change.row.encode()})
        else:
            self._read_soon([task])

    def read_all_again(self) -> None:
        """Changes may have been missed: read everything that somebody here watches."""
        self._versions.clear()
        self._oversee()
        self._catching_up |= self.audience.all_expecting()
        self._read_soon(self.audience.tasks)

    def _oversee(self) -> None:
        for stream in self.audience.overseers:
            stream.tell("something", SOMETHING)

    def _announce(self, stream: Subscriber, task: int) -> None:
        if stream.counts_from is not None:
            stream.unseen.add(task)
            stream.tell("news", news(len(stream.unseen), stream.language))
            return
        if task not in stream.watched:
            stream.unannounced.add(task)
            self.audience.watch(stream, task, ("row",))

    def _read_soon(self, tasks: Iterable[int]) -> None:
        watched = self.audience.tasks
        self._dirty.update(dict.fromkeys(task for task in tasks if task in watched))
        if self._dirty or self._catching_up:
            self._work.set()

    # --- Reading ------------------------------------------------------------------------------

    async def _keep_reading(self) -> None:
        pause = FIRST_PAUSE
        while True:
            await self._work.wait()
            self._work.clear()
            while self._dirty or self._catching_up:
                try:
                    await self._catch_up()
                    await self._read_some()
                    pause = FIRST_PAUSE
                except DatabaseError as problem:
                    log.warning("live rows wait for the database: %s", str(problem).strip())
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, LONGEST_PAUSE)
                except Exception:
                    log.exception("live rows could not be read")
                    await asyncio.sleep(LONGEST_PAUSE)

    async def _read_some(self) -> None:
        tasks = list(islice(self._dirty, READ_AT_ONCE))
        wanted = {
            task: self.audience.keep_wanted(task) for task in tasks if task in self.audience.tasks
        }
        # A change that is announced from here on is not in this reading.
        for task in tasks:
            del self._dirty[task]
        self._in_hand = wanted.keys()
        try:
            readings = await self._in_reader(lambda: read_tasks(wanted)) if wanted else {}
        except BaseException:
            self._dirty.update(dict.fromkeys(tasks))
            raise
        finally:
            self._in_hand = ()
        for task, reading in readings.items():
            if task in self.audience.tasks:
                self._versions.read(task, reading.newest_event)
                self._offer(task, reading.frames)

    def _offer(self, task: int, frames: Mapping[Fragment, bytes]) -> None:
        for stream in self.audience.watchers_of(task):
            stream.offer(task, frames)

    async def _catch_up(self) -> None:
        """Announce the new tasks that streams have missed: those above the last row they know."""
        streams = self._catching_up & self.audience.streams
        if not streams:
            self._catching_up.clear()
            return
        customers = {stream.customer for stream in streams if stream.customer is not None}
        newest = await self._in_reader(lambda: newest_tasks(customers))
        for stream in streams & self.audience.streams:
            tasks = newest.get(stream.customer or 0, [])
            known = [
                place
                for place, task in enumerate(tasks)
                if task in ({stream.counts_from} if stream.counts_from else stream.watched)
            ]
            above = tasks[: known[-1]] if known else tasks
            for task in reversed(above):  # the newest last, so that it ends on top
                self._announce(stream, task)
            self._read_soon(above)
        self._catching_up -= streams

    async def _in_reader(self, work: Callable[[], T]) -> T:
        reading = partial(_with_database, work, is_tried_again=True)
        return await asyncio.get_running_loop().run_in_executor(self._reader, reading)

    # --- Heartbeats ---------------------------------------------------------------------------

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            await self.beat()

    async def beat(self) -> None:
        """Show everybody that the line is up; end the streams of those who have logged out."""
        for stream in list(self.audience.streams):
            stream.beat()
        sessions = iter({stream.session for stream in self.audience.streams})
        while some := set(islice(sessions, SESSIONS_AT_ONCE)):
            try:
                visitors = await self.at_the_door(partial(read_visitors, some))
            except HubClosed:
                return
            except DatabaseError as problem:
                log.warning("rights could not be checked: %s", str(problem).strip())
                return
            for stream in [each for each in self.audience.streams if each.session in some]:
                visitor = visitors.get(stream.session)
                if visitor is None or not visitor.may_keep(
                    stream.user, stream.customer, stream.as_support
                ):
                    stream.end()


def _with_database(work: Callable[[], T], is_tried_again: bool = False) -> T:
    """Run in a thread of ours: its connection is looked after as Django does for a request.

    `is_tried_again`: after a failure, so that nobody need ask first whether it still works.
    """
    close_old_connections()
    if is_tried_again:
        connection.health_check_done = True  # type: ignore[attr-defined]  # missing in the stubs
    try:
        return work()
    finally:
        close_old_connections()
