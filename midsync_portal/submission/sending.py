"""T2, the call, T3: send one task, once.

The mark (`sent_at` and a lease) is committed before the call, so that after a crash nobody takes
a task for unsent that MidSync may have charged. Only an answer that proves "not sent" (or 429)
takes the mark away again.
"""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from midsync_portal import gate
from midsync_portal.callback_urls import callback_url
from midsync_portal.evidence import answer_text
from midsync_portal.midsync.errors import (
    InsufficientPoints,
    MidSyncError,
    MidSyncMisconfigured,
    MidSyncNotSent,
    MidSyncRefused,
    MidSyncUnavailable,
    TooManyRequests,
)
from midsync_portal.midsync.types import Generation
from midsync_portal.models import Task, TaskEvent
from midsync_portal.models.reports import (
    ANSWER,
    CHARGED_AFTER_REFUSAL,
    LOOK_AT_UNCONFIRMED_AFTER,
)
from midsync_portal.models.status import Status
from midsync_portal.upstream import get_client

from .answers import report_of

log = logging.getLogger("midsync_portal.submission")

MARK_MAX_AGE = 5.0  # seconds; a process that was paused longer takes its mark back
NOT_SENT_WAIT_MAX = 30.0  # seconds between two tries while MidSync is not reached
SETTLE_FOR = 30.0  # seconds to go on trying to write an answer down while the database is away
RESENDS_AFTER_429 = 5
RETRY_AFTER_MAX = 600  # seconds
UNSENT = Q(status=Status.SUBMITTING, sent_at__isnull=True)


@dataclass(frozen=True)
class Mark:
    """A sender's hold on a task: its lease, which of the task's attempts this is, and the event
    with which it began.
    """

    lease: UUID
    attempt: int
    event: int


def send(task_id: int) -> None:
    """Send a task if it is still unsent; every answer is written down before this returns."""
    task = Task.objects.get(pk=task_id)
    if not task.waits_unsent:
        return
    if task.created_at < timezone.now() - timedelta(seconds=settings.QUOTE_MAX_AGE):
        withdraw(task)
        return
    if gate.is_paused():
        _put_off(task, Task.WaitsFor.OPERATOR, gate.jittered(30))
        return
    if gate.is_away():  # the worker looks at it again as soon as MidSync is back
        _put_off(task, Task.WaitsFor.MIDSYNC, 0)
        return
    body = json.loads(task.request_body)
    if settings.MIDSYNC_PROJECT_ID:
        body["projectId"] = settings.MIDSYNC_PROJECT_ID
    body["callbackUrl"] = callback_url(task.public_id)
    gate.bind_to_midsync()
    began = time.monotonic()
    mark = _mark(task)
    if mark is None:
        return
    if time.monotonic() - began > MARK_MAX_AGE:
        _unmark(task, mark, "the process was paused before it could send", wait=0)
        return
    began_at = timezone.now()
    outcome, evidence = _call(task, body)
    _persist(lambda: _settle(task, mark, outcome, evidence, began_at))


def _mark(task: Task) -> Mark | None:
    """T2: take the task for this sender; None where somebody else has it."""
    lease = uuid4()
    with transaction.atomic():
        until = Now() + timedelta(seconds=settings.MIDSYNC_SEND_LEASE)
        marked = Task.objects.filter(UNSENT, pk=task.pk).update(
            sent_at=Now(),
            lease_token=lease,
            lease_until=until,
            next_check_at=until,
            send_attempts=F("send_attempts") + 1,
            waits_for="",
            updated_at=Now(),
        )
        if not marked:
            return None
        event = task.record(TaskEvent.Kind.SENT, "submission")
        task.refresh_from_db()
    return Mark(lease, task.send_attempts, event.pk)


