"""Ask instead of wait: what MidSync's status endpoint says of a task that is quiet or in doubt."""

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from . import gate
from .evidence import answer_text
from .midsync.errors import MidSyncError, MidSyncMisconfigured, MidSyncRefused, NotFound
from .models import Task, TaskEvent, User
from .models.reports import STATUS
from .models.status import OPEN, Status
from .models.tasks import TaskQuerySet
from .submission import send
from .unconfirmed import look_at_unconfirmed
from .upstream import get_client

log = logging.getLogger("midsync_portal.reconcile")

ASK_AT_MOST_EVERY = timedelta(seconds=10)
CLAIMED_FOR_LONGER = 5.0  # seconds: a claim outlives the longest question by this
AGAIN_AFTER_OUTAGE = 30.0  # seconds
TOO_EARLY_TO_BE_KNOWN = timedelta(minutes=2)
NOT_FOUND_MAX = 5
NOT_FOUND_EVERY = 450.0  # seconds: the first and four more within half an hour
CHECKS_BEFORE_REVIEW = 3
GIVE_UP_AFTER = timedelta(hours=72)


@dataclass(frozen=True)
class Asked:
    """What came of a question, as one sentence; `again_in` seconds where the plan does not fit."""

    said: str
    is_answered: bool = False
    again_in: float | None = None


def reconcile_task(task: Task, actor: User | None = None, reason: str = "") -> str:
    """Ask MidSync for one task now and apply the answer; gives one sentence of what came out.

    At most one question per task and 10 seconds, whoever asks; none while MidSync is away. Never
    sends a generate.
    """
    return _ask(task, actor, reason).said


def reconcile_due_task(task: Task) -> None:
    """Do for one due task what its status asks for, unless another worker is at it."""
    due = Task.objects.filter(pk=task.pk, status=task.status, next_check_at=task.next_check_at)
    for claimed in claim(due, 1):
        look_after(claimed)


def claim(due: TaskQuerySet, count: int) -> list[Task]:
    """Take up to `count` due tasks for this worker; other workers do not see them as due.

    Should this process die, they are due again when the longest question would have ended.
    """
    claimed_for = timedelta(seconds=settings.MIDSYNC_READ_TIMEOUT + CLAIMED_FOR_LONGER)
    claimed: list[Task] = []
    if count < 1 or not due.exists():  # without a write lock, which SQLite has but one of
        return claimed
    with transaction.atomic():
        for task in due.select_for_update(skip_locked=True, no_key=True)[:count]:
            until = timezone.now() + claimed_for
            unchanged = Task.objects.filter(
                pk=task.pk, status=task.status, next_check_at=task.next_check_at
            )
            if unchanged.update(next_check_at=until):
                task.next_check_at = until
                claimed.append(task)
    return claimed


def look_after(task: Task) -> None:
    """What the worker does with an open task that it has claimed."""
    match Status(task.status):
        case Status.SUBMITTING if task.sent_at is None:
            send(task.pk)
        case Status.SUBMITTING:
            _lease_lapsed(task)
        case Status.UNCONFIRMED if not task.midsync_task_id:
            look_at_unconfirmed(task)
        case _:
            _check(task)


def next_check(task: Task, now: datetime, open_tasks: int = 0) -> datetime:
    """When a quiet task is asked about again: 15 s × 1.5, cap 60 s to 30 min; then every 5 min
    to 2 h, 30 min to 24 h, 6 h to 72 h; ±20 %. More open tasks than the budget allows to ask
    about in that time stretch it.
    """
    age = now - (task.sent_at or task.created_at)
    if age < timedelta(minutes=30):
        wait = min(60.0, 15 * 1.5 ** min(task.checks, 10))
    elif age < timedelta(hours=2):
        wait = 5 * 60
    elif age < timedelta(hours=24):
        wait = 30 * 60
    else:
        wait = 6 * 3600
    wait = max(wait, open_tasks / settings.MIDSYNC_RATE)
    return now + timedelta(seconds=gate.jittered(wait))


def _check(task: Task) -> None:
    """Ask about a claimed task and plan the next question."""
    claimed_until = task.next_check_at
    asked = _ask(task, None, "")
    now = timezone.now()
    if asked.again_in is None:
        at = next_check(task, now, Task.objects.open().count())
    else:
        at = now + timedelta(seconds=gate.jittered(asked.again_in))
    # A callback may have planned another question meanwhile: then that one stands.
    planned = Task.objects.filter(pk=task.pk, status__in=OPEN, next_check_at=claimed_until)
    if asked.is_answered:
        planned.update(next_check_at=at, checks=F("checks") + 1, check_wanted_at=None)
        _give_up_if_too_old(task, now)
    else:
        planned.update(next_check_at=at)


