"""MidSync away: nothing is sent, nothing is lost, one small question at a time, and back again."""

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
import requests
from django.db import connections
from django.urls import reverse
from requests.packages.urllib3.exceptions import NewConnectionError

from midsync_portal import gate, submission
from midsync_portal.management.commands.worker import Worker
from midsync_portal.midsync.client import MidSyncClient
from midsync_portal.midsync.errors import MidSyncUnavailable
from midsync_portal.models import MidSyncGate, Task
from midsync_portal.models.status import Status
from midsync_portal.reconcile import reconcile_task
from tests.clock import let_pass
from tests.wire import ACCEPTED

pytestmark = pytest.mark.django_db(transaction=True)

BODY = {"model": "kling-2.5-turbo", "prompt": "a red fox", "duration": 5}
DONE = {"status": "completed", "output": {"url": "https://cdn.example.com/one.mp4"}}


def refused():
    """What requests raises where nobody listens: provably not sent."""
    return requests.ConnectionError(NewConnectionError(None, "refused"))


def go_away(wire):
    """MidSync is not reached any more."""
    wire.answers |= {name: refused() for name in ("generate", "status", "quote", "models", "logs")}


def come_back(wire):
    """MidSync answers as it should."""
    wire.answers |= {
        "generate": dict(ACCEPTED),
        "status": dict(DONE),
        "quote": {"success": True, "pointsCharged": 35},
        "models": {"models": ["kling-2.5-turbo"]},
    }


def outages(count, clock, **failed_before):
    """So many requests that got no usable answer."""
    for _ in range(count):
        gate.note_outage("status", MidSyncUnavailable(), clock.now() - timedelta(**failed_before))


@pytest.fixture
def order(ana, wire, clock):
    """Order as Ana, after the price that the portal can tell."""

    def order(**more):
        customer = ana.customers.get()
        body = BODY | more
        submission.quote_for(customer, body)
        task = submission.submit(customer=customer, ordered_by=ana, body=body, submit_key=uuid4())
        Task.objects.filter(pk=task.pk).update(created_at=clock.now())
        return submission.send_and_wait(task)

    return order


@pytest.fixture
def away(order, wire, clock):
    """MidSync is away, and the portal knows."""
    gate.get_gate()
    go_away(wire)
    outages(5, clock)
    assert gate.is_away()
    wire.asked.clear()


def test_five_outages_within_a_minute_open_the_breaker(db, clock):
    outages(4, clock)
    assert not gate.is_away()
    clock.advance(seconds=59)
    outages(1, clock)
    assert gate.is_away()


def test_outages_that_are_far_between_do_not(db, clock):
    for _ in range(10):
        outages(1, clock)
        clock.advance(seconds=20)
    assert not gate.is_away()


@pytest.mark.parametrize(
    "answer", [(400, {}), (401, {}), (402, {}), (404, {}), (422, {}), (429, {})]
)
def test_refusals_are_no_outage(make_task, wire, answer, settings):
    settings.MIDSYNC_RESEND_429 = False
    wire.answers["status"] = wire.answers["generate"] = answer
    for number in range(6):
        reconcile_task(make_task(midsync_task_id=f"ms-{number}"))
        submission.send(make_task(status=Status.SUBMITTING, sent_at=None).pk)
    assert not gate.is_away()


@pytest.mark.parametrize("answer", [refused(), requests.ReadTimeout("slow"), (500, ""), (503, "")])
def test_what_gets_no_usable_answer_is_an_outage(make_task, wire, answer):
    wire.answers["status"] = answer
    for number in range(5):
        reconcile_task(make_task(midsync_task_id=f"ms-{number}"))
    assert gate.is_away()


def test_five_orders_without_an_answer_are_enough_and_the_sixth_is_kept(order, wire):
    wire.answers["generate"] = requests.ReadTimeout("slow")
    tasks = [order(prompt=f"fox {number}") for number in range(6)]
    assert [task.status for task in tasks[:5]] == [Status.UNCONFIRMED] * 5
    assert tasks[5].waits_unsent
    assert wire.count("generate") == 5


