"""Reading a request's body on the event loop, before a thread is taken."""

import asyncio

from .types import Message, Receive, Scope

BODY_SECONDS = 30.0  # for the whole body, however it comes


class BodyTooLarge(Exception):
    """More bytes than allowed, said so or sent."""


class BodyTooSlow(Exception):
    """Not there in time."""


class Disconnected(Exception):
    """The client is gone."""


async def read_body(
    scope: Scope, receive: Receive, limit: int, seconds: float = BODY_SECONDS
) -> bytes:
    """The whole body, at most `limit` bytes.

    Raises BodyTooLarge (at once where Content-Length says so), BodyTooSlow or Disconnected.
    """
    for name, value in scope["headers"]:
        if name == b"content-length" and (not value.isdigit() or int(value[:20]) > limit):
            raise BodyTooLarge
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Disconnected
                body += message.get("body", b"")
                if len(body) > limit:
                    raise BodyTooLarge
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise BodyTooSlow from None


def with_body(scope: Scope, body: bytes, then: Receive) -> tuple[Scope, Receive]:
    """The request as if its body had come in one piece, with its true length; `then` tells what
    comes after it: that the client has gone.

    Under WSGI a chunked body would look empty.
    """
    unread = [body]
    headers = [
        (name, value)
        for name, value in scope["headers"]
        if name not in (b"content-length", b"transfer-encoding")
    ]
    if body or len(headers) < len(scope["headers"]):
        headers.append((b"content-length", str(len(body)).encode()))

    async def receive() -> Message:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        return await then()

    return {**scope, "headers": headers}, receive
