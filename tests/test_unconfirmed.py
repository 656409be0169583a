"""Sent, no answer: charged or not? The usage logs, twice; never a second generate."""

from datetime import timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from midsync_portal.models import Task
from midsync_portal.models.status import Status
from midsync_portal.reconcile import reconcile_due_task

pytestmark = pytest.mark.django_db

MODEL = "kling-2.5-turbo"


@pytest.fixture
def task(make_task, settings, clock):
    """A task that was sent two minutes ago and whose answer is lost; the key is ours alone."""
    settings.MIDSYNC_KEY_EXCLUSIVE = True
    return make_task(
        status=Status.UNCONFIRMED,
        video_model=MODEL,
        midsync_task_id="",
        sent_at=timezone.now() - timedelta(minutes=2),
        next_check_at=timezone.now(),
    )


def look(task):
    """Let the worker look, as if it were due."""
    Task.objects.filter(pk=task.pk).update(next_check_at=timezone.now())
    task.refresh_from_db()
    reconcile_due_task(task)
    task.refresh_from_db()


def rows(task, *points):
    """Usage rows at the moment the task was sent."""
    at = (task.sent_at + timedelta(seconds=2)).isoformat()
    return {
        "logs": [
            {"id": f"log-{n}", "model": MODEL, "pointsCharged": p, "createdAt": at}
            for n, p in enumerate(points)
        ],
        "pagination": {"page": 1, "limit": 100, "total": len(points)},
    }


def test_two_empty_readings_ten_minutes_apart_prove_that_nothing_was_charged(task, wire, clock):
    look(task)
    assert task.status == Status.UNCONFIRMED
    assert task.next_check_at == task.sent_at + timedelta(minutes=15)
    clock.advance(minutes=9)
    look(task)
    assert wire.count("logs") == 1
    assert task.status == Status.UNCONFIRMED
    clock.advance(minutes=4)
    look(task)
    assert (task.status, task.failure_code) == (Status.REJECTED, "no_charge_found")
    assert wire.count("logs") == 2
    assert wire.count("generate") == 0


def test_a_row_that_no_task_explains_is_for_support(task, wire):
    wire.answers["logs"] = rows(task, 35)
    look(task)
    assert task.status == Status.UNCONFIRMED
    assert "no other task explains" in task.needs_review
    review = task.events.get(kind="review")
    assert review.evidence["rows"][0]["id"] == "log-0"


def test_rows_of_our_other_tasks_are_explained(task, wire, make_task, clock):
    make_task(
        status=Status.QUEUED,
        video_model=MODEL,
        points_charged=Decimal(35),
        sent_at=task.sent_at,
        accepted_at=task.sent_at,
    )
    wire.answers["logs"] = rows(task, 35)
    look(task)
    clock.advance(minutes=13)
    look(task)
    assert task.status == Status.REJECTED


def test_one_other_task_explains_one_row_only(task, wire, make_task):
    make_task(
        status=Status.QUEUED,
        video_model=MODEL,
        points_charged=Decimal(35),
        sent_at=task.sent_at,
        accepted_at=task.sent_at,
    )
    wire.answers["logs"] = rows(task, 35, 35)
    look(task)
    assert task.needs_review


def test_where_others_use_the_key_the_logs_prove_nothing(task, wire, settings):
    settings.MIDSYNC_KEY_EXCLUSIVE = False
    look(task)
    look(task)
    assert task.status == Status.UNCONFIRMED
    assert wire.count("logs") == 0


@pytest.mark.parametrize("answer", [(500, ""), (403, {}), (200, "<html>"), (200, {"rows": 1})])
def test_logs_that_cannot_be_read_prove_nothing(task, wire, answer):
    wire.answers["logs"] = answer
    look(task)
    look(task)
    assert task.status == Status.UNCONFIRMED
    Task.objects.update(sent_at=timezone.now() - timedelta(minutes=16))
    look(task)
    assert "cannot be read" in task.needs_review


def test_all_pages_are_read(task, wire):
    full = rows(task, *[35] * 100)
    full["pagination"]["total"] = 101
    wire.answers["logs"] = [full, rows(task, 35)]
    look(task)
    assert task.needs_review
    assert wire.count("logs") == 2


def row_at(moment, number=0, points=35):
    """A usage row of that moment."""
    return {
        "id": f"log-{number}",
        "model": MODEL,
        "pointsCharged": points,
        "createdAt": moment.isoformat(),
    }


def logs(*found):
    """An answer with these rows on one page."""
    return {"logs": found, "pagination": {"page": 1, "limit": 100, "total": len(found)}}


@pytest.mark.parametrize("minutes", [-3, 3])
def test_promise_03_a_task_whose_own_row_is_not_read_explains_no_row(
    task, wire, make_task, minutes
):
    """Sent just outside of what the logs were asked for, it must not explain a charge inside."""
    at = task.sent_at + timedelta(minutes=minutes)
    make_task(video_model=MODEL, points_charged=Decimal(35), sent_at=at, accepted_at=at)
    of_this_task = row_at(task.sent_at + timedelta(seconds=1))
    of_the_other = row_at(at + timedelta(seconds=1), number=1)

    def answer(request):
        asked = parse_qs(urlsplit(request.url).query)
        begin, end = asked["from"][0], asked["to"][0]
        found = [row for row in (of_this_task, of_the_other) if begin <= row["createdAt"] <= end]
        return 200, logs(*found)

    wire.answers["logs"] = answer
    look(task)
    look(task)
    assert task.status == Status.UNCONFIRMED
    assert "no other task explains" in task.needs_review


def test_a_task_that_only_a_callback_has_told_us_of_explains_its_row(task, wire, make_task, clock):
    make_task(
        status=Status.FAILED,
        video_model=MODEL,
        midsync_task_id="ms-9",
        points_quoted=Decimal(35),
        points_charged=None,
        sent_at=task.sent_at,
        accepted_at=None,
    )
    wire.answers["logs"] = rows(task, 35)
    look(task)
    clock.advance(minutes=13)
    look(task)
    assert task.status == Status.REJECTED