def test_one_odd_body_does_not_stop_everybody(ana, wire, settings):
    wire.answers["quote"] = (500, "boom")
    for _ in range(8):
        assert submission.quote_for(ana.customers.get(), BODY).points is None
    assert not gate.is_away()


def test_promise_12_orders_wait_unsent_and_prices_come_after_submit(away, order, wire):
    task = order()
    assert task.waits_unsent
    assert task.points_quoted is None
    assert task.waits_for == Task.WaitsFor.MIDSYNC
    assert wire.asked == []
    assert task.events.filter(kind="unsent").count() == 1


def test_promise_12_questions_wait_and_say_so(away, make_task, wire, ana):
    said = reconcile_task(make_task(midsync_task_id="ms-1"), actor=ana, reason="asked")
    assert said == "MidSync cannot be reached right now."
    assert wire.asked == []


def test_promise_12_at_most_one_probe_in_30_seconds_and_never_a_generate(
    away, order, make_task, wire, worker, clock
):
    make_task(midsync_task_id="ms-1", next_check_at=clock.now())
    order()
    second = Worker()
    second.catalog_at = worker.catalog_at
    wire.asked.clear()
    let_pass(clock, 300, worker, second)
    names = [name for name, _ in wire.asked]
    assert set(names) == {"status"}
    assert 300 / 36 - 1 <= len(names) <= 300 / 30
    second.finish()


def test_promise_12_without_any_task_the_list_of_models_is_the_probe(away, wire, worker, clock):
    let_pass(clock, 40, worker)
    assert [name for name, _ in wire.asked] == ["models"]


def test_promise_12_sixty_seconds_after_its_return_everything_is_normal(
    away, order, make_task, wire, worker, clock
):
    quiet = make_task(midsync_task_id="ms-quiet", next_check_at=clock.now())
    waiting = order()
    let_pass(clock, 100, worker)
    come_back(wire)
    let_pass(clock, 60, worker)
    for task, status in ((quiet, Status.SUCCEEDED), (waiting, Status.QUEUED)):
        task.refresh_from_db()
        assert task.status == status
    assert wire.count("generate") == 1
    assert not gate.is_away()
    assert order(prompt="another").points_quoted == 35


def test_promise_12_a_task_that_was_refused_at_the_door_goes_out_within_the_minute(
    order, wire, worker, clock
):
    go_away(wire)
    task = order()  # too few failures to open the breaker
    assert task.waits_unsent
    let_pass(clock, 120, worker)
    come_back(wire)
    let_pass(clock, 60, worker)
    task.refresh_from_db()
    assert task.status == Status.QUEUED


def test_promise_12_what_waits_longer_than_its_price_is_withdrawn_as_not_charged(
    away, order, wire, worker, clock, settings
):
    task = order()
    let_pass(clock, int(settings.QUOTE_MAX_AGE), worker, step=10)
    task.refresh_from_db()
    assert task.waits_unsent
    let_pass(clock, 20, worker, step=10)
    task.refresh_from_db()
    assert (task.status, task.failure_code) == (Status.REJECTED, "not_sent")
    assert "Nothing was charged" in task.failure_message
    come_back(wire)
    let_pass(clock, 60, worker)
    assert wire.count("generate") == 0


def test_promise_12_the_studio_says_so_and_takes_the_order(away, client, ana, settings):
    client.force_login(ana)
    page = client.get(reverse("task-new"))
    assert page.status_code == 200
    assert "MidSync cannot be reached right now. You can order: it is sent" in page.text
    gate.close_breaker()
    assert "cannot be reached" not in client.get(reverse("task-new")).text


def test_an_outage_uses_up_no_step_of_the_schedule(make_task, wire, worker, clock):
    hours_ago = clock.now() - timedelta(hours=3)
    task = make_task(midsync_task_id="ms-1", sent_at=hours_ago, next_check_at=clock.now())
    go_away(wire)
    let_pass(clock, 60, worker)
    come_back(wire)
    let_pass(clock, 40, worker)
    task.refresh_from_db()
    assert task.status == Status.SUCCEEDED


def test_a_request_that_hung_since_before_the_return_is_no_news(away, clock):
    clock.advance(seconds=40)
    gate.close_breaker()
    outages(10, clock, seconds=20)
    assert not gate.is_away()
    clock.advance(seconds=1)
    outages(5, clock)
    assert gate.is_away()


