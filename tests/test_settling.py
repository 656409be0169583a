"""What becomes of an answer that comes late, twice, or beside what a callback has told already."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
import requests
from django.utils import timezone

from midsync_portal import submission
from midsync_portal.callback_urls import callback_url
from midsync_portal.callbacks import process_due_delivery
from midsync_portal.midsync.types import ReportedStatus, StatusReport
from midsync_portal.models import CallbackDelivery, Task, TaskEvent
from midsync_portal.models.reports import ANSWER, CALLBACK, NO_NUMBER, STATUS
from midsync_portal.models.status import Status
from midsync_portal.reconcile import reconcile_due_task
from tests.wire import ACCEPTED, response

pytestmark = pytest.mark.django_db

VIDEO = "https://cdn.example.com/one.mp4"
REFUSED_CONNECTION = requests.ConnectionError(
    requests.packages.urllib3.exceptions.NewConnectionError(None, "Connection refused")
)


def said(status, *ids, **more):
    """A report that names these ids."""
    named = {"midsync_task_id": ids[0]} if ids else {}
    links = (VIDEO,) if status == ReportedStatus.SUCCEEDED else ()
    return StatusReport(status=status, ids=ids, video_urls=links, **named, **more)


@pytest.fixture
def unsent(make_task):
    """A task that is written down and not sent."""
    return make_task(status=Status.SUBMITTING)


@pytest.fixture
def post(client):
    """Post a callback to a task's own URL."""

    def post(task, body):
        path = callback_url(task.public_id).removeprefix("http://127.0.0.1:8000")
        return client.post(path, body, content_type="application/json")

    return post


def during(wire, do, answer):
    """While MidSync has our order in hand something happens; then it answers."""

    def answering(request):
        do()
        if isinstance(answer, BaseException):
            raise answer
        status, body = answer
        return response(request, status, body)

    wire.answers["generate"] = answering


def lapse(task):
    """The worker finds the lease lapsed, as after a pause of minutes."""
    Task.objects.filter(pk=task.pk).update(
        lease_until=timezone.now() - timedelta(seconds=1), next_check_at=timezone.now()
    )
    reconcile_due_task(Task.objects.get(pk=task.pk))


# --- the answer after the lease has lapsed -------------------------------------------------------


@pytest.mark.parametrize("answer", [REFUSED_CONNECTION, (429, {"error": "slow"}), (401, {})])
def test_promise_02_a_late_proof_of_not_sent_refuses_the_task(unsent, wire, answer):
    during(wire, lambda: lapse(unsent), answer)
    submission.send(unsent.pk)
    unsent.refresh_from_db()
    assert (unsent.status, unsent.failure_code) == (Status.REJECTED, "not_sent")
    submission.send(unsent.pk)
    assert wire.count("generate") == 1


def test_a_late_acceptance_settles_what_was_unconfirmed(unsent, wire):
    during(wire, lambda: lapse(unsent), (200, ACCEPTED))
    submission.send(unsent.pk)
    unsent.refresh_from_db()
    assert (unsent.status, unsent.midsync_task_id) == (Status.QUEUED, "ms-1")


# --- a callback was faster than our own answer ---------------------------------------------------


@pytest.mark.parametrize(
    "answer", [(402, {"error": "no points"}), (503, ""), REFUSED_CONNECTION, (429, {})], ids=str
)
def test_promise_16_an_answer_against_the_callbacks_word_leaves_its_event(unsent, wire, answer):
    during(wire, lambda: unsent.apply(said(ReportedStatus.RUNNING, "ms-1"), CALLBACK), answer)
    submission.send(unsent.pk)
    unsent.refresh_from_db()
    assert unsent.status == Status.RUNNING
    assert unsent.lease_token is None
    assert unsent.events.filter(source=ANSWER).exists()


def test_a_refusal_after_the_callback_is_flagged_as_in_the_other_order(unsent, wire):
    running = said(ReportedStatus.RUNNING, "ms-1")
    during(wire, lambda: unsent.apply(running, CALLBACK), (402, {"error": "no"}))
    submission.send(unsent.pk)
    unsent.refresh_from_db()
    assert "charged after refusal" in unsent.needs_review


@pytest.mark.parametrize("body", [b"", b"not json", b'{"status": "marinating"}', b"{}"])
def test_promise_02_any_callback_stops_the_sending_of_a_task_taken_for_unsent(
    unsent, post, wire, body
):
    assert post(unsent, body).status_code == 200
    submission.send(unsent.pk)
    unsent.refresh_from_db()
    assert unsent.status == Status.UNCONFIRMED
    assert "took for unsent" in unsent.needs_review
    assert wire.count("generate") == 0


def test_a_challenge_proves_nothing_about_an_unsent_task(unsent, post, wire):
    assert post(unsent, b'{"challenge": "abc"}').content == b"abc"
    submission.send(unsent.pk)
    assert wire.count("generate") == 1


# --- ids -----------------------------------------------------------------------------------------


def test_our_own_answer_names_the_number_though_a_callback_gave_the_providers(unsent):
    unsent.apply(said(ReportedStatus.RUNNING, "pv-1"), CALLBACK)
    unsent.apply(said(ReportedStatus.QUEUED, "ms-1"), ANSWER)
    assert (unsent.midsync_task_id, unsent.provider_task_id) == ("ms-1", "pv-1")


def test_a_status_answer_under_another_id_teaches_the_providers(make_task):
    task = make_task(midsync_task_id="ms-1")
    task.apply(said(ReportedStatus.RUNNING, "pv-1"), STATUS)
    assert task.provider_task_id == "pv-1"


