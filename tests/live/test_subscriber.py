"""One stream by itself: what goes out at once, what waits, and that nothing goes out of order."""

import asyncio

import pytest

from midsync_portal.live.rendering import Fragment
from midsync_portal.live.subscriber import HEARTBEAT, Subscriber


class Line:
    """A line to a browser that can be busy, and a server that sends piece by piece."""

    def __init__(self) -> None:
        self.is_free = True
        self.went: list[bytes] = []
        self.may_send = asyncio.Event()
        self.may_send.set()
        self.in_hand = asyncio.Event()

    def write(self, body: bytes) -> bool:
        if self.is_free:
            self.went.append(body)
        return self.is_free

    async def send(self, message: dict) -> None:
        self.in_hand.set()
        await self.may_send.wait()
        self.went.append(message["body"])


def stream_on(line: Line, **options) -> Subscriber:
    stream = Subscriber(session="s", user=1, customer=1, write=line.write, **options)
    stream.watched[7] = ("row",)
    return stream


def row(text: str) -> dict[Fragment, bytes]:
    return {("row", "en"): text.encode(), ("new_row", "en"): f"new {text}".encode()}


async def settled(turns: int = 5) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


def test_a_change_goes_out_without_a_turn_of_the_event_loop():
    async def main() -> None:
        line = Line()
        stream = stream_on(line)
        stream.offer(7, row("one"))
        stream.tell("beat", HEARTBEAT)
        assert line.went == [b"one", HEARTBEAT]

    asyncio.run(main())


def test_what_went_out_is_not_sent_again():
    async def main() -> None:
        line = Line()
        stream = stream_on(line)
        for text in ("one", "one", "two", "two"):
            stream.offer(7, row(text))
        assert line.went == [b"one", b"two"]

    asyncio.run(main())


def test_a_new_row_is_put_on_top_once_and_then_replaced():
    async def main() -> None:
        line = Line()
        stream = stream_on(line)
        stream.unannounced.add(7)
        for text in ("one", "two"):
            stream.offer(7, row(text))
        assert line.went == [b"new one", b"two"]

    asyncio.run(main())


def test_a_busy_line_gets_only_the_newest_once_it_is_free():
    async def main() -> None:
        line = Line()
        line.is_free = False
        stream = stream_on(line)
        for n in range(50):
            stream.offer(7, row(f"{n}"))
        assert line.went == []
        pump = asyncio.create_task(stream.pump(line.send))
        await settled()
        assert line.went == [b"49"]
        pump.cancel()

    asyncio.run(main())


def test_a_newer_state_never_overtakes_what_the_server_has_in_hand():
    async def main() -> None:
        line = Line()
        line.is_free = False
        line.may_send.clear()
        stream = stream_on(line)
        pump = asyncio.create_task(stream.pump(line.send))
        stream.offer(7, row("one"))
        await line.in_hand.wait()
        line.is_free = True  # the line has room again, but "one" is not out yet
        stream.offer(7, row("two"))
        assert line.went == []
        line.may_send.set()
        await settled()
        assert line.went == [b"one", b"two"]
        pump.cancel()

    asyncio.run(main())


def test_after_its_end_a_stream_sends_the_last_message_and_nothing_past_it():
    async def main() -> None:
        line = Line()
        stream = stream_on(line)
        pump = asyncio.create_task(stream.pump(line.send))
        await settled()
        stream.offer(7, row("one"))
        stream.end(b"the end")
        stream.offer(7, row("two"))
        await asyncio.wait_for(pump, 5)
        assert line.went == [b"one", b"twothe end"]
        stream.offer(7, row("three"))
        assert line.went == [b"one", b"twothe end"]

    asyncio.run(main())


@pytest.mark.parametrize("times", [1, 3])
def test_a_wake_up_for_what_has_gone_out_meanwhile_sends_nothing(times):
    async def main() -> None:
        line = Line()
        stream = stream_on(line)
        for n in range(times):
            line.is_free = False
            stream.offer(7, row(f"{n}"))
        line.is_free = True
        stream.tell("beat", HEARTBEAT)
        pump = asyncio.create_task(stream.pump(line.send))
        await settled()
        assert line.went == [f"{times - 1}".encode() + HEARTBEAT]
        pump.cancel()

    asyncio.run(main())
