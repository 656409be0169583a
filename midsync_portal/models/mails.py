"""E-mails that tell a person that their task has ended; the table is the queue."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils import timezone

from .people import User
from .rows import rows

if TYPE_CHECKING:
    from .tasks import Task


class EndMailQuerySet(models.QuerySet["EndMail"]):
    """Questions about many e-mails."""

    def plan(self, task: "Task") -> None:
        """Have the worker tell who ordered a task that it has ended, once, if they want it."""
        if any(orderer.tells_by_email for orderer in rows(User, "id", [task.ordered_by_id])):
            mail = EndMail(task=task, due_at=timezone.now())
            self.bulk_create([mail], ignore_conflicts=True)

    def due(self, now: datetime) -> "EndMailQuerySet":
        """Those to send now, the longest due first."""
        return self.filter(sent_at__isnull=True, due_at__lte=now).order_by("due_at")


class EndMail(models.Model):
    """One e-mail for one task, for ever; `sent_at` is set before it goes out."""

    task = models.OneToOneField("Task", on_delete=models.CASCADE, related_name="end_mail")
    due_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)

    objects = EndMailQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], condition=Q(sent_at__isnull=True), name="mail_due")
        ]

    def __str__(self) -> str:
        return f"end of {self.task_id}"
