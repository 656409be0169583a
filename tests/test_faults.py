"""The portal's own code against each fault of the simulator: where a task ends, what it cost.

Orders go over real sockets; callbacks come through the portal's ASGI side as a server gives them
on. The statuses are those of three moments: after sending, after the callbacks, and after the
worker has looked.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.utils import timezone

from midsync_portal import submission, upstream
from midsync_portal.callbacks import process_due_delivery
from midsync_portal.midsync.client import MidSyncClient
from midsync_portal.models import CallbackDelivery, Task
from midsync_portal.models.status import OPEN, Status
from midsync_portal.reconcile import reconcile_due_task, reconcile_task
from midsync_portal.serving.site import Site
from midsync_portal.simulator.clock import ManualClock
from midsync_portal.simulator.engine import Simulator
from midsync_portal.simulator.faults import LATE_SECONDS
from midsync_portal.simulator.scenarios import Scenario, scenarios_in
from midsync_portal.simulator.schedule import DAYS_LATE
from midsync_portal.simulator.server import Server
from midsync_portal.simulator.settings import Settings
from midsync_portal.simulator.store import Store
from midsync_portal.simulator.studio import Studio
from midsync_portal.simulator.web import WsgiApp
from tests.proxy import Fault, Line
from tests.serving import PATIENCE, Loop, request

SENDING, UNCONFIRMED, REJECTED = Status.SUBMITTING, Status.UNCONFIRMED, Status.REJECTED
QUEUED, FAILED, CANCELLED, READY = (
    Status.QUEUED,
    Status.FAILED,
    Status.CANCELLED,
    Status.SUCCEEDED,
)
LOOKS = 7  # of the worker: enough for five repetitions after 429, and for each look-up
WHILE = 600.0  # simulated seconds in which every video ends, four days of lateness aside


@dataclass(frozen=True)
class Case:
    """Where a task stands after sending, after the callbacks, and in the end."""

    words: str
    sent: Status
    called: Status
    end: Status
    charges: int = 1
    is_flagged: bool = False
    answer: int = 200  # of the portal, to each callback

    def __str__(self) -> str:
        return self.words


def refused(word: str) -> Case:
    return Case(word, REJECTED, REJECTED, REJECTED, charges=0)


def unknown(word: str) -> Case:
    """Nothing was charged, but nobody can know."""
    return Case(word, UNCONFIRMED, UNCONFIRMED, UNCONFIRMED, charges=0)


def answer_lost(word: str) -> Case:
    """Charged; the callback settles it."""
    return Case(word, UNCONFIRMED, READY, READY)


def fine(words: str, **more: bool) -> Case:
    return Case(words, QUEUED, READY, READY, **more)


def asked(words: str, **more: bool | int) -> Case:
    """No callback is enough: only the status endpoint settles it."""
    return Case(words, QUEUED, QUEUED, READY, **more)


CASES = [
    *map(refused, ["refuse", "no-points", "says-no", "http-400", "http-404", "http-405"]),
    *map(refused, ["http-409", "http-413", "http-415"]),
    *(Case(word, SENDING, SENDING, SENDING, 0) for word in ("unauthorised", "forbidden")),
    *(Case(word, SENDING, SENDING, READY) for word in ("rate-limited", "busy")),
    Case("too-many", SENDING, SENDING, REJECTED, 0),
    *map(unknown, ["maintenance", "html", "http-408", "reset"]),
    *map(answer_lost, ["hang", "late-answer", "lost-answer", "reset-charged", "cut-answer"]),
    *map(answer_lost, ["server-error", "redirect", "not-json", "no-id", "huge-answer"]),
    *map(answer_lost, ["gzip-bomb", "busy-charged"]),
    Case("refuse-charged", REJECTED, READY, READY, is_flagged=True),
    *map(fine, ["quote-down", "drip", "surprise-price", "key-revoked", "slow"]),
    *map(fine, ["status-unknown-word", "status-number", "status-404", "status-down"]),
    fine("status-fails-first"),
    Case("status-unknown-word silent", QUEUED, QUEUED, QUEUED),
    Case("status-number silent", QUEUED, QUEUED, QUEUED),
    Case("status-down silent", QUEUED, QUEUED, QUEUED),
    asked("status-404 silent"),
    Case("status-fails-first silent", QUEUED, QUEUED, FAILED),
    *(Case(word, QUEUED, FAILED, FAILED) for word in ("fail", "hostile-reason")),
    Case("cancel", QUEUED, CANCELLED, CANCELLED),
    Case("no-url", QUEUED, QUEUED, QUEUED, is_flagged=True),
    asked("silent"),
    fine("expired-link"),
    Case("early", READY, READY, READY),
    *map(fine, ["twice", "twenty-at-once", "thousand", "out-of-order", "reversed", "days-late"]),
    *map(fine, ["fail-then-ready", "ready-then-fail", "unknown-word", "account-too"]),
    asked("account-only"),  # without such a URL nothing comes
    asked("empty-callback"),
    *map(fine, ["chunked", "wrong-type", "utf-16", "nul", "surrogate", "nan", "long-number"]),
    asked("deep-nesting"),
    *map(fine, ["duplicate-keys", "list"]),
    asked("two-megabytes", answer=413),
    asked("foreign-id", is_flagged=True),
    asked("bad-token", answer=404),
    *map(answer_lost, ["lost-answer twenty-at-once", "hang reversed", "reset-charged utf-16"]),
    Case("server-error fail", UNCONFIRMED, FAILED, FAILED),
    Case("lost-answer silent", UNCONFIRMED, UNCONFIRMED, UNCONFIRMED),
    Case("lost-answer deep-nesting", UNCONFIRMED, UNCONFIRMED, UNCONFIRMED),
]


def test_every_scenario_has_a_case() -> None:
    told = {one for case in CASES for one in scenarios_in(bracketed(case.words))}
    assert told == set(Scenario)


def bracketed(words: str) -> str:
    return " ".join(f"[{word}]" for word in words.split())


class Midsync:
    """The simulator behind a server of its own, its clock in the test's hand."""

    def __init__(self, folder, api_key: str, loop: Loop, site: Site) -> None:
        self.answers: list[int] = []  # of the portal, to callbacks
        self.at_once = False
        self.is_over = threading.Event()
        self._loop, self._site = loop, site
        self.store = Store()
        self.clock = ManualClock(time.time())
        self.simulator = Simulator(
            self.store,
            self.clock,
            self.call_back,
            Studio(folder, height=64),
            Settings(api_key=api_key, public_url="http://127.0.0.1:8900", seed="7"),
            deliver=self.deliver,
            pause=self.pause,
        )
        self.server = Server(("127.0.0.1", 0), WsgiApp(self.simulator))
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self._serving = threading.Thread(target=self.server.serve_forever, args=[0.01])
        self._serving.start()
        self._calling: list[threading.Thread] = []

    def pause(self, seconds: float) -> None:
        """Drops follow each other at once; what is late comes when all is over."""
        if seconds == LATE_SECONDS:
            self.is_over.wait(PATIENCE)

    def deliver(self, send) -> None:
        """Send on a thread; wait for its end, unless callbacks are to come at once."""
        self._calling.append(threading.Thread(target=send))
        self._calling[-1].start()
        if not self.at_once:
            self._calling.pop().join()

    def advance(self, seconds: float) -> None:
        """Jump ahead; all callbacks that fall due have been answered then."""
        self.clock.advance(seconds)
        while self._calling:
            self._calling.pop().join()

    def call_back(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Post to the portal as its server would hand it on; chunks have no length."""
        chunks = [body[:7], body[7:]] if "Transfer-Encoding" in headers else [body]
        known = {} if "Transfer-Encoding" in headers else {"Content-Length": str(len(body))}
        answer = request(
            self._loop,
            self._site,
            urlsplit(url).path,
            "POST",
            chunks=chunks,
            headers={**headers, **known},
        )
        self.answers.append(answer.status)
        return answer.status

    def close(self) -> None:
        self.is_over.set()
        self.server.stop()
        self._serving.join(PATIENCE)
        self.server.server_close()
        self.store.close()


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture(scope="module")
def site(loop: Loop) -> Iterator[Site]:
    """The portal behind its server; its hub does not listen."""

    django = get_wsgi_application()

    def giving_back(environ, start_response) -> list[bytes]:
        try:
            return [b"".join(django(environ, start_response))]
        finally:
            connections.close_all()

    async def make() -> Site:
        return Site(giving_back)

    site = loop.run(make())
    yield site
    for pool in (site.pages, site.upstream):
        pool.finish()


@pytest.fixture
def midsync(tmp_path, settings, monkeypatch, loop, site, transactional_db) -> Iterator[Midsync]:
    midsync = Midsync(tmp_path, settings.MIDSYNC_API_KEY, loop, site)
    settings.MIDSYNC_BASE_URL = midsync.address
    settings.MIDSYNC_GENERATE_TIMEOUT = 1
    without_pauses = partial(MidSyncClient, sleep=lambda seconds: None)
    monkeypatch.setattr(upstream, "MidSyncClient", without_pauses)
    upstream.get_client.cache_clear()
    yield midsync
    midsync.close()
    upstream.get_client.cache_clear()


@pytest.fixture
def order(ana, midsync):
    """Order as Ana and send."""

    def order(words: str) -> Task:
        body = {"model": "kling-2.5-turbo", "prompt": f"a fox {bracketed(words)}", "duration": 5}
        customer = ana.customers.get()
        midsync.at_once = "twenty-at-once" in words
        submission.quote_for(customer, body)
        task = submission.submit(customer=customer, ordered_by=ana, body=body, submit_key=uuid4())
        return submission.send_and_wait(task)

    return order


def look(task: Task) -> None:
    """What the worker does with the task and its callbacks when their time has come."""
    Task.objects.filter(pk=task.pk, status__in=OPEN).update(
        next_check_at=timezone.now(), last_checked_at=None
    )
    task.refresh_from_db()
    for delivery in CallbackDelivery.objects.open():
        process_due_delivery(delivery)
    if task.is_open:
        reconcile_due_task(task)
    task.refresh_from_db()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_fault_ends_as_the_table_says_and_charges_at_most_once(case, order, midsync):
    task = order(case.words)
    assert task.status == case.sent
    midsync.advance(DAYS_LATE * 86_400 + WHILE if "days-late" in case.words else WHILE)
    task.refresh_from_db()
    assert task.status == case.called
    for _ in range(LOOKS):
        look(task)
        if not task.waits_unsent:
            midsync.advance(WHILE)
    task.refresh_from_db()
    assert task.status == case.end
    assert bool(task.needs_review) == case.is_flagged
    assert len(midsync.store.ledger()) == case.charges
    assert set(midsync.answers) <= {case.answer}
    kept = CallbackDelivery.objects.all()
    assert sum(1 + one.repeats for one in kept) == midsync.answers.count(200)
    assert kept.count() <= 3
    if case.charges:
        assert task.midsync_task_id or task.status == UNCONFIRMED or task.needs_review
    else:
        assert task.points_charged is None


def test_a_late_look_up_lifts_a_failure_that_status_took_back(order, midsync):
    task = order("status-fails-first silent")
    midsync.advance(WHILE)
    look(task)
    assert task.status == FAILED
    Task.objects.update(last_checked_at=None)
    reconcile_task(task)
    task.refresh_from_db()
    assert task.status == READY


def test_a_callback_four_days_late_lifts_a_task_that_was_given_up(order, midsync):
    task = order("status-unknown-word days-late")
    midsync.advance(WHILE)
    Task.objects.update(sent_at=timezone.now() - timedelta(hours=73))
    look(task)
    assert (task.status, task.failure_code) == (FAILED, "no_result")
    midsync.advance(DAYS_LATE * 86_400)
    task.refresh_from_db()
    assert (task.status, task.failure_code) == (READY, "")


def test_a_callback_for_a_task_that_we_have_forgotten_is_kept_for_support(order, midsync):
    task = order("slow")
    task.events.all().delete()
    task.delete()
    midsync.advance(WHILE)
    orphan = CallbackDelivery.objects.get()
    assert (orphan.task, orphan.named_task) == (None, task.public_id)
    assert midsync.answers == [200]


def test_a_foreign_id_changes_nothing_at_the_task_it_belongs_to(order, midsync):
    hers, other = order("silent"), order("foreign-id")
    midsync.advance(WHILE)
    hers.refresh_from_db()
    other.refresh_from_db()
    assert (hers.status, hers.needs_review) == (QUEUED, "")
    assert (other.status, bool(other.needs_review)) == (QUEUED, True)


def test_promise_12_what_was_not_sent_waits_and_is_sent_once_when_midsync_is_back(
    ana, midsync, settings
):
    body = {"model": "kling-2.5-turbo", "prompt": "a fox", "duration": 5}
    customer = ana.customers.get()
    with Line(midsync.server.server_port) as line:
        settings.MIDSYNC_BASE_URL = line.address
        upstream.get_client.cache_clear()
        submission.quote_for(customer, body)
        task = submission.submit(customer=customer, ordered_by=ana, body=body, submit_key=uuid4())
        line.spoil(Fault.REFUSED)
        task = submission.send_and_wait(task)
        assert task.waits_unsent
        look(task)
        assert task.waits_unsent
        line.repair()
        look(task)
        assert (task.status, len(midsync.store.ledger())) == (QUEUED, 1)
        look(task)
        assert len(midsync.store.ledger()) == 1


def test_promise_12_what_could_not_be_sent_in_time_is_refused_and_not_charged(
    ana, midsync, settings
):
    body = {"model": "kling-2.5-turbo", "prompt": "a fox", "duration": 5}
    customer = ana.customers.get()
    submission.quote_for(customer, body)
    task = submission.submit(customer=customer, ordered_by=ana, body=body, submit_key=uuid4())
    with Line(midsync.server.server_port) as line:
        line.spoil(Fault.REFUSED)
        settings.MIDSYNC_BASE_URL = line.address
        upstream.get_client.cache_clear()
        task = submission.send_and_wait(task)
        assert task.waits_unsent
        line.repair()
        over = timedelta(seconds=settings.QUOTE_MAX_AGE + 1)
        Task.objects.update(created_at=timezone.now() - over)
        look(task)
    assert (task.status, task.failure_code) == (REJECTED, "not_sent")
    assert midsync.store.ledger() == []


def test_promise_7_a_burst_of_callbacks_at_once_is_answered_and_applied(order, midsync, settings):
    settings.SUBMIT_RATE = settings.OPEN_TASKS_MAX = 100
    tasks = [order(f"twenty-at-once {word}") for word in ("nul", "utf-16", "list")]
    midsync.advance(WHILE)
    assert midsync.answers == [200] * 60
    assert {task.status for task in Task.objects.all()} == {READY}
    assert CallbackDelivery.objects.count() == len(tasks)
