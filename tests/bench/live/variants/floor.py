"""The least that is possible: no Django, no database, a callback is passed on from memory."""

import asyncio
import json
from collections import defaultdict
from typing import Any

_watchers: dict[str, set[asyncio.Queue[bytes]]] = defaultdict(set)
ROW = '<li id="task-{0}" data-task="{0}" data-status="{1}"><progress value="{2}"></progress></li>'


async def application(scope: Any, receive: Any, send: Any) -> None:
    """POST /callbacks/<task>/<token>/ and GET /stream/?rows=<task>,<task>."""
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return
    if scope["method"] == "POST":
        await _callback(scope, receive, send)
    elif scope["path"] == "/stream/":
        await _stream(scope, send)
    else:
        await _answer(send, b"ok", False)


async def _callback(scope: Any, receive: Any, send: Any) -> None:
    task = scope["path"].split("/")[2]
    report = json.loads((await receive())["body"])
    status = "succeeded" if report["status"] == "completed" else "running"
    row = ROW.format(task, status, report.get("progress", 100))
    for queue in _watchers[task]:
        queue.put_nowait(f"data: {row}\n\n".encode())
    await _answer(send, b"ok", False)


async def _stream(scope: Any, send: Any) -> None:
    queue: asyncio.Queue[bytes] = asyncio.Queue()
    tasks = scope["query_string"].decode().removeprefix("rows=").split(",")
    for task in tasks:
        _watchers[task].add(queue)
    try:
        await _answer(send, b":\n\n", True)
        while True:
            body = await queue.get()
            await send({"type": "http.response.body", "body": body, "more_body": True})
    finally:
        for task in tasks:
            _watchers[task].discard(queue)


async def _answer(send: Any, body: bytes, more: bool) -> None:
    kind = b"text/event-stream" if more else b"text/plain"
    headers = [(b"content-type", kind)]
    if not more:
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": more})
