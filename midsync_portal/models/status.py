"""The statuses of a task and the one rule between them: the rank only rises."""

from django.db import models
from django.utils.translation import gettext_noop


class Status(models.TextChoices):
    """Where a task stands; stored in lower case, shown in the customer's words.

    Labels are English, as the admin and histories want them; pages translate them.
    """

    SUBMITTING = "submitting", gettext_noop("sending")
    UNCONFIRMED = "unconfirmed", gettext_noop("checking with MidSync")
    REJECTED = "rejected", gettext_noop("refused")
    QUEUED = "queued", gettext_noop("in queue")
    RUNNING = "running", gettext_noop("in progress")
    CANCELLED = "cancelled", gettext_noop("cancelled")
    FAILED = "failed", gettext_noop("failed")
    SUCCEEDED = "succeeded", gettext_noop("ready")


RANK = {
    Status.SUBMITTING: 10,
    Status.UNCONFIRMED: 20,
    Status.REJECTED: 30,
    Status.QUEUED: 40,
    Status.RUNNING: 50,
    Status.CANCELLED: 55,
    Status.FAILED: 60,
    Status.SUCCEEDED: 70,
}
FINAL = frozenset({Status.REJECTED, Status.CANCELLED, Status.FAILED, Status.SUCCEEDED})
OPEN = frozenset(Status) - FINAL
# Accepted by MidSync: it knows the task and has charged for it.
ACCEPTED = frozenset({Status.QUEUED, Status.RUNNING})
# Which statuses a task may leave for the given one; derived from the rank and nothing else.
MOVES_TO: dict[Status, frozenset[Status]] = {
    to: frozenset(status for status in Status if RANK[status] < RANK[to]) for to in Status
}