def _call(task: Task, body: dict[str, Any]) -> tuple[Generation | Exception, dict[str, Any]]:
    """The one POST, outside any transaction: what came of it, and the evidence of it."""
    began = time.monotonic()
    outcome: Generation | Exception
    give_connection_back()
    try:
        outcome = get_client().generate(body, idempotency_key=str(task.public_id))
    except Exception as error:
        outcome = error
    evidence: dict[str, Any] = {"milliseconds": round((time.monotonic() - began) * 1000)}
    if isinstance(outcome, Generation):
        evidence |= {"http_status": outcome.http_status, "answer": answer_text(outcome.raw)}
    if isinstance(outcome, MidSyncError):
        evidence |= {"http_status": outcome.http_status, "code": outcome.code}
    if isinstance(outcome, Exception):
        evidence["error"] = type(outcome).__name__
    return outcome, evidence


def _settle(
    task: Task,
    mark: Mark,
    outcome: Generation | Exception,
    evidence: dict[str, Any],
    began_at: datetime,
) -> None:
    """T3, the table of answers. May run again where the database went away in the middle."""
    match outcome:
        case Generation():
            _accepted(task, outcome, evidence)
            gate.note_success("order")
        case MidSyncNotSent():
            wait = gate.jittered(min(NOT_SENT_WAIT_MAX, 5 * 2 ** min(task.send_attempts - 1, 5)))
            _unmark(task, mark, str(outcome), wait, evidence, Task.WaitsFor.MIDSYNC)
            gate.note_outage("order", outcome, began_at)
        case MidSyncMisconfigured():
            reason = f"MidSync refuses our API key ({outcome.http_status})"
            gate.pause(reason)
            _unmark(task, mark, reason, 30, evidence, Task.WaitsFor.OPERATOR)
        case TooManyRequests():
            if not settings.MIDSYNC_RESEND_429 or _busy_answers(task, mark) >= RESENDS_AFTER_429:
                _refuse(task, "too_many", "MidSync is too busy right now.", evidence)
            else:
                own = gate.jittered(5 * 2**task.send_attempts)
                wait = min(outcome.retry_after or own, RETRY_AFTER_MAX)
                _unmark(task, mark, "MidSync is busy (429)", wait, evidence, Task.WaitsFor.ROOM)
            gate.note_problem("order", "too many requests (429)")
        case InsufficientPoints():
            _refuse(task, "insufficient_points", str(outcome), evidence)
            gate.note_problem("order", "the account has not enough points (402)")
        case MidSyncRefused():
            _refuse(task, outcome.code or "refused", str(outcome), evidence)
        case _:  # whatever it is, MidSync may have charged
            _unconfirmed(task, evidence)
            if isinstance(outcome, MidSyncUnavailable):
                gate.note_outage("order", outcome, began_at)
            else:
                gate.note_problem("order", f"no usable answer: {outcome}")


def _busy_answers(task: Task, mark: Mark) -> int:
    """How often MidSync had answered this task with 429 before this attempt.

    This attempt's own 429 does not count where it is written down a second time.
    """
    busy = task.events.filter(kind=TaskEvent.Kind.UNSENT, evidence__http_status=429)
    return busy.filter(pk__lt=mark.event).count()


def _accepted(task: Task, generation: Generation, evidence: dict[str, Any]) -> None:
    """An answer that names a task id. It may come after the first callback."""
    accepted, outcome = report_of(generation)
    task.apply(accepted, ANSWER, evidence=evidence)
    if outcome is not None:
        task.apply(outcome, ANSWER, evidence=evidence)
    if task.status == Status.SUBMITTING:  # it names the id of another task
        _unconfirmed(task, evidence)


def _refuse(task: Task, code: str, said: str, evidence: dict[str, Any]) -> None:
    """A refusal: not charged."""
    refused = task.move_to(
        Status.REJECTED,
        ANSWER,
        failure_code=code[:64],
        failure_message=said[:500],
        reason=said[:500],
        evidence=evidence,
    )
    if not refused:
        _note_beside(task, f"MidSync refused it ({code})", evidence)
        if task.accepted_at:
            task.flag(CHARGED_AFTER_REFUSAL, ANSWER)


