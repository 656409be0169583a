"""Ordering and sending: one press, one task, at most one generate that can charge."""

import threading
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
import requests
from django.db import OperationalError, connections
from django.utils import timezone

from midsync_portal import gate, submission
from midsync_portal.midsync.types import ReportedStatus, StatusReport
from midsync_portal.models import MidSyncGate, Quote, Task, TaskEvent
from midsync_portal.models.reports import CALLBACK
from midsync_portal.models.status import Status
from midsync_portal.submission import sending
from midsync_portal.submission.sending import _mark
from tests.wire import ACCEPTED, response

pytestmark = pytest.mark.django_db(transaction=True)

BODY = {"model": "kling-2.5-turbo", "prompt": "a red fox", "duration": 5}


@pytest.fixture
def order(ana, wire):
    """Order as Ana, with a quote she has seen, unless the test says otherwise."""

    def order(body=BODY, *, quoted=True, key=None, **more):
        customer = ana.customers.get()
        if quoted:
            submission.quote_for(customer, body)
        return submission.submit(
            customer=customer, ordered_by=ana, body=body, submit_key=key or uuid4(), **more
        )

    return order


def test_an_accepted_task_is_queued_with_ids_points_and_estimate(order, wire):
    task = submission.send_and_wait(order())
    assert task.status == Status.QUEUED
    assert (task.midsync_task_id, task.provider_task_id) == ("ms-1", "pv-1")
    assert (task.points_quoted, task.points_charged) == (Decimal(35), Decimal(35))
    assert task.estimated_seconds == 90
    assert task.lease_token is None
    assert task.next_check_at > timezone.now() + timedelta(seconds=100)
    kinds = [event.kind for event in task.events.all()]
    assert kinds == ["created", "sent", "move"]


def test_the_body_sent_is_the_body_quoted_with_the_callback_url_added(order, wire):
    submission.send_and_wait(order())
    (quoted,), (sent,) = wire.bodies("quote"), wire.bodies("generate")
    url = sent.pop("callbackUrl")
    assert sent == quoted == BODY
    assert url.startswith("http://127.0.0.1:8000/callbacks/")


def test_promise_1_the_same_form_makes_one_task(order, wire):
    key = uuid4()
    first = order(key=key)
    assert order(key=key, quoted=False) == first
    submission.send_and_wait(first)
    submission.send_and_wait(first)
    assert wire.count("generate") == 1


def test_promise_1_twenty_presses_at_once_make_one_task_and_one_generate(order, ana, wire):
    key, customer, made = uuid4(), ana.customers.get(), []
    submission.quote_for(customer, BODY)
    start = threading.Barrier(20)

    def press():
        start.wait()
        try:
            task = order(key=key, quoted=False)
            made.append(submission.send_and_wait(task).pk)
        finally:
            connections.close_all()

    presses = [threading.Thread(target=press) for _ in range(20)]
    for thread in presses:
        thread.start()
    for thread in presses:
        thread.join()
    assert len(made) == 20
    assert len(set(made)) == 1
    assert Task.objects.count() == 1
    assert wire.count("generate") == 1


def test_a_used_form_with_another_body_names_the_task_it_made(order):
    key = uuid4()
    first = order(key=key)
    with pytest.raises(submission.FormUsed) as used:
        order({**BODY, "duration": 10}, key=key)
    assert used.value.task == first
    assert Task.objects.count() == 1


def test_the_same_again_within_a_minute_is_asked_for(order):
    first = order()
    with pytest.raises(submission.OrderedBefore) as before:
        order()
    assert before.value.task == first
    assert order(again=True) != first


def test_without_a_price_told_the_price_is_shown_first(order, wire):
    with pytest.raises(submission.NeedsConfirmation) as asked:
        order(quoted=False)
    assert asked.value.quote.points == Decimal(35)
    assert not Task.objects.exists()
    assert order(quoted=False).points_quoted == Decimal(35)


def test_an_old_price_is_asked_again_and_another_price_stops(order, ana, wire, settings):
    submission.quote_for(ana.customers.get(), BODY)
    Quote.objects.update(created_at=timezone.now() - timedelta(seconds=settings.QUOTE_MAX_AGE + 1))
    wire.answers["quote"] = {"success": True, "pointsCharged": 52}
    with pytest.raises(submission.NeedsConfirmation) as asked:
        order(quoted=False)
    assert (asked.value.told.points, asked.value.quote.points) == (Decimal(35), Decimal(52))
    assert order(quoted=False).points_quoted == Decimal(52)


def test_the_price_on_this_page_counts_not_the_one_of_another_tab(order, ana, wire):
    seen = submission.quote_for(ana.customers.get(), BODY)
    wire.answers["quote"] = {"success": True, "pointsCharged": 52}
    submission.quote_for(ana.customers.get(), BODY)
    with pytest.raises(submission.NeedsConfirmation):
        order(quoted=False, quote_key=seen.public_id)
    assert not Task.objects.exists()


