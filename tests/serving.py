"""Runs the portal's ASGI side on an event loop in a thread, so that tests read from top to bottom.

Only the wire is replaced: instead of a server there are `request` and `Page`.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Coroutine, Iterable, Mapping
from concurrent.futures import Future
from typing import Any

from django.db import connections
from django.test import Client

PATIENCE = 20  # seconds until a wait is given up; nothing takes that long


class Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def start(self, work: Coroutine) -> Future:
        """Run it beside the test."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine) -> Any:
        """Run it and wait for its result."""
        return self.start(work).result(PATIENCE)

    def call(self, function: Any, *args: Any) -> Any:
        """Call a plain function on the loop and wait for its result."""

        async def work() -> Any:
            return function(*args)

        return self.run(work())

    def close(self) -> None:
        """End the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()


def scope_of(
    path: str, method: str = "GET", headers: Mapping[str, str] | Iterable = (), query: str = ""
) -> dict[str, Any]:
    """An HTTP request as a server describes it."""
    pairs = [("host", "127.0.0.1"), *dict(headers).items()]
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in pairs],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }


class Answer:
    """What an application has sent."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.is_complete = False

    async def send(self, message: Mapping[str, Any]) -> None:
        """Take one message of the application."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {
                name.decode().lower(): value.decode() for name, value in message["headers"]
            }
        else:
            self.body += message.get("body", b"")
            self.is_complete = not message.get("more_body", False)


def request(
    loop: Loop, app: Any, path: str, method: str = "GET", *, chunks: Iterable[bytes] = (b"",), **how
) -> Answer:
    """One request and its whole answer; the body comes in these pieces."""
    answer = Answer()
    pieces = list(chunks)

    async def receive() -> dict[str, Any]:
        if not pieces:
            return {"type": "http.disconnect"}
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    loop.run(app(scope_of(path, method, **how), receive, answer.send))
    return answer


class Page:
    """A page that listens to its stream. It may stop reading, and it may leave."""

    def __init__(self, loop: Loop, app: Any, client: Client, query: str) -> None:
        self._loop = loop
        self._bodies: queue.Queue[bytes] = queue.Queue()
        self._gone = asyncio.Event()
        self._reads = asyncio.Event()
        self._reads.set()
        self.answer = Answer()
        self.text = ""  # all that has been read
        self.was_cut = False
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
        self.scope = scope_of("/stream/", headers={"cookie": cookies}, query=query)
        self.scope["state"]["abort"] = self._cut
        self.done = loop.start(app(self.scope, self._receive, self._send))

    def _cut(self) -> None:
        self.was_cut = True

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Mapping[str, Any]) -> None:
        await self._reads.wait()
        await self.answer.send(message)
        if message["type"] == "http.response.body":
            self._bodies.put(message["body"])

    def wait_for(self, *texts: str) -> str:
        """Read until all of these have come; returns what came meanwhile."""
        came, until = "", time.monotonic() + PATIENCE  # heartbeats come in any case
        while not all(text in came for text in texts):
            try:
                came += self._bodies.get(timeout=max(0, until - time.monotonic())).decode()
            except queue.Empty:
                raise AssertionError(f"{texts} did not come, but: {came}") from None
        self.text += came
        return came

    def wait_for_end(self) -> str:
        """Read until the stream has ended; returns what came meanwhile."""
        self.done.result(PATIENCE)
        came = ""
        while not self._bodies.empty():
            came += self._bodies.get().decode()
        self.text += came
        return came

    def stop_reading(self) -> None:
        """Let the next message wait until `read_on`."""
        self._loop.call(self._reads.clear)

    def read_on(self) -> None:
        """Read again."""
        self._loop.call(self._reads.set)

    def leave(self) -> None:
        """Close the tab."""
        self._loop.call(self._gone.set)
        self.done.result(PATIENCE)


def in_thread(work: Any, *args: Any) -> None:
    """Run something with the database in another thread, as a request or a worker would."""
    problems: list[BaseException] = []

    def run() -> None:
        try:
            work(*args)
        except BaseException as problem:
            problems.append(problem)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(PATIENCE)
    if problems:
        raise problems[0]
