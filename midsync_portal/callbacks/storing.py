"""A callback's body is kept once, before anything is made of it; its repeats are counted."""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone

from midsync_portal.midsync.reader import UnreadableBody, read_body, read_report
from midsync_portal.midsync.types import StatusReport
from midsync_portal.models import CallbackDelivery, Task
from midsync_portal.models.rows import insert, prepared, rows

from .orphans import find_task

State = CallbackDelivery.State
KEPT_HEADERS = (
    "content-type",
    "user-agent",
    "x-request-id",
    "webhook-id",
    "webhook-timestamp",
    "x-webhook-timestamp",
)
KEPT_OF_A_LARGE_BODY = 4096  # bytes
# A delivery whose request died after storing it is the worker's after this.
WORKER_TAKES_OVER = timedelta(seconds=10)
# Whoever signs without the body can vary it: so many that fit no task are kept.
UNSIGNED_ORPHANS_MAX = 1000


class NotKept(Exception):
    """The delivery is not in the database, so it must not be answered 200."""


def store(
    public_id: UUID | None, body: bytes, headers: Mapping[str, str]
) -> tuple[CallbackDelivery, bool]:
    """Keep a body, or count its repeat; the second value says whether it was here before.

    `public_id` is the task of the URL; None for the account-wide URL, where the ids in the body
    name the task. What fits no task is an orphan for support. Over CALLBACK_BODIES_PER_TASK
    bodies, one that reports no end is not kept: the row is unsaved. Raises NotKept.
    """
    digest = hashlib.sha256(body).hexdigest()
    try:
        return _store(public_id, body, digest, headers)
    except (IntegrityError, CallbackDelivery.DoesNotExist):
        # The same body came at the same moment, or what was here has gone: now it is seen.
        return _store(public_id, body, digest, headers)


def _store(
    public_id: UUID | None, body: bytes, digest: str, headers: Mapping[str, str]
) -> tuple[CallbackDelivery, bool]:
    """Reads first, which nobody has to wait for; a new body is written by one statement."""
    now = timezone.now()
    is_hint = public_id is None
    is_truncated = len(body) > settings.CALLBACK_BODY_STORED
    report = report_in(body) if is_hint else None
    if public_id is not None:
        task = next(iter(rows(Task, "public_id", [public_id])), None)
    else:
        task = find_task(report) if report else None
    same = CallbackDelivery.objects.filter(task=task, body_sha256=digest)
    if task:
        kept = _kept_of(task)
        is_here = any(kept_digest == digest for _, kept_digest in kept)
    else:
        same = same.filter(named_task=public_id)
        is_here = same.exists()
    if is_here:
        with transaction.atomic():
            same.update(repeats=F("repeats") + 1, last_received_at=now)
            return _repeated(same.get(), is_hint)
    delivery = CallbackDelivery(
        task=task,
        named_task=task.public_id if task else public_id,
        is_hint=is_hint,
        midsync_task_id=report.midsync_task_id if report else "",
        provider_task_id=report.provider_task_id if report else "",
        body=body[:KEPT_OF_A_LARGE_BODY] if is_truncated else body,
        body_sha256=digest,
        body_size=len(body),
        is_truncated=is_truncated,
        headers=_kept(headers),
        received_at=now,
        last_received_at=now,
        state=State.NEW,
        next_try_at=now + WORKER_TAKES_OVER,
    )
    if task:
        alike = sum(kept_hint == is_hint for kept_hint, _ in kept)  # hints and proofs apart
        if not _has_room(task, body, is_hint, alike):
            return delivery, False
    elif is_hint and not _has_room_for_orphan():
        raise NotKept("too many callbacks that fit no task and whose body is not signed")
    insert(delivery)
    return delivery, False


def _kept_of(task: Task) -> list[tuple[bool, str]]:
    """Of each delivery of a task whether it is a hint, and the digest of its body."""
    table = CallbackDelivery._meta.db_table
    with prepared(connection) as cursor:
        cursor.execute(
            f"SELECT is_hint, body_sha256 FROM {table} WHERE task_id = %s",  # noqa: S608 - our own
            [task.pk],
        )
        return [(bool(is_hint), digest) for is_hint, digest in cursor.fetchall()]


def _repeated(delivery: CallbackDelivery, is_hint: bool) -> tuple[CallbackDelivery, bool]:
    """A body that is here already; it counts anew if only now it came by the task's own URL."""
    if is_hint or not delivery.is_hint:
        return delivery, True
    delivery.is_hint, delivery.state = False, State.NEW
    delivery.next_try_at = timezone.now() + WORKER_TAKES_OVER
    delivery.save(update_fields=["is_hint", "state", "next_try_at"])
    return delivery, False


def report_in(body: bytes) -> StatusReport | None:
    """What a body says; None where it cannot be read."""
    try:
        return read_report(read_body(body))
    except UnreadableBody:
        return None


def _has_room(task: Task, body: bytes, is_hint: bool, kept: int) -> bool:
    """Whether a body is kept beside `kept` of this task: always, if it proves an end.

    Hints and proofs are counted apart, so that neither crowds out the other.
    """
    if kept < settings.CALLBACK_BODIES_PER_TASK:
        return True
    report = None if is_hint else report_in(body)
    if report and report.status and report.status.is_final:
        return True
    newest = (
        task.deliveries.filter(is_hint=is_hint).order_by("-pk").values_list("pk", flat=True)[:1]
    )
    CallbackDelivery.objects.filter(pk__in=list(newest)).update(repeats=F("repeats") + 1)
    return False


def _has_room_for_orphan() -> bool:
    if settings.CALLBACK_SIGNATURE != "kie":
        return True
    orphans = CallbackDelivery.objects.filter(task=None, is_hint=True)
    return orphans[:UNSIGNED_ORPHANS_MAX].count() < UNSIGNED_ORPHANS_MAX


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    kept = {name: headers[name][:200] for name in KEPT_HEADERS if name in headers}
    return {name: value.replace("\x00", "") for name, value in kept.items()}
