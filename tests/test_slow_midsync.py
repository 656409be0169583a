"""A MidSync that does not answer, across real processes: bin/web with two workers.

No stopwatch: that pages do not wait for hanging submits is shown by pages being answered while
none of the submits is.
"""

import select
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from tests import prepared
from tests.bench.load import HOST, raw
from tests.bench.midsync import SlowMidsync, slow_midsync
from tests.bench.portal import Portal, portal_on
from tests.databases import DATABASES, new_database
from tests.serving import PATIENCE

HANGING = 50
CHARGED_AT_LEAST = 32  # so many generates run at once even if one worker got all submits
PAGES = 30
CONNECTIONS_MAX = 30  # of two workers' pages and listeners, and this test's own

Press = Callable[[Portal], socket.socket]


@pytest.fixture(params=DATABASES)
def database_url(request, tmp_path) -> Iterator[str]:
    with new_database(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def static() -> Path:
    """The collected static files."""
    return prepared.static_files()


@pytest.fixture
def midsync(tmp_path) -> Iterator[SlowMidsync]:
    with slow_midsync(tmp_path / "simulator") as midsync:
        yield midsync


def send(port: int, request: str) -> socket.socket:
    connection = socket.create_connection((HOST, port), timeout=PATIENCE)
    connection.sendall(request.encode())
    return connection


def answer_of(connection: socket.socket) -> str:
    """All that comes until the server closes."""
    with connection, connection.makefile("rb") as file:
        return file.read().decode()


class Ana:
    """A person at a running portal, who orders the same again and again."""

    def __init__(self, portal: Portal, words: str) -> None:
        self.portal = portal
        self.cookie = portal.inside("person")
        self.form = portal.inside("form", f"a fox {words}")

    def press_generate(self) -> socket.socket:
        request = raw(
            "POST",
            "/",
            f"{self.form}&submit_key={uuid4()}",
            cookie=self.cookie,
            content_type="application/x-www-form-urlencoded",
            HX_Request="true",
        )
        return send(self.portal.port, request)

    def page(self, path: str) -> str:
        return answer_of(send(self.portal.port, raw("GET", path, cookie=self.cookie)))


def wait_until(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(PATIENCE * 20):
        if condition():
            return
        pause.wait(0.05)
    raise AssertionError("it did not come to that")


def connections_of(database_url: str) -> int:
    """How many connections the database has."""
    with psycopg.connect(database_url) as database:
        [count] = database.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        ).fetchone()
        return int(count)


@pytest.mark.parametrize("words", ["[late-answer]", "[drip]"])
def test_promise_8_pages_and_callbacks_are_answered_while_fifty_submits_hang(
    words, database_url, midsync, static, tmp_path
):
    patient = {
        "SUBMIT_WAIT": "300",
        "MIDSYNC_GENERATE_TIMEOUT": "300",
        "MIDSYNC_SEND_LEASE": "400",
    }
    with portal_on(database_url, tmp_path, midsync.address, static=static, **patient) as portal:
        ana = Ana(portal, words)
        tasks = portal.inside("queued", PAGES, "open")
        hanging = [ana.press_generate() for _ in range(HANGING)]
        wait_until(lambda: len(midsync.task_ids) >= CHARGED_AT_LEAST)
        for number, midsync_id, callback in tasks:
            for path in ("/", "/tasks/", f"/tasks/{number}/"):
                assert ana.page(path).startswith("HTTP/1.1 200")
            body = f'{{"taskId": "{midsync_id}", "status": "processing"}}'
            assert answer_of(send(portal.port, raw("POST", callback, body))).endswith("ok")
        if database_url.startswith("postgres"):
            assert connections_of(database_url) <= CONNECTIONS_MAX
        answered, _, _ = select.select(hanging, [], [], 0)
        assert answered == []
        assert portal.inside("statuses", "open") == {"running": PAGES}
        for connection in hanging:
            connection.close()
        midsync.release()
        midsync.server.stopping.set()  # what is left of the dripping answers comes at once now


def test_promise_8_a_submit_waits_for_submit_wait_and_its_row_goes_on_by_itself(
    database_url, midsync, static, tmp_path
):
    with portal_on(
        database_url, tmp_path, midsync.address, static=static, SUBMIT_WAIT="1"
    ) as portal:
        ana = Ana(portal, "[late-answer]")
        answer = answer_of(ana.press_generate())
        assert answer.startswith("HTTP/1.1 200")
        assert 'data-status="submitting"' in answer
        number = answer.partition('data-task="')[2][:36]
        stream = send(portal.port, raw("GET", f"/stream/?rows={number}", cookie=ana.cookie))
        wait_for(stream, f'data-task="{number}" data-status="submitting"')
        midsync.release()
        wait_for(stream, f'data-task="{number}" data-status="queued"')
        [task_id] = midsync.task_ids
        midsync.finish(task_id)
        wait_for(stream, f'data-task="{number}" data-status="succeeded"')
        stream.close()


def wait_for(stream: socket.socket, words: str) -> None:
    """Read on until these words have come."""
    read = ""
    while words not in read:
        came = stream.recv(65536)
        assert came, f"the stream ended before {words}"
        read += came.decode()


def test_promise_8_a_process_that_is_to_end_lives_until_its_sends_have_finished(
    database_url, midsync, static, tmp_path
):
    with portal_on(
        database_url, tmp_path, midsync.address, static=static, SUBMIT_WAIT="1"
    ) as portal:
        ana = Ana(portal, "[late-answer]")
        for connection in [ana.press_generate() for _ in range(6)]:
            assert 'data-status="submitting"' in answer_of(connection)
        portal.web.signal(signal.SIGTERM)
        finishing = "Waiting for application shutdown"
        wait_until(lambda: portal.web.log.read_text().count(finishing) == 2)
        assert portal.inside("statuses") == {"submitting": 6}
        portal.web.check()
        midsync.release()
        assert portal.web.wait(PATIENCE)
        assert portal.inside("statuses") == {"queued": 6}
        assert len(midsync.task_ids) == 6
