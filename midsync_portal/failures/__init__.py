"""Failure in words: which bucket a reason belongs to, and what the customer can do next.

The buckets are read at most once in `KEPT_SECONDS` by each process, so that drawing a list asks
the database nothing for its rows.
"""

import time
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from midsync_portal.models import FailureBucket, Task
from midsync_portal.models.status import Status

from .defaults import DEFAULTS

KEPT_SECONDS = 20.0
NextStep = FailureBucket.NextStep
STEPS = {
    NextStep.EDIT: _("Edit and try again"),
    NextStep.MODEL: _("Choose another model"),
    NextStep.LATER: _("Try again"),
    NextStep.SUPPORT: _("Get help"),
}
FAILED = frozenset({Status.REJECTED, Status.FAILED, Status.CANCELLED})

_kept: tuple[float, "list[Bucket]"] | None = None


@dataclass(frozen=True)
class Bucket:
    """A bucket as it is looked through: patterns in small letters."""

    name: str
    sentence: str
    next_step: str
    patterns: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """The one thing that a customer is offered: a link and its words."""

    kind: str
    label: str
    url: str


def bucket_of(task: Task) -> Bucket | None:
    """The bucket of a task that ended without a video; None for all other tasks."""
    if task.status not in FAILED:
        return None
    reason = f"{task.failure_code}\n{task.failure_message}".lower()
    buckets = _buckets()
    for bucket in buckets:
        if any(pattern in reason for pattern in bucket.patterns):
            return bucket
    return next((bucket for bucket in buckets if not bucket.patterns), None)


def next_step(task: Task) -> Step | None:
    """What the customer of a failed task is offered."""
    bucket = bucket_of(task)
    if bucket is None:
        return None
    kind = NextStep(bucket.next_step)
    url = f"{reverse('task-new')}?from={task.public_id}"
    if kind == NextStep.SUPPORT:
        url = f"{task.get_absolute_url()}#help"
    return Step(kind.value, str(STEPS[kind]), url)


def forget() -> None:
    """Read the buckets again at the next occasion, because they have been edited here."""
    global _kept
    _kept = None


def _buckets() -> list[Bucket]:
    global _kept
    if _kept is None or time.monotonic() - _kept[0] > KEPT_SECONDS:
        rows = [
            Bucket(row.name, row.sentence, row.next_step, _lines(row.patterns))
            for row in FailureBucket.objects.all()
        ]
        usual = [Bucket(name, said, step, patterns) for name, said, step, patterns in DEFAULTS]
        _kept = (time.monotonic(), rows or usual)
    return _kept[1]


def _lines(text: str) -> tuple[str, ...]:
    lines = (line.strip().lower() for line in text.splitlines())
    return tuple(line for line in lines if line)
