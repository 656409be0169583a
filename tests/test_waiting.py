"""Honest waiting: from tasks that really ran, else MidSync's estimate, else nothing."""

from datetime import timedelta

import pytest
from django.template.loader import render_to_string

from midsync_portal.models.status import Status
from midsync_portal.waiting import forget_spans, wait_of
from tests.pages import Page

pytestmark = pytest.mark.django_db


@pytest.fixture
def ran(make_task, clock):
    """Lets tasks of these lengths (seconds) have run at MidSync."""

    def ran(lengths, **fields):
        for number, seconds in enumerate(lengths):
            sent_at = clock.now() - timedelta(hours=1)
            wanted = {
                "midsync_task_id": f"ms-{seconds}-{number}",
                "sent_at": sent_at,
                "accepted_at": sent_at,
                "finished_at": sent_at + timedelta(seconds=seconds),
            }
            make_task(status=Status.SUCCEEDED, **wanted | fields)
        forget_spans()

    return ran


def said(task, **more):
    """The note in the task's row."""
    page = Page(render_to_string("tasks/_row.html", {"task": task} | more))
    return page.text_of(f"task-{task.public_id}-note-cell")


def under_way(make_task, clock, seconds, **fields):
    """A task that MidSync has accepted so many seconds ago."""
    at = clock.now() - timedelta(seconds=seconds)
    return make_task(status=Status.RUNNING, sent_at=at, accepted_at=at, **fields)


def test_the_usual_time_leaves_a_tenth_out_at_both_ends(ran, make_task, clock):
    ran(range(70, 90))
    task = under_way(make_task, clock, 42)
    assert said(task) == "Usually 71–87 s · 42 s so far"


def test_nineteen_are_too_few_and_midsyncs_estimate_is_told(ran, make_task, clock):
    ran(range(70, 89))
    task = under_way(make_task, clock, 42, estimated_seconds=80)
    assert said(task) == "MidSync estimates about 80 seconds. 42 s so far"


def test_without_both_nothing_is_promised(make_task, clock):
    assert said(under_way(make_task, clock, 42)) == "MidSync is making the video. 42 s so far"


@pytest.mark.parametrize(
    "fields",
    [
        {"midsync_task_id": ""},
        {"accepted_at": None},
        {"video_model": "runway"},
        {"parameters": {"duration": 10}},
    ],
    ids=["no number of MidSync", "never accepted", "another model", "another length"],
)
def test_only_tasks_of_the_same_setting_that_really_ran_count(ran, make_task, clock, fields):
    ran([80] * 5)
    ran([5] * 40, **fields)
    assert wait_of(under_way(make_task, clock, 42)).usual is None


def test_longer_than_usual_is_told_and_that_midsync_was_asked_only_when_it_was(
    ran, make_task, clock
):
    ran([80] * 20)
    task = under_way(make_task, clock, 95)
    assert said(task) == "Usually 80 s · 95 s so far Taking longer than usual."
    task.last_checked_at = clock.now() - timedelta(seconds=40)  # before it was late
    assert "asked" not in said(task)
    task.last_checked_at = clock.now() - timedelta(seconds=5)
    assert "we asked MidSync" in said(task)


def test_progress_that_midsync_reports_is_told_instead(ran, make_task, clock):
    ran([80] * 20)
    assert said(under_way(make_task, clock, 42, progress=60)) == "60 % done. 42 s so far"


def test_long_times_are_told_in_minutes(ran, make_task, clock):
    ran([700, 1300] * 10)
    assert said(under_way(make_task, clock, 60)).startswith("Usually 12–22 min")


def test_a_pushed_row_leaves_the_seconds_to_the_browser(make_task, clock):
    task = under_way(make_task, clock, 42)
    before = render_to_string("tasks/_row.html", {"task": task, "oob": True})
    clock.advance(seconds=7)
    assert render_to_string("tasks/_row.html", {"task": task, "oob": True}) == before


def test_all_rows_together_cost_one_query_a_minute(
    ran, make_task, clock, django_assert_num_queries
):
    ran([80] * 20)
    tasks = [under_way(make_task, clock, 10, video_model=name) for name in ("runway", "x", "y")]
    with django_assert_num_queries(1):
        for task in tasks:
            said(task)
    clock.advance(seconds=59)
    with django_assert_num_queries(0):
        said(tasks[0])
    clock.advance(seconds=2)
    with django_assert_num_queries(1):
        said(tasks[0])


@pytest.mark.parametrize("status", [Status.SUBMITTING, Status.UNCONFIRMED, Status.FAILED])
def test_other_tasks_do_not_wait_for_midsync(make_task, status):
    assert wait_of(make_task(status=status)) is None
