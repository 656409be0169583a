"""What happened to a task: its history for support, and what wakes the hub."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from .people import User
from .status import MOVES_TO, Status


def _rises() -> Q:
    """That a move leads to a status of higher rank."""
    rises = Q()
    for after, befores in MOVES_TO.items():
        if befores:
            rises |= Q(status_after=after.value, status_before__in=sorted(map(str, befores)))
    return rises


class TaskEvent(models.Model):
    """One change of a task, or one thing done for it: who, why, on what evidence. Never edited."""

    class Kind(models.TextChoices):
        CREATED = "created", "ordered"
        SENT = "sent", "sent to MidSync"
        UNSENT = "unsent", "not sent"
        MOVE = "move", "status"
        FACTS = "facts", "details learned"
        PROGRESS = "progress", "progress"
        CHECK = "check", "asked MidSync"
        REVIEW = "review", "needs review"
        SUPPORT = "support", "support"
        VIDEO = "video", "our copy"
        NOTE = "note", "note of support"  # the only kind that customers never see

    task = models.ForeignKey("Task", on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=10, choices=Kind)
    source = models.CharField(max_length=20, help_text="customer, answer, callback, status, …")
    status_before = models.CharField(max_length=20, blank=True)
    status_after = models.CharField(max_length=20, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    evidence = models.JSONField(default=dict, blank=True)
    actor = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT)
    delivery = models.ForeignKey(
        "CallbackDelivery",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,  # deliveries are pruned after a while, events never
        related_name="events",
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    kind__in=[
                        "created",
                        "sent",
                        "unsent",
                        "move",
                        "facts",
                        "progress",
                        "check",
                        "review",
                        "support",
                        "video",
                        "note",
                    ]
                ),
                name="event_kind_known",
            ),
            models.CheckConstraint(
                condition=Q(status_before__in=["", *Status.values])
                & Q(status_after__in=["", *Status.values]),
                name="event_status_known",
            ),
            models.CheckConstraint(condition=~Q(kind="move") | _rises(), name="event_move_rises"),
        ]

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M:%S} {self.kind}"