def test_without_quotes_one_goes_on_only_after_being_told(order, wire):
    wire.answers["quote"] = (503, "<html>down</html>")
    with pytest.raises(submission.NeedsConfirmation) as asked:
        order(quoted=False)
    assert asked.value.quote.points is None
    task = submission.send_and_wait(order(quoted=False))
    assert task.points_quoted is None
    assert task.points_charged == Decimal(35)


def test_an_invalid_combination_is_refused_with_midsyncs_words(order, wire):
    wire.answers["quote"] = (422, {"success": False, "error": "duration must be 5 or 10"})
    with pytest.raises(submission.QuoteRefused, match="duration must be 5 or 10"):
        order()


@pytest.mark.parametrize("status", [400, 402, 404, 405, 409, 413, 415, 422])
def test_a_refusal_is_rejected_and_not_charged(order, wire, status):
    wire.answers["generate"] = (status, {"success": False, "error": "no"})
    task = submission.send_and_wait(order())
    assert task.status == Status.REJECTED
    assert task.points_charged is None
    assert task.failure_code
    if status == 402:
        assert task.failure_code == "insufficient_points"
        assert "points" in MidSyncGate.objects.get().problem


def test_success_false_on_200_without_id_and_points_is_a_refusal(order, wire):
    wire.answers["generate"] = {"success": False, "error": "prompt not allowed"}
    task = submission.send_and_wait(order())
    assert task.status == Status.REJECTED
    assert task.failure_message == "prompt not allowed"


@pytest.mark.parametrize(
    "answer",
    [
        (408, ""),
        (500, {"error": "boom"}),
        (502, "<html>bad gateway</html>"),
        (503, ""),
        (307, ""),
        (200, "not json"),
        (200, {"success": True}),
        requests.ReadTimeout("slow"),
        requests.ConnectionError("reset"),
        (500, {"taskId": "ms-5", "pointsCharged": 35}),
    ],
    ids=str,
)
def test_promise_2_no_usable_answer_is_unconfirmed_and_never_sent_again(order, wire, answer):
    wire.answers["generate"] = answer
    task = submission.send_and_wait(order())
    assert task.status == Status.UNCONFIRMED
    submission.send(task.pk)
    submission.send_and_wait(task)
    assert wire.count("generate") == 1
    assert task.events.filter(kind=TaskEvent.Kind.MOVE, status_after="unconfirmed").exists()


def test_provably_not_sent_waits_unsent_and_is_sent_later(order, wire):
    refused = requests.ConnectionError(
        requests.packages.urllib3.exceptions.NewConnectionError(None, "Connection refused")
    )
    wire.answers["generate"] = [refused, dict(ACCEPTED)]
    task = submission.send_and_wait(order())
    assert task.waits_unsent
    assert task.events.filter(kind=TaskEvent.Kind.UNSENT).exists()
    submission.send(task.pk)
    task.refresh_from_db()
    assert task.status == Status.QUEUED
    assert task.send_attempts == 2


def test_promise_12_what_waited_longer_than_its_price_is_refused_as_not_sent(order, wire, settings):
    task = order()
    old = timezone.now() - timedelta(seconds=settings.QUOTE_MAX_AGE + 1)
    Task.objects.update(created_at=old)
    submission.send(task.pk)
    task.refresh_from_db()
    assert (task.status, task.failure_code) == (Status.REJECTED, "not_sent")
    assert wire.count("generate") == 0


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_pauses_all_sending_until_an_operator_acts(order, wire, status):
    wire.answers["generate"] = (status, {"error": "bad key"})
    task = submission.send_and_wait(order())
    assert task.waits_unsent
    with pytest.raises(submission.OrderingPaused):
        order({**BODY, "duration": 10})
    wire.answers["generate"] = dict(ACCEPTED)
    submission.send(task.pk)
    assert wire.count("generate") == 1
    gate.resume()
    submission.send(task.pk)
    task.refresh_from_db()
    assert task.status == Status.QUEUED


def test_another_key_ends_the_pause(order, wire, settings):
    wire.answers["generate"] = (401, {"error": "bad key"})
    submission.send_and_wait(order())
    assert gate.is_paused()
    settings.MIDSYNC_API_KEY = "the-new-key"
    assert not gate.is_paused()


def test_429_is_sent_again_after_the_wait_it_names(order, wire):
    wire.answers["generate"] = [
        lambda request: response(request, 429, {"error": "slow down"}, {"Retry-After": "40"}),
        dict(ACCEPTED),
    ]
    task = submission.send_and_wait(order())
    assert task.waits_unsent
    wait = task.next_check_at - timezone.now()
    assert timedelta(seconds=30) < wait <= timedelta(seconds=40)
    submission.send(task.pk)
    task.refresh_from_db()
    assert task.status == Status.QUEUED


def test_429_too_often_is_a_refusal(order, wire):
    wire.answers["generate"] = (429, {"error": "slow down"})
    task = order()
    for _ in range(7):
        submission.send(task.pk)
    task.refresh_from_db()
    assert (task.status, task.failure_code) == (Status.REJECTED, "too_many")
    assert wire.count("generate") == 6


def test_429_is_a_refusal_at_once_where_the_operator_says_so(order, wire, settings):
    settings.MIDSYNC_RESEND_429 = False
    wire.answers["generate"] = (429, {"error": "slow down"})
    assert submission.send_and_wait(order()).status == Status.REJECTED


