"""A task that was sent and of which no answer is known: did MidSync charge for it?

A callback or a status answer settles it at any time. Until then MidSync's usage logs are read
twice, at least ten minutes apart. Only if nobody else uses the key and both readings hold no row
that our other tasks do not explain, nothing was charged and the task is refused. In every other
case support decides, with the rows in question as evidence. Nothing here sends a generate.
"""

import logging
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from . import gate
from .midsync.errors import MidSyncError, MidSyncNotSent, MidSyncUnavailable
from .midsync.types import UsageLog
from .models import Task, TaskEvent
from .models.status import Status
from .upstream import get_client

log = logging.getLogger("midsync_portal.unconfirmed")

READ = "MidSync's usage logs were read"
READINGS_APART = timedelta(minutes=10)  # at least; the first is at +2 minutes
TO_SUPPORT_AFTER = timedelta(minutes=15)
SETTLED_WITHIN = timedelta(minutes=19)  # or flagged
LOOK_AGAIN_AFTER = timedelta(minutes=30)
CLOCKS_MAY_DIFFER = timedelta(minutes=2)
OTHERS_WITHIN = timedelta(hours=2)  # how far the logs are read at most, for other tasks' sake
PAGES_MAX = 10
ROWS_PER_PAGE = 100


def look_at_unconfirmed(task: Task) -> None:
    """One look at a due UNCONFIRMED task without MidSync's id; the worker has claimed it.

    Settled or flagged within 20 minutes of its sending, even while MidSync is away.
    """
    now = timezone.now()
    age = now - (task.sent_at or task.created_at)
    if task.needs_review:
        return _look_again(task, now + LOOK_AGAIN_AFTER)
    if not settings.MIDSYNC_KEY_EXCLUSIVE:
        if age < TO_SUPPORT_AFTER:
            return _look_again(task, now + TO_SUPPORT_AFTER - age)
        task.flag("no answer and no callback: was it accepted and charged?", "worker")
        return _look_again(task, now + LOOK_AGAIN_AFTER)
    if task.log_readings and now < _second_not_before(task):
        return _wait_for_second(task, now)
    if gate.is_away():
        return _not_readable(task, now, age)
    try:
        unexplained = unexplained_rows(task)
    except (MidSyncNotSent, MidSyncUnavailable) as error:
        gate.note_outage("usage logs", error, now)
        return _not_readable(task, now, age)
    except MidSyncError as error:
        gate.note_problem("usage logs", str(error))
        return _not_readable(task, now, age)
    gate.note_success("usage logs")
    is_first = task.log_readings == 0
    _note_reading(task, unexplained)
    if unexplained:
        task.flag(
            "MidSync's usage logs hold a charge that no other task explains",
            "worker",
            evidence={"rows": [_evidence(row) for row in unexplained[:10]]},
        )
        return _look_again(task, now + LOOK_AGAIN_AFTER)
    if is_first:
        return _wait_for_second(task, now)
    task.move_to(
        Status.REJECTED,
        "worker",
        only_if=Q(midsync_task_id=""),
        failure_code="no_charge_found",
        failure_message="MidSync did not take this order. Nothing was charged.",
        reason="two readings of the usage logs hold no charge for it",
    )
    return None


def _second_not_before(task: Task) -> datetime:
    """When a second reading counts: ten minutes after the first, fifteen after the sending."""
    sent_at = task.sent_at or task.created_at
    readings = task.events.filter(kind=TaskEvent.Kind.CHECK, reason=READ).order_by("pk")
    first_at = readings.values_list("created_at", flat=True).first() or sent_at
    return max(first_at + READINGS_APART, sent_at + TO_SUPPORT_AFTER)


def _wait_for_second(task: Task, now: datetime) -> None:
    """One reading was empty. If the second comes too late to be waited for, support is told."""
    deadline = (task.sent_at or task.created_at) + SETTLED_WITHIN
    if now < deadline:
        return _look_again(task, min(_second_not_before(task), deadline))
    task.flag("no answer and no callback: was it accepted and charged?", "worker")
    return _look_again(task, now + LOOK_AGAIN_AFTER)


