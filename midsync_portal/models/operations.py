"""What the operator watches: whether workers live, and whether MidSync may be called."""

from django.db import models


class WorkerHeartbeat(models.Model):
    """One row per worker process; `beat_at` older than 60 s means that it is gone."""

    name = models.CharField(max_length=120, unique=True)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class WebHeartbeat(models.Model):
    """One row per web process, with its open streams at `beat_at`; gone after 60 s as well."""

    name = models.CharField(max_length=120, unique=True)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()
    streams = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class Tally(models.Model):
    """How often something happened in a minute, and how long it took, in all processes together.

    What is counted: `figures/tallies.py`. The row of 1970 holds the total since the beginning.
    """

    minute = models.DateTimeField()
    kind = models.CharField(max_length=20)
    name = models.CharField(max_length=40, blank=True)
    outcome = models.CharField(max_length=40)
    ms_up_to = models.PositiveIntegerField()
    number = models.PositiveBigIntegerField(default=0)
    milliseconds = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["minute", "kind", "name", "outcome", "ms_up_to"], name="tally_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.minute:%H:%M} {self.kind} {self.name} {self.outcome}: {self.number}"


class MidSyncGate(models.Model):
    """What all processes know together about calling MidSync; a single row (pk 1).

    Sending is paused while `paused_at` is set (MidSync refused our key). The breaker is open
    while `breaker_open_until` is set: from then on one probe may be made. `failures` counts the
    outages since `failures_since`. `budget` are the requests the workers may make at `budget_at`;
    below zero they have been made ahead of time.
    """

    paused_at = models.DateTimeField(null=True, blank=True)
    paused_reason = models.CharField(max_length=200, blank=True)
    paused_key_fingerprint = models.CharField(max_length=64, blank=True)
    failures = models.PositiveIntegerField(default=0)
    failures_since = models.DateTimeField(null=True, blank=True)
    breaker_open_until = models.DateTimeField(null=True, blank=True)
    breaker_closed_at = models.DateTimeField(null=True, blank=True)
    budget = models.FloatField(default=0)
    budget_at = models.DateTimeField(null=True, blank=True)
    # Which MidSync this database has ordered from: a simulator's tasks and real ones never mix.
    is_simulated = models.BooleanField(null=True, blank=True)
    problem = models.CharField(max_length=200, blank=True)
    problem_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "MidSync gate"
        permissions = [("operate", "Can operate the portal")]
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="gate_single_row")]

    def __str__(self) -> str:
        if self.paused_at:
            return "paused"
        return "MidSync cannot be reached" if self.is_away else "sending"

    @property
    def is_away(self) -> bool:
        """Whether the breaker is open: nothing but a probe is asked of MidSync."""
        return self.breaker_open_until is not None
