"""Ask instead of wait: quiet tasks, lapsed leases, and what is never asked or sent."""

from datetime import timedelta

import pytest
from django.utils import timezone

from midsync_portal.models import Task, TaskEvent
from midsync_portal.models.status import Status
from midsync_portal.reconcile import next_check, reconcile_due_task, reconcile_task

pytestmark = pytest.mark.django_db

VIDEO = "https://cdn.example.com/one.mp4"
DONE = {"success": True, "taskId": "ms-1", "status": "completed", "output": {"url": VIDEO}}


@pytest.fixture
def task(make_task):
    """A queued task that MidSync knows as ms-1."""
    return make_task(status=Status.QUEUED, midsync_task_id="ms-1", provider_task_id="pv-1")


def test_asking_applies_what_midsync_says(task, wire):
    wire.answers["status"] = DONE
    said = reconcile_task(task)
    task.refresh_from_db()
    assert (task.status, task.source_url) == (Status.SUCCEEDED, VIDEO)
    assert "ready" in said
    assert wire.asked[0][1].path_url == "/unified-video/ms-1/status"


def test_asking_by_support_leaves_the_name_and_the_reason(task, wire, sam):
    reconcile_task(task, actor=sam, reason="customer called")
    event = task.events.get(kind=TaskEvent.Kind.CHECK)
    assert (event.actor, event.reason, event.source) == (sam, "customer called", "support")


def test_a_task_is_asked_about_at_most_once_in_ten_seconds(task, wire):
    reconcile_task(task)
    assert "moment ago" in reconcile_task(task)
    assert wire.count("status") == 1


def test_a_task_without_a_number_cannot_be_asked_about(make_task, wire):
    task = make_task(status=Status.RUNNING, midsync_task_id="")
    assert "cannot be asked" in reconcile_task(task)
    assert wire.count("status") == 0


@pytest.mark.parametrize("answer", [(500, ""), (401, {}), (429, {}), (200, "<html>"), (404, {})])
def test_no_usable_answer_leaves_the_task_as_it_was(task, wire, answer):
    wire.answers["status"] = answer
    assert reconcile_task(task)
    task.refresh_from_db()
    assert task.status == Status.QUEUED


def test_not_found_five_times_over_asks_for_a_review(task, wire):
    wire.answers["status"] = (404, {"error": "no such task"})
    Task.objects.update(accepted_at=timezone.now() - timedelta(minutes=10))
    for count in range(5):
        task.refresh_from_db()
        assert not task.needs_review, count
        Task.objects.update(last_checked_at=None)
        reconcile_task(task)
    assert "does not know" in task.needs_review


def test_success_without_a_usable_link_is_not_success(task, wire):
    wire.answers["status"] = DONE | {"output": {"url": "http://cdn.example.com/a.mp4"}}
    Task.objects.update(checks=3)
    reconcile_task(task)
    assert task.status == Status.QUEUED
    assert "no usable link" in task.needs_review


def test_a_lapsed_lease_is_unconfirmed_and_never_sent_again(make_task, wire):
    past = timezone.now() - timedelta(seconds=1)
    task = make_task(
        status=Status.SUBMITTING,
        midsync_task_id="",
        sent_at=past,
        lease_token="7c1bd2a0-3a43-4c3a-9b83-0b1d6a0b6f11",
        lease_until=past,
        next_check_at=past,
    )
    reconcile_due_task(task)
    task.refresh_from_db()
    assert task.status == Status.UNCONFIRMED
    reconcile_due_task(task)
    assert wire.asked == []


def test_a_lease_that_still_holds_is_left_alone(make_task):
    now = timezone.now()
    task = make_task(
        status=Status.SUBMITTING,
        midsync_task_id="",
        sent_at=now,
        lease_token="7c1bd2a0-3a43-4c3a-9b83-0b1d6a0b6f11",
        lease_until=now + timedelta(minutes=1),
        next_check_at=now,
    )
    reconcile_due_task(task)
    task.refresh_from_db()
    assert task.status == Status.SUBMITTING


def test_promise_11_unconfirmed_is_flagged_for_support_after_a_quarter_of_an_hour(make_task):
    task = make_task(
        status=Status.UNCONFIRMED,
        midsync_task_id="",
        sent_at=timezone.now() - timedelta(minutes=16),
        next_check_at=timezone.now(),
    )
    reconcile_due_task(task)
    task.refresh_from_db()
    assert task.status == Status.UNCONFIRMED
    assert task.needs_review


def test_unconfirmed_with_a_number_is_settled_by_asking(make_task, wire):
    task = make_task(
        status=Status.UNCONFIRMED, midsync_task_id="ms-1", next_check_at=timezone.now()
    )
    wire.answers["status"] = DONE
    reconcile_due_task(task)
    task.refresh_from_db()
    assert task.status == Status.SUCCEEDED


def test_after_three_days_a_quiet_task_is_given_up_and_a_late_proof_still_wins(task, wire):
    Task.objects.update(sent_at=timezone.now() - timedelta(hours=73))
    task.refresh_from_db()
    reconcile_due_task(task)
    task.refresh_from_db()
    assert (task.status, task.failure_code) == (Status.FAILED, "no_result")
    assert task.needs_review
    wire.answers["status"] = DONE
    Task.objects.update(last_checked_at=None)
    reconcile_task(task)
    assert task.status == Status.SUCCEEDED


@pytest.mark.parametrize(
    ("age", "checks", "least", "most"),
    [
        (timedelta(minutes=1), 0, 12, 18),
        (timedelta(minutes=5), 2, 27, 41),
        (timedelta(minutes=20), 9, 48, 72),
        (timedelta(hours=1), 30, 240, 360),
        (timedelta(hours=10), 60, 1440, 2160),
        (timedelta(hours=50), 90, 17280, 25920),
    ],
)
def test_the_older_a_task_the_rarer_it_is_asked_about(make_task, age, checks, least, most):
    now = timezone.now()
    task = make_task(status=Status.QUEUED, sent_at=now - age, checks=checks)
    assert least <= (next_check(task, now) - now).total_seconds() <= most


def test_two_workers_ask_about_a_due_task_once(task, wire):
    Task.objects.update(next_check_at=timezone.now())
    task.refresh_from_db()
    twin = Task.objects.get(pk=task.pk)
    reconcile_due_task(task)
    Task.objects.update(last_checked_at=None)
    reconcile_due_task(twin)
    assert wire.count("status") == 1