def _not_readable(task: Task, now: datetime, age: timedelta) -> None:
    """No usage logs: read again in a minute; after a quarter of an hour it is support's."""
    if age < TO_SUPPORT_AFTER:
        return _look_again(task, now + timedelta(minutes=1))
    task.flag("no answer, no callback, and the usage logs cannot be read", "worker")
    return _look_again(task, now + LOOK_AGAIN_AFTER)


def unexplained_rows(task: Task) -> list[UsageLog]:
    """Rows of the task's model around its sending that none of our other tasks explains.

    Raises MidSyncError where the logs cannot be read whole.
    """
    sent_at = task.sent_at or task.created_at
    others = list(
        Task.objects.filter(Q(accepted_at__isnull=False) | ~Q(midsync_task_id=""))
        .filter(
            video_model=task.video_model,
            sent_at__range=(sent_at - OTHERS_WITHIN, sent_at + OTHERS_WITHIN),
        )
        .exclude(pk=task.pk)
        .annotate(points=Coalesce("points_charged", "points_quoted"))
        .values_list("sent_at", "points")
    )
    begin, end = _window(sent_at, [sent for sent, _ in others if sent])
    rows = [
        row
        for row in _read_rows(task.video_model, begin, end)
        if row.video_model in ("", task.video_model)
        and (row.created_at is None or begin <= row.created_at <= end)
    ]
    explained: Counter[Decimal | None] = Counter(
        points for sent, points in others if sent and begin <= sent <= end
    )
    unexplained = []
    for row in rows:
        if explained[row.points_charged] > 0:
            explained[row.points_charged] -= 1
        else:
            unexplained.append(row)
    return unexplained


def _window(sent_at: datetime, others: list[datetime]) -> tuple[datetime, datetime]:
    """When this task may have been charged, widened over every other task that may have been
    charged at its edges: a task whose own row is not read must not explain one of ours.
    """
    begin, end = _charged_between(sent_at)
    before = sorted((_charged_between(sent) for sent in others if sent <= sent_at), reverse=True)
    for start, stop in before:
        if stop >= begin:
            begin = min(begin, start)
    for start, stop in sorted(_charged_between(sent) for sent in others if sent > sent_at):
        if start <= end:
            end = max(end, stop)
    return begin, end


def _charged_between(sent_at: datetime) -> tuple[datetime, datetime]:
    """When MidSync may have charged what was sent at that time, by its clock."""
    call = timedelta(seconds=settings.MIDSYNC_GENERATE_TIMEOUT)
    return sent_at - CLOCKS_MAY_DIFFER, sent_at + call + CLOCKS_MAY_DIFFER


def _read_rows(video_model: str, begin: datetime, end: datetime) -> list[UsageLog]:
    """All pages of the window."""
    rows: list[UsageLog] = []
    for page in range(1, PAGES_MAX + 1):
        if page > 1:  # the worker has paid for one
            gate.owe()
        answer = get_client().usage_logs(
            model=video_model,
            from_=begin,
            to=end,
            page=page,
            limit=ROWS_PER_PAGE,
            may_repeat=gate.may_repeat,
        )
        rows += answer.logs
        if not answer.logs or (answer.total is not None and len(rows) >= answer.total):
            return rows
        if answer.total is None and len(answer.logs) < ROWS_PER_PAGE:
            return rows
    raise MidSyncError(f"more than {PAGES_MAX} pages of usage logs")


def _note_reading(task: Task, unexplained: list[UsageLog]) -> None:
    with transaction.atomic():
        task.record(
            TaskEvent.Kind.CHECK,
            "worker",
            reason=READ,
            evidence={"unexplained": len(unexplained)},
            created_at=timezone.now(),
        )
        Task.objects.filter(pk=task.pk).update(log_readings=F("log_readings") + 1)
    task.refresh_from_db()


def _look_again(task: Task, at: datetime) -> None:
    Task.objects.filter(pk=task.pk, status=Status.UNCONFIRMED).update(next_check_at=at)


def _evidence(row: UsageLog) -> dict[str, str]:
    return {
        "id": row.log_id,
        "points": str(row.points_charged),
        "at": row.created_at.isoformat() if row.created_at else "",
    }
