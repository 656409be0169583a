"""Django's WSGI handler in fixed pools of threads."""

from collections.abc import Callable
from typing import Any, cast

from a2wsgi import WSGIMiddleware

from midsync_portal.threads import end_threads

from .answers import answer
from .types import Receive, Scope, Send, WsgiApp

WAITING_MAX = 1000  # requests in one pool; more are asked to come again


class Pool:
    """A WSGI application with threads of its own, which live as long as the process."""

    def __init__(self, app: WsgiApp, threads: int) -> None:
        self._bridge: Any = WSGIMiddleware(cast(Any, _in_one_piece(app)), workers=threads)
        self._threads = threads
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request whose body is there already."""
        if self._inside >= WAITING_MAX:
            await answer(send, 503, "Too many requests at once.", [(b"retry-after", b"5")])
            return
        self._inside += 1
        try:
            await self._bridge(scope, receive, send)
        finally:
            self._inside -= 1

    def finish(self) -> None:
        """Wait for the requests under way, then end the threads and their connections."""
        end_threads(self._bridge.executor, self._threads)


def _in_one_piece(app: WsgiApp) -> WsgiApp:
    """Let the application finish its answer before any of it is sent.

    A few messages fit into the bridge's queue, so that its thread is free however slowly the
    client reads, and even if the request has been cancelled meanwhile.
    """

    def whole(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        chunks = app(environ, start_response)
        try:
            return [b"".join(chunks)]
        finally:
            close = getattr(chunks, "close", None)
            if close:
                close()

    return whole