def test_a_callback_before_our_answer_is_applied_and_the_answer_fills_in_the_rest(order, wire):
    task = order()

    def callback_first(request):
        report = StatusReport(
            status=ReportedStatus.SUCCEEDED,
            midsync_task_id="ms-1",
            ids=("ms-1",),
            video_urls=("https://cdn.example.com/a.mp4",),
        )
        Task.objects.get(pk=task.pk).apply(report, CALLBACK)
        return response(request, 200, ACCEPTED)

    wire.answers["generate"] = callback_first
    task = submission.send_and_wait(task)
    assert task.status == Status.SUCCEEDED
    assert task.points_charged == Decimal(35)
    assert task.provider_task_id == "pv-1"
    assert task.lease_token is None


def test_a_slow_midsync_is_waited_for_only_so_long(order, wire, settings):
    settings.SUBMIT_WAIT = 0.05
    asked, go_on = threading.Event(), threading.Event()

    def slow(request):
        asked.set()
        go_on.wait(10)
        return response(request, 200, ACCEPTED)

    wire.answers["generate"] = slow
    task = submission.send_and_wait(order())
    assert task.status == Status.SUBMITTING
    assert asked.wait(10)
    task.refresh_from_db()
    assert task.sent_at
    go_on.set()
    from midsync_portal.submission import pool

    for future in list(pool._under_way):
        future.result(10)
    task.refresh_from_db()
    assert task.status == Status.QUEUED


@pytest.mark.parametrize(
    ("answer", "status"), [((402, {}), Status.REJECTED), (ACCEPTED, Status.QUEUED)]
)
def test_an_answer_outlives_a_database_that_is_away(order, wire, monkeypatch, answer, status):
    task = order()
    for name in ("note_problem", "note_success"):
        calls = iter([OperationalError("the database is away")])
        noted = getattr(gate, name)

        def note(*problem, calls=calls, noted=noted):
            for away in calls:
                raise away
            noted(*problem)

        monkeypatch.setattr(gate, name, note)
    monkeypatch.setattr(sending.time, "sleep", lambda seconds: None)
    wire.answers["generate"] = answer
    submission.send(task.pk)
    task.refresh_from_db()
    assert task.status == status
    assert wire.count("generate") == 1


def test_promise_03_an_answer_written_down_twice_says_nothing_of_another_senders_attempt(
    order, wire, monkeypatch
):
    """Not reached, taken back, the database fails; meanwhile the worker sends it, unclearly."""
    refused = requests.ConnectionError(
        requests.packages.urllib3.exceptions.NewConnectionError(None, "Connection refused")
    )
    wire.answers["generate"] = [refused, requests.ConnectionError("reset")]
    task, note = order(), gate.note_outage
    is_first = iter([True])

    def note_outage(*problem):
        if next(is_first, False):
            submission.send(task.pk)
            raise OperationalError("canceling statement due to lock timeout")
        note(*problem)

    monkeypatch.setattr(gate, "note_outage", note_outage)
    monkeypatch.setattr(sending, "NOT_SENT_WAIT_MAX", 0)
    monkeypatch.setattr(sending.time, "sleep", lambda seconds: None)
    submission.send(task.pk)
    task.refresh_from_db()
    assert wire.count("generate") == 2
    assert task.status == Status.UNCONFIRMED


@pytest.mark.parametrize(
    ("answer", "status"),
    [(requests.ConnectionError("reset"), Status.UNCONFIRMED), (ACCEPTED, Status.QUEUED)],
)
def test_promise_03_the_last_429_written_down_twice_refuses_no_other_senders_attempt(
    order, wire, monkeypatch, answer, status
):
    """Busy for the fifth time, taken back, the database fails; meanwhile the worker sends it."""
    wire.answers["generate"] = [*[(429, {"error": "slow down"})] * 5, answer]
    task, note = order(), gate.note_problem
    numbers = iter(range(1, 10))

    def note_problem(*problem):
        if next(numbers) == 5:
            submission.send(task.pk)
            raise OperationalError("canceling statement due to lock timeout")
        note(*problem)

    monkeypatch.setattr(gate, "note_problem", note_problem)
    monkeypatch.setattr(sending.time, "sleep", lambda seconds: None)
    for _ in range(5):
        submission.send(task.pk)
    task.refresh_from_db()
    assert wire.count("generate") == 6
    assert (task.status, task.needs_review) == (status, "")


def test_only_one_sender_gets_the_mark(order):
    task = order()
    assert _mark(task)
    assert _mark(task) is None


def test_quotes_are_limited_per_minute(ana, wire, settings):
    settings.QUOTE_RATE = 2
    customer = ana.customers.get()
    submission.quote_for(customer, BODY)
    submission.quote_for(customer, BODY)
    with pytest.raises(submission.TooMany):
        submission.quote_for(customer, BODY)
    assert wire.count("quote") == 2


def test_the_database_remembers_which_midsync_it_orders_from(order):
    submission.send_and_wait(order())
    assert MidSyncGate.objects.get().is_simulated is True