def _ask(task: Task, actor: User | None, reason: str) -> Asked:
    task.refresh_from_db()
    if not task.midsync_task_id:
        said = "MidSync has not given this task a number yet, so it cannot be asked about it."
        return Asked(said, is_answered=True)
    if gate.is_away():
        return Asked("MidSync cannot be reached right now.", again_in=AGAIN_AFTER_OUTAGE)
    if not _may_ask_now(task):
        said = "MidSync was asked a moment ago. Please try again in ten seconds."
        return Asked(said, again_in=ASK_AT_MOST_EVERY.total_seconds())
    source = "support" if actor and actor.is_staff else ("customer" if actor else "worker")
    began, began_at = time.monotonic(), timezone.now()
    evidence: dict[str, object] = {}
    try:
        report = get_client().get_status(task.midsync_task_id, may_repeat=gate.may_repeat)
    except NotFound as error:
        evidence["http_status"] = error.http_status
        asked = _not_found(task, counts=actor is None)
    except MidSyncMisconfigured as error:
        evidence["http_status"] = error.http_status
        gate.note_problem("status", f"our API key is refused ({error.http_status})")
        asked = Asked("MidSync could not be asked right now.", is_answered=True)
    except MidSyncRefused as error:  # 429 and the like: MidSync is there
        evidence["http_status"] = error.http_status
        gate.note_problem("status", str(error))
        wait = max(AGAIN_AFTER_OUTAGE, min(error.retry_after or 0, 600))
        asked = Asked("MidSync could not be asked right now.", again_in=wait)
    except MidSyncError as error:
        evidence["http_status"] = error.http_status
        gate.note_outage("status", error, began_at)
        asked = Asked("MidSync could not be asked right now.", again_in=AGAIN_AFTER_OUTAGE)
    else:
        gate.note_success("status")
        answer = answer_text(report.raw)
        applied = task.apply(report, STATUS, evidence={"answer": answer})
        evidence |= {"status": report.status_word, "answer": answer}
        asked = Asked(f"MidSync was asked: {applied.outcome}.", is_answered=True)
        if task.not_found_count:
            Task.objects.filter(pk=task.pk).update(not_found_count=0)
        if applied.asks_status and task.checks >= CHECKS_BEFORE_REVIEW:
            task.flag("MidSync says ready, but gives no usable link", STATUS)
        if applied.changed and actor is None:
            return asked
    evidence["milliseconds"] = round((time.monotonic() - began) * 1000)
    with transaction.atomic():
        task.record(
            TaskEvent.Kind.CHECK,
            source,
            actor=actor,
            reason=reason or asked.said,
            evidence=evidence,
        )
    return asked


def _may_ask_now(task: Task) -> bool:
    """Take the right to ask about this task for the next 10 seconds."""
    now = timezone.now()
    free = Q(last_checked_at__isnull=True) | Q(last_checked_at__lte=now - ASK_AT_MOST_EVERY)
    return bool(Task.objects.filter(free, pk=task.pk).update(last_checked_at=now))


def _lease_lapsed(task: Task) -> None:
    """The sender is gone: points may be spent, so nobody sends this task again by itself."""
    lapsed = Q(status=Status.SUBMITTING, lease_until__lte=Now()) | Q(
        status=Status.SUBMITTING, sent_at__isnull=False, lease_until__isnull=True
    )
    task.move_to(
        Status.UNCONFIRMED,
        "worker",
        only_if=lapsed,
        lease_token=None,
        lease_until=None,
        next_check_at=timezone.now() + timedelta(minutes=2),
        reason="the process that sent it is gone, its answer is not known",
    )


def _not_found(task: Task, counts: bool) -> Asked:
    """404: too early in the first two minutes, then five times in half an hour, then support."""
    age = timezone.now() - (task.accepted_at or task.created_at)
    if age <= TOO_EARLY_TO_BE_KNOWN:
        return Asked("MidSync does not know this task yet.", is_answered=True)
    if counts:
        Task.objects.filter(pk=task.pk).update(not_found_count=F("not_found_count") + 1)
        task.refresh_from_db()
        if task.not_found_count >= NOT_FOUND_MAX:
            task.flag("MidSync does not know this task any more", STATUS)
    said = "MidSync says that it does not know this task."
    is_over = task.not_found_count >= NOT_FOUND_MAX
    return Asked(said, is_answered=True, again_in=None if is_over else NOT_FOUND_EVERY)


def _give_up_if_too_old(task: Task, now: datetime) -> None:
    task.refresh_from_db()
    if not task.is_open or now - (task.sent_at or task.created_at) < GIVE_UP_AFTER:
        return
    gave_up = task.move_to(
        Status.FAILED,
        "worker",
        failure_code="no_result",
        failure_message="MidSync reported no result for three days.",
        reason="no result for 72 hours",
    )
    if gave_up:
        task.flag("no result for 72 hours", "worker")
