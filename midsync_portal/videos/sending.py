"""Sends what a storage holds piece by piece: each is read in a thread for as long as that takes.

However slowly somebody reads, nothing waits for them but their own connection, and not for ever.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, BinaryIO

from midsync_portal.serving.types import Pieces, Receive, Scope, Send

log = logging.getLogger("midsync_portal.videos")

CHUNK = 64 * 1024  # bytes
READERS = 8  # threads
SEND_SECONDS = 60.0  # for one chunk; a player that waits longer asks again from where it stopped
ANSWER_SECONDS = 2 * 3600.0  # for a whole answer
END_SECONDS = 3.0  # for what is under way when the process has to end
COMMON = [
    (b"cache-control", b"private, no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; media-src 'self'; sandbox"),
    (b"referrer-policy", b"same-origin"),
    (b"x-accel-buffering", b"no"),
]


class CutShort(Exception):
    """The storage has given fewer bytes than it should."""


def pieces_of(source: BinaryIO, length: int) -> Pieces:
    """So many bytes of an open file. Raises CutShort."""
    left = length
    while left:
        try:
            chunk = source.read(min(CHUNK, left))
        except Exception as problem:
            raise CutShort(f"it cannot be read: {type(problem).__name__}") from problem
        if not chunk:
            raise CutShort(f"{left} bytes are missing")
        left -= len(chunk)
        yield chunk


class Sender:
    """The threads that read, and the answers that are under way."""

    def __init__(self) -> None:
        self._readers = ThreadPoolExecutor(READERS, "file")
        self._limits: set[asyncio.Timeout] = set()

    async def in_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Run something that reads from the storage."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, partial(work, *arguments))

    async def __call__(
        self,
        what: str,
        head: tuple[int, list[tuple[bytes, bytes]]] | None,
        pieces: Pieces,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        """Send status, headers and pieces until the end, or until nobody reads any more.

        `what` names it in the log; no `head`: status and headers have been sent.
        """
        gone = asyncio.create_task(_until_disconnect(receive))
        limit = asyncio.timeout(ANSWER_SECONDS)
        self._limits.add(limit)
        try:
            async with limit:
                if head:
                    status, headers = head
                    begin = {"type": "http.response.start", "status": status, "headers": headers}
                    await send(begin)
                await self._send_pieces(pieces, gone, send)
        except (TimeoutError, CutShort) as problem:
            log.info("%s: the answer was cut: %s", what, problem or "no reader")
            # What was promised cannot be kept, and a peer that does not read would be waited for.
            abort = scope.get("state", {}).get("abort")
            if abort:
                abort()
                await asyncio.sleep(0)  # the server notices before we return
        finally:
            self._limits.discard(limit)
            gone.cancel()

    async def _send_pieces(self, pieces: Pieces, gone: "asyncio.Task[None]", send: Send) -> None:
        job: Future[bytes] = self._readers.submit(next, pieces, b"")
        try:
            while (piece := await asyncio.wrap_future(job)) and not gone.done():
                async with asyncio.timeout(SEND_SECONDS):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                job = self._readers.submit(next, pieces, b"")
            if not piece:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            # A read that is under way cannot be stopped, only followed.
            job.add_done_callback(lambda _: pieces.close())

    def close(self) -> None:
        """The process has to end: answers under way have a moment left. Players come back."""
        soon = asyncio.get_running_loop().time() + END_SECONDS
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(min(soon, limit.when() or soon))

    def finish(self) -> None:
        """Take no more reads."""
        self._readers.shutdown(wait=False)


async def _until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
