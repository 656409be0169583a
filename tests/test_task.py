"""The rules of one task: the rank only rises, facts are learned, conflicts change nothing."""

from datetime import timedelta
from decimal import Decimal
from itertools import product

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from midsync_portal.midsync.types import ReportedStatus, StatusReport
from midsync_portal.models import Task, TaskEvent
from midsync_portal.models.reports import ANSWER, CALLBACK, STATUS
from midsync_portal.models.status import FINAL, MOVES_TO, RANK, Status

pytestmark = pytest.mark.django_db

VIDEO = "https://cdn.example.com/one.mp4"
REASONS = {"failure_code": "x", "failure_message": "because"}


def fields_of(status: Status) -> dict:
    """What the constraints want a task of this status to have."""
    if status == Status.SUCCEEDED:
        return {"source_url": VIDEO}
    return dict(REASONS) if status in FINAL else {}


@pytest.mark.parametrize(("before", "after"), list(product(Status, Status)))
def test_a_task_only_moves_to_a_higher_rank(make_task, before, after):
    task = make_task(status=before, sent_at=timezone.now())
    moved = task.move_to(after, "callback", **fields_of(after))
    assert moved == (RANK[after] > RANK[before])
    task.refresh_from_db()
    assert task.status == (after if moved else before)
    assert task.events.filter(kind=TaskEvent.Kind.MOVE).count() == int(moved)


def test_allowed_moves_are_derived_from_the_rank_alone():
    assert MOVES_TO[Status.SUCCEEDED] == frozenset(Status) - {Status.SUCCEEDED}
    assert MOVES_TO[Status.SUBMITTING] == frozenset()
    assert Status.QUEUED not in MOVES_TO[Status.REJECTED]


def test_a_move_keeps_the_event_and_the_row_in_one_transaction(make_task):
    task = make_task(status=Status.RUNNING)
    with pytest.raises(IntegrityError), transaction.atomic():
        task.move_to(Status.SUCCEEDED, "callback")  # without a video: refused by the database
    task.refresh_from_db()
    assert task.status == Status.RUNNING
    assert not task.events.filter(kind=TaskEvent.Kind.MOVE).exists()


def test_success_needs_a_usable_https_link(make_task):
    task = make_task(status=Status.RUNNING)
    for link in ("http://cdn.example.com/a.mp4", "https://127.0.0.1/a.mp4", "javascript:alert(1)"):
        applied = task.apply(
            StatusReport(status=ReportedStatus.SUCCEEDED, video_urls=(link,)), CALLBACK
        )
        assert applied.asks_status
        assert task.status == Status.RUNNING
    task.apply(StatusReport(status=ReportedStatus.SUCCEEDED, video_urls=(link, VIDEO)), CALLBACK)
    assert task.status == Status.SUCCEEDED
    assert task.source_url == VIDEO


def test_the_simulators_origin_is_trusted_by_setting_only(make_task, settings):
    local = "http://127.0.0.1:8900/media/a.webm"
    report = StatusReport(status=ReportedStatus.SUCCEEDED, video_urls=(local,))
    settings.RESULT_ORIGINS_TRUSTED = []
    task = make_task(status=Status.RUNNING)
    task.apply(report, CALLBACK)
    assert task.status == Status.RUNNING
    settings.RESULT_ORIGINS_TRUSTED = ["http://127.0.0.1:8900"]
    task.apply(report, CALLBACK)
    assert task.status == Status.SUCCEEDED


def test_results_may_be_bound_to_named_hosts(make_task, settings):
    settings.RESULT_HOSTS = ["cdn.example.com"]
    task = make_task(status=Status.RUNNING)
    elsewhere = "https://cdn.example.com.evil.example/a.mp4"
    report = StatusReport(status=ReportedStatus.SUCCEEDED, video_urls=(elsewhere,))
    task.apply(report, CALLBACK)
    assert task.status == Status.RUNNING
    link = "https://eu.cdn.example.com/a.mp4"
    task.apply(StatusReport(status=ReportedStatus.SUCCEEDED, video_urls=(link,)), CALLBACK)
    assert task.source_url == link


