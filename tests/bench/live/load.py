"""Plays browsers and MidSync: opens streams, posts callbacks, notes when each row arrives.

Runs in a process of its own, driven by one JSON object on standard input (see `Plan`); prints one
JSON object. Callbacks are sent by the clock, whether earlier ones were answered or not, so that
a slow server cannot hide behind a patient client.
"""

import asyncio
import json
import random
import re
import resource
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

ROW = re.compile(
    rb'data-task="([0-9a-f-]{36})"[^>]*data-status="(\w+)"(?:(?!data-task).)*?'
    rb'(?:<progress[^>]*value="(\d+)"|</li>)',
    re.DOTALL,
)
CALLERS = 64  # connections that post
AGAIN = 5  # posts of a callback that was not answered 200, a second apart
OPENS_WITHIN = 60  # seconds, all pages
END = "end"


@dataclass(frozen=True)
class Plan:
    """One run."""

    stream: str  # URL of a stream or poll; ROWS stands for comma-separated task numbers
    cookie: str
    groups: list[list[str]]  # the task numbers that each browser watches
    callbacks: dict[str, str]  # by task number
    updates: int
    rate: float  # callbacks per second
    seed: int = 1
    poll_seconds: float = 0  # 0: a stream
    ends: bool = True  # whether a final callback for each updated task comes last
    drop_half_at: float = 0  # seconds after the start at which half the browsers reconnect
    wait_seconds: float = 10  # for the last rows
    callers: int = CALLERS


@dataclass
class Results:
    """What was seen."""

    sent: dict[tuple[str, str], float] = field(default_factory=dict)
    answered: dict[tuple[str, str], float] = field(default_factory=dict)
    received: dict[tuple[str, str], float] = field(default_factory=dict)
    errors: int = 0
    lost_connections: int = 0


class Browser:
    """One open page: reads its stream, or polls."""

    def __init__(self, plan: Plan, rows: list[str], results: Results) -> None:
        self.plan, self.rows, self.results = plan, rows, results
        self.last: dict[str, str] = {}  # newest state by task
        channels = "&".join(f"channel=task-{row}" for row in rows)
        url = plan.stream.replace("ROWS", ",".join(rows)).replace("CHANNELS", channels)
        self._url = urlsplit(url)
        self.is_open = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None

    async def live(self) -> None:
        """Stay connected for ever, as EventSource or htmx would."""
        if self.plan.poll_seconds:
            await asyncio.sleep(random.uniform(0, self.plan.poll_seconds))  # noqa: S311
        while True:
            try:
                await (self._poll() if self.plan.poll_seconds else self._stream())
            except (OSError, asyncio.IncompleteReadError):
                self.results.lost_connections += 1
                await asyncio.sleep(random.uniform(0.2, 1.0))  # noqa: S311

    def drop(self) -> None:
        """Cut the line."""
        if self._writer is not None:
            self._writer.transport.abort()

    async def _connect(self) -> asyncio.StreamReader:
        port = self._url.port or 80
        reader, self._writer = await asyncio.open_connection(self._url.hostname, port)
        return reader

    def _ask(self, kind: str) -> None:
        assert self._writer is not None
        self._writer.write(
            f"GET {self._url.path}?{self._url.query} HTTP/1.1\r\nHost: {self._url.netloc}\r\n"
            f"Accept: {kind}\r\nCookie: {self.plan.cookie}\r\n\r\n".encode()
        )

    async def _stream(self) -> None:
        reader = await self._connect()
        self._ask("text/event-stream")
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.partition(b"\r\n")[0]:
            raise ConnectionResetError(head[:40])
        self.is_open.set()
        buffer = b""
        while data := await reader.read(65_536):
            buffer += data
            whole, mark, buffer = buffer.rpartition(b"\n\n")
            if mark:
                self._take(whole)
        raise ConnectionResetError

    async def _poll(self) -> None:
        reader = await self._connect()
        self.is_open.set()
        while True:
            began = time.perf_counter()
            self._ask("text/html")
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(re.search(rb"content-length: (\d+)", head.lower())[1])  # type: ignore[index]
            self._take(await reader.readexactly(length))
            spent = time.perf_counter() - began
            await asyncio.sleep(max(0.0, self.plan.poll_seconds - spent))

    def _take(self, text: bytes) -> None:
        now = time.perf_counter()
        for task, status, progress in ROW.findall(text):
            state = progress.decode() if status == b"running" else END
            number = task.decode()
            self.last[number] = state
            self.results.received.setdefault((number, state), now)


