"""Django's WSGI handler in fixed pools of threads.

A request goes into a thread once and comes out of it once, with its whole answer: each further
crossing between threads costs as much as a query.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from io import BytesIO
from typing import Any, cast

from a2wsgi.wsgi import build_environ
from django.db import connections

from midsync_portal.threads import end_threads

from .answers import answer
from .types import Pieces, Receive, Scope, Send, WsgiApp

WAITING_MAX = 1000  # requests in one pool; more are asked to come again
Stream = Callable[[Pieces, Scope, Receive, Send], Awaitable[None]]


class Pool:
    """A WSGI application with threads of its own, which live as long as the process."""

    def __init__(self, app: WsgiApp, threads: int, stream: Stream | None = None) -> None:
        """`stream` sends what is made while it is sent, as an export; without it, no answer is."""
        self._app = app
        self._executor = ThreadPoolExecutor(threads, "WSGI")
        self._threads = threads
        self._stream = stream
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request whose body is there already, in one piece.

        Its thread is free when the answer is made, however slowly the client reads, and even if
        the request has been cancelled meanwhile.
        """
        if self._inside >= WAITING_MAX:
            await answer(send, 503, "Too many requests at once.", [(b"retry-after", b"5")])
            return
        body = (await receive()).get("body", b"")
        environ = build_environ(cast(Any, scope), cast(Any, BytesIO(body)))
        loop, work = asyncio.get_running_loop(), copy_context().run
        self._inside += 1
        try:
            status, headers, made = await loop.run_in_executor(
                self._executor, work, self._answer, environ
            )
        finally:
            self._inside -= 1
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if isinstance(made, bytes):
            await send({"type": "http.response.body", "body": made})
        elif self._stream:
            await self._stream(_pieces(made), scope, receive, send)

    def finish(self) -> None:
        """Wait for the requests under way, then end the threads and their connections."""
        end_threads(self._executor, self._threads)

    def _answer(self, environ: Any) -> tuple[int, list[tuple[bytes, bytes]], Any]:
        """Status, headers, and the body, or what makes it."""
        begun: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
            begun[:] = status, headers

        chunks = self._app(environ, start_response)
        made: Any = chunks
        if not (self._stream and getattr(chunks, "streaming", False)):
            try:
                made = b"".join(chunks)
            finally:
                close = getattr(chunks, "close", None)
                if close:
                    close()
        status, headers = begun
        encoded = [(k.lower().encode("latin1"), v.strip().encode("latin1")) for k, v in headers]
        return int(status.partition(" ")[0]), encoded, made


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
