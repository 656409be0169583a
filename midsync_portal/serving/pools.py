"""Django's WSGI handler in fixed pools of threads."""

from collections.abc import Awaitable, Callable, Generator
from typing import Any, cast

from a2wsgi import WSGIMiddleware
from django.db import connections

from midsync_portal.threads import end_threads

from .answers import answer
from .types import Message, Receive, Scope, Send, WsgiApp

WAITING_MAX = 1000  # requests in one pool; more are asked to come again


LATER = "portal.later"  # in a scope's state: answers that are made while they are sent
Pieces = Generator[bytes, None, None]
Stream = Callable[[Pieces, Scope, Receive, Send], Awaitable[None]]


class Pool:
    """A WSGI application with threads of its own, which live as long as the process."""

    def __init__(self, app: WsgiApp, threads: int, stream: Stream | None = None) -> None:
        """`stream` sends what is made while it is sent, as an export; without it, no answer is."""
        self._bridge: Any = WSGIMiddleware(cast(Any, _in_one_piece(app)), workers=threads)
        self._threads = threads
        self._stream = stream
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request whose body is there already."""
        if self._inside >= WAITING_MAX:
            await answer(send, 503, "Too many requests at once.", [(b"retry-after", b"5")])
            return
        later: list[Any] = []
        if self._stream:
            scope = {**scope, "state": {**scope.get("state", {}), LATER: later}}

        async def send_what_is_made(message: Message) -> None:
            if not later or message["type"] != "http.response.body":
                await send(message)

        self._inside += 1
        try:
            await self._bridge(scope, receive, send_what_is_made)
        finally:
            self._inside -= 1
        if later and self._stream:
            await self._stream(_pieces(later[0]), scope, receive, send)

    def finish(self) -> None:
        """Wait for the requests under way, then end the threads and their connections."""
        end_threads(self._bridge.executor, self._threads)


def _in_one_piece(app: WsgiApp) -> WsgiApp:
    """Let the application finish its answer before any of it is sent, unless it is made later.

    A few messages fit into the bridge's queue, so that its thread is free however slowly the
    client reads, and even if the request has been cancelled meanwhile.
    """

    def whole(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        chunks = app(environ, start_response)
        later = environ["asgi.scope"].get("state", {}).get(LATER)
        if later is not None and getattr(chunks, "streaming", False):
            later.append(chunks)
            return []
        try:
            return [b"".join(chunks)]
        finally:
            close = getattr(chunks, "close", None)
            if close:
                close()

    return whole


def _pieces(chunks: Any) -> Pieces:
    """An answer of Django piece by piece, each in whatever thread asks for it."""
    made = iter(chunks)
    try:
        while True:
            try:
                piece = next(made)
            except StopIteration:
                return
            finally:
                connections.close_all()  # of this thread, which may not be asked again
            if piece:
                yield piece
    finally:
        chunks.close()