def test_promise_05_a_callback_whose_id_was_not_known_yet_counts_once_it_is(unsent, post):
    post(unsent, b'{"taskId": "ms-1", "status": "processing"}')
    post(unsent, b'{"taskId": "pv-1", "status": "completed", "output": "%s"}' % VIDEO.encode())
    unsent.refresh_from_db()
    assert unsent.status == Status.RUNNING
    report = StatusReport(
        status=ReportedStatus.QUEUED,
        midsync_task_id="ms-1",
        provider_task_id="pv-1",
        ids=("ms-1", "pv-1"),
    )
    unsent.apply(report, ANSWER)
    for delivery in CallbackDelivery.objects.open():
        process_due_delivery(delivery)
    unsent.refresh_from_db()
    assert unsent.status == Status.SUCCEEDED


def test_promise_03_a_task_of_unknown_number_is_in_supports_list_until_it_is_known(make_task):
    task = make_task(status=Status.UNCONFIRMED)
    task.apply(said(ReportedStatus.RUNNING), CALLBACK)
    assert (task.status, task.needs_review) == (Status.RUNNING, NO_NUMBER)
    task.apply(said(ReportedStatus.RUNNING, "ms-1"), CALLBACK)
    assert (task.needs_review, task.review_at) == ("", None)


def test_two_tasks_that_learn_one_id_at_the_same_moment(make_task, monkeypatch):
    from midsync_portal.models import reports

    two = make_task(status=Status.UNCONFIRMED)
    make_task(midsync_task_id="ms-1")
    really = reports._conflicting_id

    def too_early_to_see(row, report, source):
        monkeypatch.setattr(reports, "_conflicting_id", really)
        return ""

    monkeypatch.setattr(reports, "_conflicting_id", too_early_to_see)
    two.apply(said(ReportedStatus.RUNNING, "ms-1"), CALLBACK)
    assert two.status == Status.UNCONFIRMED
    assert "another task" in two.needs_review


# --- facts in any order --------------------------------------------------------------------------


def test_with_confirmation_on_a_final_callback_still_teaches_its_ids(make_task, settings):
    settings.MIDSYNC_CONFIRM_CALLBACKS = True
    task = make_task(status=Status.UNCONFIRMED)
    task.apply(said(ReportedStatus.SUCCEEDED, "ms-1", points=Decimal(35)), CALLBACK)
    assert (task.status, task.midsync_task_id) == (Status.UNCONFIRMED, "ms-1")
    assert task.points_charged == Decimal(35)


@pytest.mark.parametrize("status", [Status.REJECTED, Status.FAILED, Status.CANCELLED])
def test_a_success_that_proves_nothing_on_an_ended_task_is_supports(make_task, status):
    task = make_task(status=status)
    task.apply(StatusReport(status=ReportedStatus.SUCCEEDED), CALLBACK)
    assert task.status == status
    assert task.needs_review


def test_a_word_nobody_knows_about_a_refused_task_is_supports(make_task):
    task = make_task(status=Status.REJECTED)
    task.apply(StatusReport(status=None, status_word="marinating"), CALLBACK)
    assert task.needs_review


@pytest.mark.parametrize("ends", [ReportedStatus.FAILED, ReportedStatus.CANCELLED])
def test_a_task_that_midsync_calls_failed_was_accepted_by_it(make_task, ends):
    task = make_task(status=Status.UNCONFIRMED)
    task.apply(said(ends, "ms-1"), CALLBACK)
    assert task.accepted_at  # so that its row in the usage logs is explained


def test_the_first_check_goes_by_the_estimate_also_after_later_reports(make_task):
    task = make_task(status=Status.QUEUED, estimated_seconds=1000)
    task.apply(said(ReportedStatus.RUNNING), CALLBACK)
    assert task.next_check_at > timezone.now() + timedelta(seconds=1100)


def test_429_is_forgiven_five_times_whatever_else_went_wrong_before(unsent, wire, settings):
    settings.MIDSYNC_BREAKER_FAILURES = 100
    wire.answers["generate"] = [*[REFUSED_CONNECTION] * 7, *[(429, {})] * 5, ACCEPTED]
    for _ in range(13):
        submission.send(unsent.pk)
    unsent.refresh_from_db()
    assert unsent.status == Status.QUEUED
    assert unsent.events.filter(kind=TaskEvent.Kind.UNSENT).count() == 12


def test_a_charge_that_is_told_later_is_no_longer_unknown(make_task):
    task = make_task(status=Status.FAILED, charge_unknown=True, midsync_task_id="ms-1")
    task.apply(said(ReportedStatus.FAILED, "ms-1", points=Decimal(35)), CALLBACK)
    assert (task.points_charged, task.charge_unknown) == (Decimal(35), False)


def test_a_move_ends_the_lease(unsent):
    Task.objects.filter(pk=unsent.pk).update(
        sent_at=timezone.now(), lease_token=uuid4(), lease_until=timezone.now()
    )
    unsent.apply(said(ReportedStatus.RUNNING, "ms-1"), CALLBACK)
    assert (unsent.lease_token, unsent.lease_until) == (None, None)


@pytest.mark.parametrize("first", [ReportedStatus.QUEUED, ReportedStatus.RUNNING])
def test_progress_is_learned_by_the_report_that_lifts_a_refusal(make_task, first):
    task = make_task(status=Status.REJECTED)
    task.apply(said(first, "ms-1", progress=10), CALLBACK)
    assert task.progress == 10