def _unconfirmed(task: Task, evidence: dict[str, Any]) -> None:
    """No usable answer: points may be spent; never sent again by itself."""
    reason = "MidSync gave no usable answer"
    unconfirmed = task.move_to(
        Status.UNCONFIRMED,
        ANSWER,
        next_check_at=timezone.now() + LOOK_AT_UNCONFIRMED_AFTER,
        reason=reason,
        evidence=evidence,
    )
    if not unconfirmed:
        _note_beside(task, reason, evidence)


def _unmark(
    task: Task,
    mark: Mark,
    reason: str,
    wait: float,
    evidence: dict[str, Any] | None = None,
    waits_for: str = "",
) -> None:
    """Provably not sent: only the holder of the lease may take the mark away."""
    evidence = evidence or {}
    with transaction.atomic():
        unmarked = Task.objects.filter(
            pk=task.pk, status=Status.SUBMITTING, lease_token=mark.lease
        ).update(
            sent_at=None,
            lease_token=None,
            lease_until=None,
            waits_for=waits_for,
            next_check_at=timezone.now() + timedelta(seconds=wait),
            updated_at=timezone.now(),
        )
        if unmarked:
            task.record(TaskEvent.Kind.UNSENT, ANSWER, reason=reason[:500], evidence=evidence)
    if not unmarked and not _never_was_sent(task, mark, reason, evidence):
        _note_beside(task, f"not sent: {reason}", evidence)


def _never_was_sent(task: Task, mark: Mark, reason: str, evidence: dict[str, Any]) -> bool:
    """The lease lapsed while we were away, and now it turns out that nothing had been sent.

    Only of the attempt that was ours: where this is written down a second time, another sender may
    have had its own, without an answer. A callback would be a contradiction.
    """
    if task.deliveries.exists():
        return False
    return task.move_to(
        Status.REJECTED,
        ANSWER,
        only_if=Q(status=Status.UNCONFIRMED, midsync_task_id="", send_attempts=mark.attempt),
        failure_code="not_sent",
        failure_message="MidSync could not be reached in time. Nothing was charged.",
        reason=reason[:500],
        evidence=evidence,
    )


def _note_beside(task: Task, reason: str, evidence: dict[str, Any]) -> None:
    """An answer that moves nothing, because the task has moved on: for the history."""
    task.refresh_from_db()
    with transaction.atomic():
        task.record(TaskEvent.Kind.FACTS, ANSWER, reason=reason[:500], evidence=evidence)


def _put_off(task: Task, waits_for: Task.WaitsFor, seconds: float) -> None:
    """Leave a task unsent and let its customer see what it waits for."""
    now = timezone.now()
    unsent = Task.objects.filter(UNSENT, pk=task.pk)
    with transaction.atomic():
        if not unsent.update(next_check_at=now + timedelta(seconds=seconds)):
            return
        if unsent.exclude(waits_for=waits_for).update(waits_for=waits_for, updated_at=now):
            reason = f"waits for {waits_for.label}"
            task.record(TaskEvent.Kind.UNSENT, "submission", reason=reason)


def withdraw(task: Task) -> bool:
    """Give up a task that waited unsent longer than its price stands; nothing was charged."""
    return task.move_to(
        Status.REJECTED,
        "submission",
        only_if=UNSENT,
        failure_code="not_sent",
        failure_message="MidSync could not be reached in time. Nothing was charged.",
        reason="waited unsent longer than the price stands",
    )


def _persist(settle: Callable[[], None]) -> None:
    """Write an answer down, and go on trying while the database is away."""
    deadline = time.monotonic() + SETTLE_FOR
    while True:
        try:
            settle()
            return
        except (OperationalError, InterfaceError):
            if time.monotonic() > deadline:
                raise
            log.exception("the answer could not be written down yet")
            connection.close()
            time.sleep(0.5)


def give_connection_back() -> None:
    """Hold no connection to the database while MidSync is waited for: many may wait."""
    if not connection.in_atomic_block:
        connection.close()
