"""What strangers and broken clients do to streams: nothing leaks, nothing grows, nobody notices."""

import asyncio
import gc
import os
import socket
import threading
from collections import Counter

import pytest

from midsync_portal.live.hub import DOOR_THREADS
from midsync_portal.live.subscriber import Subscriber
from tests.serving import PATIENCE, Answer, in_thread, scope_of

from .people import browser_of, row, run_on

pytestmark = pytest.mark.django_db(transaction=True)

CONNECTS = 10_000
AT_ONCE = 50


def cookie_of(client) -> str:
    """The browser's cookies as a header."""
    return "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())


async def census(hub) -> Counter:
    """How many there are of everything that a stream is made of, and of open files."""
    while hub._dirty or hub._catching_up:  # still reads for those who have left
        await hub._in_reader(lambda: None)
    await hub._in_reader(lambda: None)
    await asyncio.sleep(0)
    gc.collect()
    kinds = (Subscriber, asyncio.Task, asyncio.Future, asyncio.Event, socket.socket)
    # By type: isinstance would wake lazy objects of other tests.
    counted = Counter(
        kind.__name__
        for thing in gc.get_objects()
        for kind in kinds
        if issubclass(type(thing), kind)
    )
    counted["threads"] = threading.active_count()
    counted["files"] = len(os.listdir("/dev/fd"))
    return counted


class Visits:
    """Streams that are opened and dropped, many at once."""

    def __init__(self, site, client, query: str) -> None:
        self._site, self._query = site, query
        self._cookie = cookie_of(client)

    async def one(self) -> None:
        """Connect, hear the first words, and go without a word."""
        scope = scope_of("/stream/", headers={"cookie": self._cookie}, query=self._query)
        heard, gone = asyncio.Event(), asyncio.Event()
        answer = Answer()

        async def send(message) -> None:
            await answer.send(message)
            if answer.body:
                heard.set()

        async def receive():
            await gone.wait()
            return {"type": "http.disconnect"}

        stream = asyncio.ensure_future(self._site(scope, receive, send))
        await heard.wait()
        gone.set()
        await stream
        assert answer.status == 200

    async def many(self, count: int) -> None:
        """So many of them, a few at a time."""
        for _ in range(count // AT_ONCE):
            await asyncio.gather(*(self.one() for _ in range(AT_ONCE)))


def test_ten_thousand_connects_leave_nothing_behind(
    loop, site, make_task, ana, anas_browser, open_page, settings, monkeypatch
):
    settings.STREAMS_PER_PERSON = AT_ONCE + 1
    task = make_task()
    neighbour = open_page(anas_browser, rows=[task])
    neighbour.wait_for(row(task, "queued"))
    visits = Visits(site, anas_browser, f"rows={task.public_id}&list=1")
    # The door's own query is not what is tried here, and would take minutes.
    admitted, _ = loop.run(at_each_door(site.hub, lambda: admit_once(anas_browser, task)))
    monkeypatch.setattr("midsync_portal.live.stream.admit", lambda *asked: admitted)
    loop.start(visits.many(AT_ONCE * 2)).result(60)
    before = loop.run(census(site.hub))
    loop.start(visits.many(CONNECTS)).result(120)
    after = loop.run(census(site.hub))
    grown = {kind: (before[kind], count) for kind, count in after.items() if count > before[kind]}
    assert grown == {}
    hub = site.hub
    kept = {name: len(each) for name, each in vars(hub.audience).items()}
    assert kept.pop("_wanted") <= 1
    of_the_neighbour = {"streams": 1, "_by_user": 1, "_watchers": 1}
    assert kept == of_the_neighbour | {"overseers": 0, "_by_customer": 0}
    assert not hub._catching_up
    run_on(task)
    neighbour.wait_for(row(task, "running"))


async def at_each_door(hub, work):
    """What each thread of the door makes of it; from then on all of them have a connection."""
    together = threading.Barrier(DOOR_THREADS)

    def wait_and_work():
        together.wait(PATIENCE)
        return work()

    return await asyncio.gather(*(hub.at_the_door(wait_and_work) for _ in range(DOOR_THREADS)))


def admit_once(client, task):
    """Who stands behind the browser, as the door finds out."""
    from midsync_portal.live.access import admit, session_key_of

    headers = [(b"cookie", cookie_of(client).encode())]
    return admit(session_key_of(headers), [task.public_id])


def test_one_person_who_connects_and_drops_a_thousand_times_disturbs_nobody(
    loop, site, make_task, anas_browser, ben, open_page
):
    bens = make_task(customer=ben.customers.first(), ordered_by=ben)
    neighbour = open_page(browser_of(ben), rows=[bens])
    neighbour.wait_for(row(bens, "queued"))
    visits = Visits(site, anas_browser, f"rows={make_task().public_id}")
    flood = loop.start(visits.many(1_000))
    in_thread(run_on, bens)
    neighbour.wait_for(row(bens, "running"))
    flood.result(120)
    assert len(site.hub.audience.streams) == 1


def test_a_client_that_never_reads_holds_one_message_and_nobody_else(
    loop, site, make_task, anas_browser, ben, open_page
):
    task = make_task()
    deaf = open_page(anas_browser, rows=[task])
    deaf.wait_for(row(task, "queued"))
    deaf.stop_reading()
    watching = open_page(anas_browser, rows=[task])
    watching.wait_for(row(task, "queued"))
    run_on(task, progress=1)
    for progress in range(2, 30):
        task.progress = progress
        task.save(update_fields=["progress"])
        task.record("progress", "callback")
        watching.wait_for(f'value="{progress}"')
    waiting = loop.call(lambda: [len(stream._pending) for stream in site.hub.audience.streams])
    assert max(waiting) <= 1


@pytest.mark.parametrize(
    "query",
    [
        "rows=" + "a" * 1_000_000,
        "rows=" + "," * 1_000_000,
        "&" * 1_000_000,
        "=" * 1_000_000,
        "rows=%" + "41" * 500_000,
        "detail=" + "0" * 1_000_000,
        "list=" + "1" * 1_000_000,
        "support=" + "9" * 1_000_000,
        "rows[]=" + "x" * 1_000_000,
    ],
    ids=range(9),
)
def test_a_query_of_a_million_characters_is_refused_without_a_query_to_the_database(
    ask, anas_browser, query, monkeypatch
):
    monkeypatch.setattr("midsync_portal.live.stream.admit", lambda *asked: 1 / 0)
    assert ask(anas_browser, query).status == 400


@pytest.mark.parametrize(
    "cursor", ["0", "-1", "9" * 400, "x", "\x00", "%00", "é", "1\r\nid: 2", "' or 1=1 --"]
)
def test_a_forged_cursor_changes_nothing(loop, site, make_task, anas_browser, cursor):
    task = make_task()
    headers = {"cookie": cookie_of(anas_browser), "last-event-id": cursor}
    scope = scope_of("/stream/", headers=headers, query=f"rows={task.public_id}")
    answer, gone = Answer(), asyncio.Event()

    async def send(message) -> None:
        await answer.send(message)
        if b"data-task" in answer.body:
            gone.set()

    async def receive():
        await gone.wait()
        return {"type": "http.disconnect"}

    loop.run(site(scope, receive, send))
    assert answer.status == 200
    assert row(task, "queued") in answer.body.decode()
    assert "id:" not in answer.body.decode()
