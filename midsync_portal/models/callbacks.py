"""The inbox: every callback that carried a valid token, kept as it came."""

from django.db import models

from .tasks import Task


class CallbackDeliveryQuerySet(models.QuerySet["CallbackDelivery"]):
    """Questions about many deliveries."""

    def open(self) -> "CallbackDeliveryQuerySet":
        """Deliveries that still wait for the worker."""
        return self.filter(state=CallbackDelivery.State.NEW)


class CallbackDelivery(models.Model):
    """One body that MidSync posted for one task (or for none we know: an orphan).

    A hint came by the account-wide URL and proves nothing: it is never applied, MidSync is asked.
    Evidence: never edited by hand. The same body again raises `repeats`. Bodies are bytes, since
    a text column refuses NUL and lone surrogates on PostgreSQL.
    """

    class State(models.TextChoices):
        NEW = "new", "waiting"
        DONE = "done", "applied"
        KEPT = "kept", "kept for support"
        DEAD = "dead", "given up"

    task = models.ForeignKey(
        Task, null=True, blank=True, on_delete=models.PROTECT, related_name="deliveries"
    )
    named_task = models.UUIDField(null=True, blank=True, help_text="task number in the URL")
    is_hint = models.BooleanField(default=False, help_text="came by the account-wide URL")
    midsync_task_id = models.CharField(max_length=200, blank=True, help_text="as a hint names it")
    provider_task_id = models.CharField(max_length=200, blank=True, help_text="as a hint names it")
    body = models.BinaryField()
    body_sha256 = models.CharField(max_length=64)
    body_size = models.PositiveIntegerField(help_text="bytes as received")
    is_truncated = models.BooleanField(default=False)
    headers = models.JSONField(default=dict)
    received_at = models.DateTimeField()
    last_received_at = models.DateTimeField()
    repeats = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State, default=State.NEW)
    outcome = models.CharField(max_length=200, blank=True)
    error = models.TextField(blank=True)
    tries = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    processed_at = models.DateTimeField(null=True, blank=True)

    objects = CallbackDeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "callback deliveries"
        ordering = ["-received_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["task", "body_sha256"], name="delivery_once_per_task"),
            models.UniqueConstraint(
                fields=["body_sha256"],
                condition=models.Q(task__isnull=True, named_task__isnull=True),
                name="delivery_orphan_once",
            ),
            models.UniqueConstraint(
                fields=["named_task", "body_sha256"],
                condition=models.Q(task__isnull=True, named_task__isnull=False),
                name="delivery_once_per_lost_task",
            ),
            models.CheckConstraint(
                condition=models.Q(is_hint=True)
                | models.Q(task__isnull=False)
                | models.Q(named_task__isnull=False),
                name="delivery_names_its_task",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["new", "done", "kept", "dead"]),
                name="delivery_state_known",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="new") | models.Q(next_try_at__isnull=False),
                name="delivery_new_is_due",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"], condition=models.Q(state="new"), name="delivery_due"
            ),
            models.Index(fields=["received_at"], name="delivery_received"),
            models.Index(
                fields=["received_at"], condition=models.Q(state="dead"), name="delivery_dead"
            ),
            models.Index(
                fields=["state"], condition=models.Q(task__isnull=True), name="delivery_orphans"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.received_at:%Y-%m-%d %H:%M:%S} {self.state}"