def test_promise_12_a_probe_does_not_trust_a_line_from_before_the_outage(
    away, wire, worker, clock, monkeypatch
):
    begun = []
    counts = lambda client: begun.append(wire.count("models"))  # noqa: E731
    monkeypatch.setattr(MidSyncClient, "begin_anew", counts)
    let_pass(clock, 40, worker)
    assert begun[0] == 0  # before it asks
    assert len(begun) == wire.count("models") > 0


def test_a_failed_probe_keeps_the_breaker_open_for_another_round(away, wire, worker, clock):
    before = MidSyncGate.objects.get().breaker_open_until
    let_pass(clock, 40, worker)
    after = MidSyncGate.objects.get().breaker_open_until
    assert timedelta(seconds=30) <= after - before <= timedelta(seconds=40)
    assert wire.count("models") == 1


def test_any_answer_to_a_probe_is_an_answer(away, wire, worker, clock):
    wire.answers["models"] = (404, {"error": "no list"})
    let_pass(clock, 40, worker)
    assert not gate.is_away()


def in_threads(count, work):
    """The results of work done at once in so many threads."""
    start, results = threading.Barrier(count), []

    def run():
        start.wait()
        try:
            results.append(work())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_promise_12_one_process_gets_the_probe(away, clock):
    clock.advance(seconds=40)
    assert in_threads(8, gate.claim_probe).count(True) == 1


def test_the_budget_is_given_out_once_however_many_take_at_once(db, clock, settings):
    gate.get_gate()
    assert sum(in_threads(8, lambda: gate.take(2))) <= settings.MIDSYNC_RATE
    clock.advance(seconds=1)
    assert gate.take(100) == settings.MIDSYNC_RATE


def test_the_budget_fills_evenly_up_to_one_second_s_requests(db, clock, settings):
    settings.MIDSYNC_RATE = 5
    assert gate.take(100) == 5
    clock.advance(seconds=0.2)
    assert (gate.take(100), gate.take(100)) == (1, 0)
    clock.advance(hours=1)
    assert gate.take(100) == 5
    gate.owe(5)
    clock.advance(seconds=1)
    assert gate.take(1) == 0
    clock.advance(seconds=0.2)
    assert gate.take(100) == 1


def test_a_clock_that_was_an_hour_ahead_does_not_stop_the_others(db, clock):
    clock.advance(hours=1)
    assert gate.take(5) == 5
    clock.advance(hours=-1)
    assert gate.take(5) == 1
    clock.advance(seconds=1)
    assert gate.take(5) == 5


def test_repetitions_are_paid_for_and_end_with_the_breaker(make_task, wire, worker, clock):
    wire.answers["status"] = (503, "")
    make_task(midsync_task_id="ms-1", next_check_at=clock.now())
    let_pass(clock, 1, worker)
    assert wire.count("status") == 3
    assert MidSyncGate.objects.get().budget == 5 - 3
    outages(4, clock)
    assert gate.is_away()
    assert not gate.may_repeat()


def test_a_paused_gate_lets_customers_know_and_resuming_sends_at_once(order, wire, worker, clock):
    gate.pause("MidSync refuses our API key (401)")
    made = Task.objects.count()
    with pytest.raises(submission.OrderingPaused):
        order()
    assert Task.objects.count() == made
    gate.resume()
    wire.answers["generate"] = (401, {"error": "bad key"})
    task = order()
    assert (task.waits_unsent, task.waits_for) == (True, Task.WaitsFor.OPERATOR)
    let_pass(clock, 60, worker)
    wire.answers["generate"] = dict(ACCEPTED)
    assert wire.count("generate") == 1
    gate.resume()
    let_pass(clock, 1, worker)
    task.refresh_from_db()
    assert task.status == Status.QUEUED


def test_a_problem_stays_until_the_same_question_is_answered_well(db):
    gate.note_problem("order", "the account has not enough points (402)")
    gate.note_success("status")
    assert "402" in MidSyncGate.objects.get().problem
    gate.note_success("order")
    assert MidSyncGate.objects.get().problem == ""