def test_late_report_does_not_reopen_a_finished_task(make_task):
    task = make_task(status=Status.SUCCEEDED, source_url=VIDEO)
    for status in (ReportedStatus.RUNNING, ReportedStatus.FAILED, ReportedStatus.CANCELLED):
        task.apply(StatusReport(status=status), CALLBACK)
        assert task.status == Status.SUCCEEDED


def test_proof_of_success_beats_a_failure(make_task):
    task = make_task(status=Status.FAILED, failure_code="timeout", failure_message="late")
    task.apply(StatusReport(status=ReportedStatus.SUCCEEDED, video_urls=(VIDEO,)), CALLBACK)
    assert task.status == Status.SUCCEEDED
    assert task.failure_message == ""


def test_a_report_for_a_refused_task_is_flagged_as_charged_after_refusal(make_task):
    task = make_task(status=Status.REJECTED, **REASONS)
    task.apply(StatusReport(status=ReportedStatus.RUNNING), CALLBACK)
    assert task.status == Status.RUNNING
    assert "charged after refusal" in task.needs_review


def test_an_unknown_word_leaves_the_status_and_asks(make_task):
    task = make_task(status=Status.QUEUED)
    applied = task.apply(StatusReport(status=None, status_word="marinating"), CALLBACK)
    assert applied.asks_status
    assert not applied.is_understood
    assert task.status == Status.QUEUED


def test_ids_and_points_are_learned_even_without_a_move(make_task):
    task = make_task(status=Status.RUNNING, midsync_task_id="", provider_task_id="")
    report = StatusReport(
        status=ReportedStatus.QUEUED,
        midsync_task_id="ms-9",
        provider_task_id="pv-9",
        ids=("ms-9", "pv-9"),
        points=Decimal("48.5"),
    )
    applied = task.apply(report, CALLBACK)
    assert applied.changed
    assert (task.midsync_task_id, task.provider_task_id) == ("ms-9", "pv-9")
    assert task.points_charged == Decimal("48.5")
    assert not task.apply(report, CALLBACK).changed


def test_the_charge_of_generate_is_never_overwritten(make_task):
    task = make_task(status=Status.QUEUED, points_charged=Decimal(35))
    task.apply(StatusReport(status=ReportedStatus.RUNNING, points=Decimal(99)), CALLBACK)
    assert task.points_charged == Decimal(35)


def test_our_own_answer_corrects_the_charge_a_callback_told(make_task):
    task = make_task(status=Status.RUNNING, points_charged=Decimal(99))
    task.apply(StatusReport(status=ReportedStatus.QUEUED, points=Decimal(35)), ANSWER)
    assert task.points_charged == Decimal(35)
    assert task.status == Status.RUNNING


def test_the_answer_after_the_callback_fills_in_ids_and_keeps_the_rank(make_task):
    task = make_task(status=Status.SUBMITTING, sent_at=timezone.now(), midsync_task_id="")
    task.apply(
        StatusReport(
            status=ReportedStatus.SUCCEEDED,
            midsync_task_id="pv-7",
            ids=("pv-7",),
            video_urls=(VIDEO,),
        ),
        CALLBACK,
    )
    assert task.status == Status.SUCCEEDED
    answer = StatusReport(
        status=ReportedStatus.QUEUED,
        midsync_task_id="ms-7",
        provider_task_id="pv-7",
        ids=("ms-7", "pv-7"),
        points=Decimal(17),
    )
    task.apply(answer, ANSWER)
    assert task.status == Status.SUCCEEDED
    assert (task.midsync_task_id, task.provider_task_id) == ("ms-7", "pv-7")
    assert task.points_charged == Decimal(17)
    assert task.needs_review == ""


