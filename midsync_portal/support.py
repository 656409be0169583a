"""Support's verbs that settle a task. Nobody moves a status by hand: each verb has its conditions.

Each wants a reason, leaves a TaskEvent with the name, sends nothing to MidSync that charges, and
may be pressed twice: the second time it only says that there is nothing to do. Each gives back one
sentence of what came out. *Ask MidSync now* is `reconcile.reconcile_task`, *replay* is
`callbacks.replay`.
"""

from dataclasses import replace
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from . import gate
from .midsync.errors import MidSyncError, NotFound
from .midsync.reader.values import read_id
from .models import CallbackDelivery, Task, TaskEvent, User
from .models.reports import STATUS
from .models.status import ACCEPTED, Status
from .upstream import get_client

SUPPORT = "support"
WITHOUT_NUMBER = Q(status=Status.UNCONFIRMED, midsync_task_id="")
WAITS_FOR_MIDSYNC = Q(status__in=[Status.UNCONFIRMED, *sorted(ACCEPTED)])
REVIEWED: dict[str, Any] = {"needs_review": "", "review_at": None}


def no_charge_found(task: Task, actor: User, reason: str) -> str:
    """Support has seen that MidSync did not charge for an unconfirmed task: it is refused."""
    refused = task.move_to(
        Status.REJECTED,
        SUPPORT,
        only_if=WITHOUT_NUMBER,
        failure_code="no_charge_found",
        failure_message="MidSync did not take this order. Nothing was charged.",
        reason=reason[:500],
        actor=actor,
        **REVIEWED,
    )
    if refused:
        return "refused, nothing was charged."
    return _nothing_to_do(task, actor, reason, "only an unconfirmed task without a number is.")


def give_up(task: Task, actor: User, reason: str) -> str:
    """Wait no longer for MidSync. A proof of success that comes later still counts."""
    task.refresh_from_db()
    gave_up = task.move_to(
        Status.FAILED,
        SUPPORT,
        only_if=WAITS_FOR_MIDSYNC,
        failure_code="given_up",
        failure_message="MidSync reported no result, and support has stopped waiting for it.",
        charge_unknown=task.points_charged is None,
        reason=reason[:500],
        actor=actor,
        **REVIEWED,
    )
    if gave_up:
        return "given up."
    return _nothing_to_do(task, actor, reason, "only a task that waits for MidSync can be.")


def link_to_midsync(task: Task, actor: User, reason: str, midsync_task_id: str) -> str:
    """Tell a task its number at MidSync, and take what the status endpoint says of that number.

    Nothing is believed that MidSync does not confirm, and no number of another task.
    """
    task.refresh_from_db()
    number = read_id(midsync_task_id)
    if task.midsync_task_id:
        return _nothing_to_do(task, actor, reason, f"it has the number {task.midsync_task_id}.")
    if task.status == Status.SUBMITTING:
        return _nothing_to_do(task, actor, reason, "it is being sent.")
    if not number or Task.objects.filter(midsync_task_id=number).exists():
        return _nothing_to_do(task, actor, reason, "that is no number, or another task's.")
    try:
        report = get_client().get_status(number)
    except NotFound:
        return _nothing_to_do(task, actor, reason, "MidSync does not know this number.")
    except MidSyncError as error:
        gate.note_problem("status", str(error))
        return _nothing_to_do(task, actor, reason, "MidSync could not be asked right now.")
    if report.status is None:
        return _nothing_to_do(task, actor, reason, "MidSync says nothing of it that we know.")
    report = replace(report, midsync_task_id=number, ids=(number, *report.ids))
    applied = task.apply(report, STATUS, actor=actor, reason=reason[:500])
    _record(task, actor, reason, linked=number, outcome=applied.outcome)
    return f"{applied.outcome}."


def review_done(task: Task, actor: User, reason: str) -> str:
    """Take a task off the list of those that need a review."""
    task.refresh_from_db()
    was = task.needs_review
    with transaction.atomic():
        done = Task.objects.filter(pk=task.pk).exclude(needs_review="")
        if done.update(updated_at=timezone.now(), **REVIEWED):
            _record(task, actor, reason, reviewed=was)
            return "off the list."
    return _nothing_to_do(task, actor, reason, "it is not on the list.")


def dealt_with(task: Task, actor: User, reason: str) -> str:
    """Take a failure, another charge than quoted, or a copy that failed off its work list; it
    stays what it is.
    """
    task.refresh_from_db()
    both = Q(points_quoted__isnull=False, points_charged__isnull=False)
    waits = Q(status=Status.FAILED) | both & ~Q(points_charged=F("points_quoted"))
    waits |= Q(video_state=Task.VideoState.GAVE_UP)
    with transaction.atomic():
        handled = Task.objects.filter(waits, pk=task.pk, handled_at__isnull=True)
        if handled.update(handled_at=timezone.now(), updated_at=timezone.now()):
            _record(task, actor, reason, dealt_with=str(task.get_status_display()))
            return "off the list."
    return _nothing_to_do(task, actor, reason, "it is on no list that this empties.")


def set_aside(delivery: CallbackDelivery, actor: User, reason: str) -> str:
    """Nothing more is tried with a callback that fits no task, or that could not be applied."""
    state = CallbackDelivery.State
    waits = Q(state=state.DEAD) | Q(state=state.KEPT, task=None)
    with transaction.atomic():
        aside = CallbackDelivery.objects.filter(waits, pk=delivery.pk).update(
            state=state.DONE, outcome=f"set aside by {actor}: {reason}"[:200]
        )
        delivery.refresh_from_db()
        if aside and delivery.task:
            _record(delivery.task, actor, reason, set_aside=delivery.body_sha256)
    return "set aside." if aside else "nothing changed: it does not wait for support."


def add_note(task: Task, actor: User, reason: str) -> str:
    """Write something down for colleagues; customers never see it."""
    with transaction.atomic():
        task.record(TaskEvent.Kind.NOTE, SUPPORT, actor=actor, reason=reason[:500])
    return "noted."


def note_look(task: Task, actor: User) -> None:
    """Leave in the history that somebody has looked at the customer's page of a task."""
    with transaction.atomic():
        reason = "looked at it as the customer sees it"
        task.record(TaskEvent.Kind.NOTE, SUPPORT, actor=actor, reason=reason)


def _nothing_to_do(task: Task, actor: User, reason: str, why: str) -> str:
    _record(task, actor, reason, outcome=f"nothing changed: {why}")
    return f"nothing changed: {why}"


def _record(task: Task, actor: User, reason: str, **evidence: str) -> None:
    with transaction.atomic():
        task.record(
            TaskEvent.Kind.SUPPORT, SUPPORT, actor=actor, reason=reason[:500], evidence=evidence
        )
    task.refresh_from_db()