class Caller:
    """MidSync: posts callbacks over a few kept connections."""

    def __init__(self, plan: Plan, results: Results) -> None:
        self.plan, self.results = plan, results
        self.taken: set[tuple[str, str]] = set()  # answered 200
        self._free: asyncio.Queue[Any] = asyncio.Queue()
        for _ in range(plan.callers):
            self._free.put_nowait(None)

    async def post(self, task: str, state: str) -> None:
        """One callback, and its answer."""
        body = (
            {"taskId": "", "status": "processing", "progress": int(state)}
            if state != END
            else {
                "status": "completed",
                "output": {"video": {"url": "https://cdn.example.com/v.mp4"}},
            }
        )
        body.pop("taskId", None)
        raw = json.dumps(body).encode()
        url = urlsplit(self.plan.callbacks[task])
        head = (
            f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(raw)}\r\n\r\n"
        )
        self.results.sent.setdefault((task, state), time.perf_counter())
        line = await self._free.get()
        try:
            if line is None:
                line = await asyncio.open_connection(url.hostname, url.port)
            reader, writer = line
            writer.write(head.encode() + raw)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", answer.lower())
            await reader.readexactly(int(length[1]) if length else 0)
            self.results.answered[task, state] = time.perf_counter()
            if b" 200 " in answer.partition(b"\r\n")[0]:
                self.taken.add((task, state))
            else:
                self.results.errors += 1
        except (OSError, asyncio.IncompleteReadError):
            self.results.errors += 1
            line = None
        self._free.put_nowait(line)


async def play(plan: Plan) -> dict[str, Any]:
    """The whole run."""
    results = Results()
    browsers = [Browser(plan, rows, results) for rows in plan.groups]
    living = [asyncio.create_task(browser.live()) for browser in browsers]
    try:
        async with asyncio.timeout(OPENS_WITHIN):
            for browser in browsers:
                await browser.is_open.wait()
    except TimeoutError:
        sys.exit(f"{sum(b.is_open.is_set() for b in browsers)} of {len(browsers)} pages opened")
    await asyncio.sleep(1)  # the snapshots
    await _go_on("open")
    results.received.clear()
    cpu = resource.getrusage(resource.RUSAGE_SELF)
    began = time.perf_counter()
    caller = Caller(plan, results)
    await _send_all(plan, caller, browsers, began)
    updated = {task for task, _ in results.sent}
    wanted = {task: END if plan.ends else _last_sent(results, task) for task in updated}
    deadline = time.perf_counter() + plan.wait_seconds
    while time.perf_counter() < deadline and _lost(browsers, wanted):
        await asyncio.sleep(0.05)
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_SELF)
    await _go_on("sent")
    for task in living:
        task.cancel()
    return {
        "sent_to_row": _spans(results.sent, results.received),
        "answered_to_row": _spans(results.answered, results.received),
        "sent_to_answer": _spans(results.sent, results.answered),
        "updates": len(results.sent),
        "lost": _lost(browsers, wanted),
        "errors": results.errors,
        "lost_connections": results.lost_connections,
        "seconds": seconds,
        "own_cpu": (used.ru_utime + used.ru_stime - cpu.ru_utime - cpu.ru_stime) / seconds,
    }


async def _send_all(plan: Plan, caller: Caller, browsers: list[Browser], began: float) -> None:
    """Progress of one task after the other, then the end of each that was touched."""
    numbers = list(plan.callbacks)
    random.Random(plan.seed).shuffle(numbers)  # noqa: S311
    states = [(numbers[n % len(numbers)], str(1 + n // len(numbers))) for n in range(plan.updates)]
    if plan.ends:
        states += [(task, END) for task in dict.fromkeys(task for task, _ in states)]
    posts, has_dropped = [], not plan.drop_half_at
    for number, (task, state) in enumerate(states):
        wait = began + number / plan.rate - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        if not has_dropped and time.perf_counter() - began > plan.drop_half_at:
            has_dropped = True
            for browser in browsers[::2]:
                browser.drop()
        posts.append(asyncio.create_task(caller.post(task, state)))
    await asyncio.gather(*posts)
    for _ in range(AGAIN):  # whoever was not answered posts again, as MidSync does
        left = [state for state in states if state not in caller.taken]
        if not left:
            return
        await asyncio.sleep(1)
        await asyncio.gather(*(caller.post(task, state) for task, state in left))


async def _go_on(what: str) -> None:
    """Say how far we are, and wait until the other side has noted the cost of the servers."""
    sys.stdout.write(what + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)


def _last_sent(results: Results, task: str) -> str:
    return max((state for sent, state in results.sent if sent == task), key=int)


def _lost(browsers: Iterable[Browser], wanted: dict[str, str]) -> int:
    """How many rows on how many pages do not show the last state."""
    return sum(
        browser.last.get(task) != wanted[task]
        for browser in browsers
        for task in browser.rows
        if task in wanted
    )


def _spans(begin: dict[tuple[str, str], float], end: dict[tuple[str, str], float]) -> list[float]:
    """Milliseconds from one to the other, where both happened."""
    return [round((end[key] - at) * 1000, 3) for key, at in begin.items() if key in end]


if __name__ == "__main__":
    wanted = json.loads(sys.stdin.readline())
    sys.stdout.write(json.dumps(asyncio.run(play(Plan(**wanted)))) + "\n")
