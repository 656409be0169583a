"""Where a hub's wake-ups come from: PostgreSQL's LISTEN, or datagrams and a look at SQLite."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import psycopg
from django.conf import settings
from django.db import DatabaseError, connection
from psycopg.pq.abc import PGconn

from .datagrams import Mailbox, folder_of
from .wakeups import CHANNEL, Change, WakeUp, decode

log = logging.getLogger("midsync_portal.live")

LOOK_SECONDS = 0.5  # between two looks whether SQLite has changed
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0  # seconds until LISTEN is tried again
TRY_SECONDS = 5.0  # for one notice to arrive
LISTEN_OPTIONS: dict[str, Any] = {
    "application_name": "portal-live",
    "connect_timeout": 5,
    # A connection that died silently is noticed within half a minute.
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}

OnWakeUp = Callable[[WakeUp], None]
InThread = Callable[[Callable[[], Any]], Awaitable[Any]]


class Source(Protocol):
    """Tells a hub what happens from `start` to `stop`; both are called on the event loop."""

    async def start(self) -> None:
        """Begin; returns when nothing that happens from now on can be missed for good."""

    async def stop(self) -> None:
        """End, and give back what was opened."""


def make_source(on_wake_up: OnWakeUp, on_gap: Callable[[], None], in_thread: InThread) -> Source:
    """The source for the configured database.

    `on_gap` is called when changes may have been missed and all rows have to be read again;
    `in_thread` runs a function in a thread that may use the database.
    """
    if connection.vendor == "postgresql":
        return PostgresSource(on_wake_up, on_gap)
    return SqliteSource(on_wake_up, in_thread)


class PostgresSource:
    """LISTEN on a connection of its own; comes back by itself after the database was away."""

    def __init__(self, on_wake_up: OnWakeUp, on_gap: Callable[[], None]) -> None:
        self._on_wake_up = on_wake_up
        self._on_gap = on_gap
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen; each time it does, `on_gap` is called."""
        self._task = asyncio.create_task(self._listen(listen_params()))

    async def stop(self) -> None:
        """Close the connection."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _listen(self, params: dict[str, Any]) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                listener = await psycopg.AsyncConnection.connect(**params, autocommit=True)
                async with listener:
                    await listener.execute(f"LISTEN {CHANNEL}")
                    pause = FIRST_PAUSE
                    self._on_gap()
                    await self._hear_out(listener.pgconn)
            except (psycopg.Error, OSError) as problem:
                log.warning("live rows wait for PostgreSQL: %s", str(problem).strip())
            except Exception:  # nothing may end the listening
                log.exception("live rows could not listen")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _hear_out(self, line: PGconn) -> None:
        """Pass on what comes until the line breaks, and raise what broke it.

        psycopg's own generator takes 0.1 ms of processor time more for each notice.
        """
        loop, place = asyncio.get_running_loop(), line.socket
        broken = loop.create_future()

        def receive() -> None:
            try:
                line.consume_input()
                while notice := line.notifies():
                    tell(self._on_wake_up, notice.extra.decode(errors="replace"))
            except Exception as problem:
                loop.remove_reader(place)
                broken.set_exception(problem)

        loop.add_reader(place, receive)
        try:
            await broken
        except asyncio.CancelledError:
            loop.remove_reader(place)
            raise


def listen_params() -> dict[str, Any]:
    """How to connect for LISTEN: as Django does, or as LISTEN_DATABASE_URL says."""
    if settings.LISTEN_DATABASE_URL:
        return {"conninfo": settings.LISTEN_DATABASE_URL, **LISTEN_OPTIONS}
    params = connection.get_connection_params()
    for django_only in ("cursor_factory", "context", "prepare_threshold"):
        params.pop(django_only, None)
    return {**params, **LISTEN_OPTIONS}


def notices_arrive() -> bool:
    """Whether what Django's connection announces reaches those who LISTEN; PostgreSQL only.

    It does not through a transaction pooler, nor from another database. Raises psycopg.Error
    where the listener cannot connect.
    """
    channel = f"portal_try_{secrets.token_hex(8)}"
    with psycopg.connect(**listen_params(), autocommit=True) as listener:
        listener.execute(f"LISTEN {channel}")
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, '')", [channel])
        return any(True for _ in listener.notifies(timeout=TRY_SECONDS, stop_after=1))


class SqliteSource:
    """A mailbox for the wake-ups, and twice a second a look for those that got lost.

    SQLite has one writer at a time, so its TaskEvents are numbered in the order of their commits
    and "those after the last one seen" leaves none out. (PostgreSQL's are not.)
    """

    def __init__(self, on_wake_up: OnWakeUp, in_thread: InThread) -> None:
        self._on_wake_up = on_wake_up
        self._in_thread = in_thread
        self._data_version = -1
        self._last_event = -1
        folder = folder_of(str(connection.settings_dict["NAME"]))
        self._mailbox = Mailbox(folder, lambda text: tell(on_wake_up, text)) if folder else None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the mailbox and remember what has happened so far."""
        if self._mailbox:
            self._mailbox.open()
        await self.look()
        self._task = asyncio.create_task(self._keep_looking())

    async def stop(self) -> None:
        """Close the mailbox and look no more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._mailbox:
            self._mailbox.close()

    async def look(self) -> None:
        """Report the changes since the last look; the hub skips those that it has read."""
        try:
            for change in await self._in_thread(self._read):
                self._on_wake_up(change)
        except DatabaseError as problem:
            log.warning("live rows cannot look at the database: %s", problem)

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look()

    def _read(self) -> list[Change]:
        from midsync_portal.models import TaskEvent

        with connection.cursor() as cursor:
            cursor.execute("PRAGMA data_version")
            (version,) = cursor.fetchone()
        if version == self._data_version:
            return []
        if self._last_event < 0:
            newest = TaskEvent.objects.order_by("-pk").values_list("pk", flat=True).first()
            self._data_version, self._last_event = version, newest or 0
            return []
        events = list(
            TaskEvent.objects.filter(pk__gt=self._last_event)
            .order_by("pk")
            .values_list("pk", "task_id", "task__customer_id", "kind")
        )
        self._data_version = version
        if events:
            self._last_event = events[-1][0]
        return [
            Change(task, customer, kind == TaskEvent.Kind.CREATED, event=pk)
            for pk, task, customer, kind in events
        ]


def tell(on_wake_up: OnWakeUp, text: str) -> None:
    """Pass on a wake-up as it travelled; what nobody of ours has written is left out."""
    try:
        wake_up = decode(text)
    except ValueError:
        log.warning("a wake-up that cannot be read was left out")
        return
    on_wake_up(wake_up)
