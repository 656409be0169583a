"""The whole site behind the server: stream, files, two pools. Imported once Django is set up."""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from django.conf import settings
from django.db import connections

from midsync_portal.figures.beats import Beats
from midsync_portal.live.hub import Hub
from midsync_portal.live.stream import StreamDoor
from midsync_portal.videos.archive import ArchiveDoor
from midsync_portal.videos.door import FileDoor
from midsync_portal.videos.sending import Sender

from .answers import refuse_body
from .body import BodyTooLarge, BodyTooSlow, Disconnected, read_body, with_body
from .headers import believed
from .pools import Pool
from .readiness import Readiness
from .types import Receive, Scope, Send, WsgiApp

PAGE_THREADS = 8
UPSTREAM_THREADS = 64  # so many may wait for a MidSync that hangs before the next has to queue


class Site:
    """Splits requests by path: streams and files on the event loop, the rest to Django's pools."""

    def __init__(self, app: WsgiApp) -> None:
        self.pages = Pool(app, PAGE_THREADS)
        # These wait for MidSync or read much, so they have threads of their own: however many of
        # them hang, pages and callbacks go on.
        self.sender = Sender()
        self.upstream = Pool(
            _without_kept_connections(app), UPSTREAM_THREADS, partial(self.sender, "export", None)
        )
        self.hub = Hub()
        self.stream = StreamDoor(self.hub, not_found=self.pages)
        self.readiness = Readiness()
        self.files = FileDoor(self.hub.at_the_door, self.sender)
        self.archives = ArchiveDoor(self.hub.at_the_door, self.sender)
        self.beats = Beats(lambda: len(self.hub.audience.streams))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        scope = believed(scope, settings.TRUSTED_PROXIES)
        path: str = scope["path"]
        if path == "/stream/":
            await self.stream(scope, receive, send)
            return
        if path == "/readyz":
            await self.readiness(send)
            return
        if await self.files(scope, receive, send) or await self.archives(scope, receive, send):
            return
        is_callback = path.startswith("/callbacks/")
        limit = settings.CALLBACK_BODY_MAX if is_callback else settings.FORM_BODY_MAX
        try:
            body = await read_body(scope, receive, limit)
        except BodyTooLarge:
            await refuse_body(receive, send, 413, f"At most {limit} bytes.")
        except BodyTooSlow:
            await refuse_body(receive, send, 408, "That took too long.")
        except Disconnected:
            return
        else:
            pool = self.upstream if takes_long(scope["method"], path) else self.pages
            await pool(*with_body(scope, body, receive), send)

    def close(self) -> None:
        """End what could go on for hours; returns at once."""
        self.hub.close()
        self.sender.close()

    async def finish(self) -> None:
        """End the streams at once; wait for sends to MidSync and for requests under way."""
        from midsync_portal.submission import finish_sends

        self.readiness.finish()
        await self.hub.stop()
        self.sender.finish()
        await asyncio.to_thread(finish_sends, timeout=75)
        for pool in (self.pages, self.upstream):
            await asyncio.to_thread(pool.finish)
        await asyncio.to_thread(self.beats.finish)


def takes_long(method: str, path: str) -> bool:
    """Whether a request may wait for MidSync (quote, submit, compare, check, support's actions),
    or reads a customer's whole work.
    """
    if path in ("/tasks/export/", "/tasks/totals/"):
        return True
    return method == "POST" and (
        path in ("/", "/quote/", "/compare/")
        or (path.startswith("/tasks/") and path.endswith("/check/"))
        or path.startswith("/admin/")
    )


def _without_kept_connections(app: WsgiApp) -> WsgiApp:
    """Give the thread's database connections back after each request: there are many threads."""

    def giving_back(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            chunks = app(environ, start_response)
            if getattr(chunks, "streaming", False):
                return chunks
            body = b"".join(chunks)
            getattr(chunks, "close", lambda: None)()
            return [body]
        finally:
            connections.close_all()

    return giving_back
