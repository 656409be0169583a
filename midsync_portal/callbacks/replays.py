"""Support applies deliveries once more, after having seen what that would change."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from midsync_portal.models import CallbackDelivery, Task, TaskEvent, User
from midsync_portal.models.status import Status

from .inbox import body_of, error_text, process, understand

log = logging.getLogger("midsync_portal.callbacks")

# What a delivery may change of its task, and how support calls it.
FIELDS = {
    "status": "status",
    "midsync_task_id": "MidSync id",
    "provider_task_id": "provider id",
    "points_charged": "points charged",
    "progress": "progress",
    "source_url": "video",
    "failure_code": "failure code",
    "failure_message": "failure message",
    "needs_review": "needs review",
    "next_check_at": "next question to MidSync",
}
State = CallbackDelivery.State


@dataclass(frozen=True)
class Change:
    """One thing that is another than before."""

    name: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.name}: {self.before or 'none'} → {self.after or 'none'}"


@dataclass(frozen=True)
class Replayed:
    """What a replay has changed, or would change."""

    outcome: str
    changes: tuple[Change, ...] = ()
    failed: bool = False

    def __str__(self) -> str:
        if self.failed:
            return f"It could not be applied: {self.outcome}."
        if not self.changes:
            return f"Nothing changed: {self.outcome}."
        return f"{'; '.join(map(str, self.changes))} ({self.outcome})."


def preview(deliveries: Iterable[CallbackDelivery]) -> Replayed:
    """What replaying these, one after the other, would change.

    They are applied in a transaction that is rolled back: no row, event or wake-up remains.
    """
    replayed = Replayed("no callback has come")
    changes: list[Change] = []
    with transaction.atomic():
        for delivery in deliveries:
            replayed = _try(delivery)
            changes += replayed.changes
            if replayed.failed:
                break
        transaction.set_rollback(True)
    return Replayed(replayed.outcome, tuple(changes), replayed.failed)


def replay(delivery: CallbackDelivery, actor: User, reason: str) -> Replayed:
    """Apply a delivery once more; a second time changes nothing. Leaves an event with the name."""
    replayed = _try(delivery)
    delivery.refresh_from_db()
    log.info("delivery %s replayed by user %s: %s", delivery.pk, actor.pk, replayed.outcome)
    if delivery.task:
        with transaction.atomic():
            delivery.task.record(
                TaskEvent.Kind.SUPPORT,
                "support",
                actor=actor,
                delivery=delivery,
                reason=reason[:500],
                evidence={
                    "replayed": replayed.outcome,
                    "changes": {one.name: [one.before, one.after] for one in replayed.changes},
                },
            )
    return replayed


def _try(delivery: CallbackDelivery) -> Replayed:
    """Apply a delivery in a transaction of its own; a failure is noted on it."""
    rows = CallbackDelivery.objects.filter(pk=delivery.pk)
    try:
        with transaction.atomic():
            row = rows.get()
            before = _facts(row)
            processed = process(row, understand(body_of(row)), timezone.now())
            rows.filter(state=State.NEW).update(tries=0)
            after = _facts(rows.get())
    except Exception as error:
        log.exception("delivery %s could not be replayed", delivery.pk)
        rows.update(error=error_text(error))
        return Replayed(error_text(error), failed=True)
    names = [name for name in after if after[name] != before.get(name, "")]
    changes = tuple(Change(name, before.get(name, ""), after[name]) for name in names)
    return Replayed(processed.outcome, changes)


def _facts(delivery: CallbackDelivery) -> dict[str, str]:
    """What a replay may change, as text."""
    facts = {"callback": str(State(delivery.state).label)}
    if delivery.task_id is None:
        return facts
    task = Task.objects.get(pk=delivery.task_id)
    facts["task"] = str(task.public_id)
    return facts | {label: _text(name, getattr(task, name)) for name, label in FIELDS.items()}


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "status":
        return str(Status(value).label)
    return f"{value:%Y-%m-%d %H:%M:%S}" if name == "next_check_at" else str(value)