@pytest.mark.parametrize("source", [CALLBACK, STATUS])
def test_an_id_that_is_not_ours_changes_nothing_and_asks_for_review(make_task, source):
    task = make_task(status=Status.QUEUED, midsync_task_id="ms-1", provider_task_id="pv-1")
    task.apply(
        StatusReport(
            status=ReportedStatus.SUCCEEDED,
            midsync_task_id="ms-2",
            ids=("ms-2",),
            video_urls=(VIDEO,),
        ),
        source,
    )
    assert task.status == Status.QUEUED
    assert task.needs_review


def test_a_report_with_another_tasks_id_leaves_both_as_they_were(make_task, ana, ben):
    mine = make_task(status=Status.QUEUED, midsync_task_id="ms-a", provider_task_id="pv-a")
    other = make_task(
        customer=ben.customers.get(),
        status=Status.QUEUED,
        midsync_task_id="ms-b",
        provider_task_id="pv-b",
    )
    mine.apply(
        StatusReport(status=ReportedStatus.FAILED, midsync_task_id="ms-b", ids=("ms-b", "ms-a")),
        CALLBACK,
    )
    other.refresh_from_db()
    assert (mine.status, other.status) == (Status.QUEUED, Status.QUEUED)
    assert mine.needs_review
    assert not other.needs_review


def test_a_status_answer_by_the_providers_id_is_learned(make_task):
    task = make_task(status=Status.QUEUED, midsync_task_id="ms-1", provider_task_id="")
    report = StatusReport(
        status=ReportedStatus.SUCCEEDED,
        midsync_task_id="pv-1",
        ids=("pv-1",),
        video_urls=(VIDEO,),
    )
    task.apply(report, STATUS)
    assert task.status == Status.SUCCEEDED
    assert task.midsync_task_id == "ms-1"


def test_with_confirmation_on_a_final_callback_only_asks(make_task, settings):
    settings.MIDSYNC_CONFIRM_CALLBACKS = True
    task = make_task(status=Status.RUNNING)
    report = StatusReport(status=ReportedStatus.SUCCEEDED, video_urls=(VIDEO,))
    assert task.apply(report, CALLBACK).asks_status
    assert task.status == Status.RUNNING
    task.apply(report, STATUS)
    assert task.status == Status.SUCCEEDED


def test_progress_only_rises_and_ends_with_the_task(make_task):
    task = make_task(status=Status.RUNNING)
    for told, kept in ((20, 20), (60, 60), (40, 60)):
        task.apply(StatusReport(status=ReportedStatus.RUNNING, progress=told), CALLBACK)
        assert task.progress == kept
    task.apply(StatusReport(status=ReportedStatus.SUCCEEDED, video_urls=(VIDEO,)), CALLBACK)
    assert task.progress is None


def test_the_first_reason_for_a_review_stays(make_task):
    task = make_task(status=Status.QUEUED)
    task.flag("first", "worker")
    task.flag("second", "worker")
    assert task.needs_review == "first"
    assert task.events.filter(kind=TaskEvent.Kind.REVIEW).count() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "odd"},
        {"points_charged": Decimal(-1)},
        {"status": Status.SUCCEEDED, "finished_at": timezone.now()},
        {"status": Status.FAILED, "finished_at": timezone.now()},
        {"next_check_at": None},
        {"sent_at": None},
        {"lease_until": timezone.now() + timedelta(minutes=1)},
        {"needs_review": "why", "review_at": None},
        {"progress": 101},
    ],
    ids=lambda wrong: "-".join(wrong),
)
def test_the_database_refuses_what_no_task_may_be(make_task, wrong):
    task = make_task(status=Status.QUEUED)
    with pytest.raises(IntegrityError), transaction.atomic():
        Task.objects.filter(pk=task.pk).update(**wrong)


def test_one_midsync_id_belongs_to_one_task(make_task):
    make_task(status=Status.QUEUED, midsync_task_id="ms-1")
    with pytest.raises(IntegrityError), transaction.atomic():
        make_task(status=Status.QUEUED, midsync_task_id="ms-1")
