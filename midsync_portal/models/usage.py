"""Our tasks against MidSync's usage logs: what a comparison came to, and what did not agree."""

from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.utils import timezone

from .people import User
from .tasks import Task


class Reconciliation(models.Model):
    """One comparison of a period: counts, and points that add up. Points are Decimal.

    `charged` and `returned` are MidSync's rows (a negative row is points given back), `ours` what
    our tasks say they were charged. Without `actor` the worker made it by night. Where the logs
    could not be read, `error` says why and the figures mean nothing.
    """

    from_at = models.DateTimeField("from")
    to_at = models.DateTimeField("to", help_text="not included")
    made_at = models.DateTimeField(default=timezone.now)
    actor = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT)
    error = models.CharField(max_length=200, blank=True)
    matched = models.PositiveIntegerField(default=0)
    different = models.PositiveIntegerField("different points", default=0)
    only_ours = models.PositiveIntegerField(default=0)
    only_theirs = models.PositiveIntegerField(default=0)
    ours = models.DecimalField(max_digits=16, decimal_places=4, default=0)
    charged = models.DecimalField(max_digits=16, decimal_places=4, default=0)
    returned = models.DecimalField(max_digits=16, decimal_places=4, default=0)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["from_at"],
                condition=Q(actor__isnull=True),
                name="reconciliation_once_a_night",
            ),
            models.CheckConstraint(condition=Q(from_at__lt=models.F("to_at")), name="period_whole"),
        ]

    def __str__(self) -> str:
        return f"{self.from_at:%Y-%m-%d %H:%M} to {self.to_at:%Y-%m-%d %H:%M}"

    @property
    def net(self) -> Decimal:
        """What MidSync has taken in all, in points."""
        return self.charged - self.returned


class UsageFinding(models.Model):
    """A task or a row of the usage logs that the other side does not confirm."""

    class Kind(models.TextChoices):
        ONLY_OURS = "ours", "only ours"
        ONLY_THEIRS = "theirs", "only MidSync's"
        DIFFERENT = "points", "different points"

    reconciliation = models.ForeignKey(
        Reconciliation, on_delete=models.PROTECT, related_name="findings"
    )
    kind = models.CharField(max_length=10, choices=Kind)
    task = models.ForeignKey(Task, null=True, blank=True, on_delete=models.PROTECT)
    log_id = models.CharField("MidSync's row", max_length=200, blank=True)
    video_model = models.CharField(max_length=100, blank=True)
    at = models.DateTimeField(null=True, blank=True)
    ours = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    theirs = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    handled_at = models.DateTimeField(null=True, blank=True)
    handled_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT)
    handled_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["ours", "theirs", "points"]), name="finding_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(handled_at__isnull=True) | Q(handled_by__isnull=False),
                name="finding_handled_by_somebody",
            ),
            # Found again by the next night's look, it is the same finding.
            models.UniqueConstraint(
                fields=["kind", "task"], condition=Q(task__isnull=False), name="finding_once_a_task"
            ),
            models.UniqueConstraint(
                fields=["log_id"],
                condition=Q(task__isnull=True) & ~Q(log_id=""),
                name="finding_once_a_row",
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(handled_at__isnull=True), name="finding_open")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.task or self.log_id or self.video_model}"
