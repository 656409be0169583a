"""Short answers that need no Django."""

import asyncio
import contextlib
from collections.abc import Sequence

from .types import Receive, Send

DISCARDED_BYTES = 16 * 1024 * 1024
DISCARDED_SECONDS = 2.0


async def answer(
    send: Send,
    status: int,
    text: str,
    headers: Sequence[tuple[bytes, bytes]] = (),
    *,
    more_body: bool = False,
    content_type: str = "text/plain",
) -> None:
    """Send a whole answer of text; `more_body` leaves its end to the caller."""
    body = text.encode()
    own = [
        (b"content-type", f"{content_type}; charset=utf-8".encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": [*own, *headers]})
    await send({"type": "http.response.body", "body": body, "more_body": more_body})


async def refuse_body(receive: Receive, send: Send, status: int, text: str) -> None:
    """Answer while the body still comes, and close the connection.

    Some of the body is read and thrown away: who is still writing when the line is cut would
    never see the answer.
    """
    await answer(send, status, text, [(b"connection", b"close")], more_body=True)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DISCARDED_SECONDS):
            discarded = 0
            while discarded < DISCARDED_BYTES:
                message = await receive()
                discarded += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    break
    await send({"type": "http.response.body", "body": b"", "more_body": False})
