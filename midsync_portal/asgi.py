"""The portal as an ASGI application: `/healthz` here, everything else behind `serving.site`.

`bin/web` has Django loaded before, where it forks. Elsewhere Django loads in a thread while the
process serves already: requests for it wait, and `/readyz` says so. When the process is asked to
end, the streams end at once and sends to MidSync may finish.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .serving import loading
from .serving.answers import answer
from .serving.protocol import PatientProtocol
from .serving.types import Receive, Scope, Send

if TYPE_CHECKING:
    from .serving.site import Site

log = logging.getLogger("midsync_portal.asgi")


# Django's threads work, the event loop waits for them: it should not wait the usual 5 ms each time.
SWITCH_SECONDS = 0.001
STARTUP_FAILED = 3  # uvicorn's own code: its supervisor gives up instead of trying for ever


class Portal:
    """One process of the portal."""

    def __init__(self) -> None:
        self._loading: asyncio.Task[Site] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or go along with the life of the server."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            if scope["path"] == "/healthz":
                await answer(send, 200, "ok")
            elif scope["path"] == "/readyz" and not self._is_loaded:
                text = '{"status": "not ready", "reasons": ["starting"]}'
                await answer(send, 503, text, content_type="application/json")
            else:
                site = await self.site()
                await site(scope, receive, send)
        else:
            raise ValueError(f"the portal does not speak {scope['type']}")

    @property
    def _is_loaded(self) -> bool:
        loading = self._loading
        return loading is not None and loading.done() and not loading.exception()

    async def site(self) -> "Site":
        """What is behind `/healthz`; waits until it is loaded and listens for changes."""
        if self._loading is None:
            self._loading = asyncio.create_task(_load_and_start())
        return await asyncio.shield(self._loading)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()  # lifespan.startup
        loading = asyncio.ensure_future(self.site())
        loading.add_done_callback(_end_if_failed)
        _before_signals(self._begin_to_end)
        sys.setswitchinterval(SWITCH_SECONDS)
        await send({"type": "lifespan.startup.complete"})
        await receive()  # lifespan.shutdown
        site = await self.site()
        await site.finish()
        await send({"type": "lifespan.shutdown.complete"})

    def _begin_to_end(self) -> None:
        PatientProtocol.is_ending = True
        if self._loading and self._is_loaded:
            self._loading.result().close()


async def _load_and_start() -> "Site":
    def load_all() -> Any:
        from .wsgi import application  # which sets Django up

        if not loading.is_done:
            loading.load()
        return application

    app = await asyncio.to_thread(load_all)
    from .serving.site import Site

    site = Site(app)
    await site.hub.start()
    site.beats.start()
    return site


def _end_if_failed(loading: "asyncio.Future[Site]") -> None:
    """A process that cannot serve must not look as if it could."""
    if not loading.cancelled() and loading.exception():
        log.critical("the portal could not start", exc_info=loading.exception())
        os._exit(STARTUP_FAILED)


def _before_signals(work: Callable[[], None]) -> None:
    """Do this when the process is asked to end, before the server begins to wait for its
    connections: lifespan.shutdown would come after the last stream has ended.
    """
    loop = asyncio.get_running_loop()

    def wrap(number: int) -> None:
        before = signal.getsignal(number)

        def handle(received: int, frame: Any) -> None:
            loop.call_soon_threadsafe(work)
            if callable(before):
                before(received, frame)

        signal.signal(number, handle)

    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            wrap(number)
    except ValueError:
        log.debug("not in the main thread: signals stay as they are")


application = Portal()
