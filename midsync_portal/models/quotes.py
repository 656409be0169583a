"""Prices that MidSync named and that a customer saw."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from .people import Customer


class Quote(models.Model):
    """A price that MidSync named for a body and that a customer saw; `points` empty: no price.

    An empty price means that MidSync could not quote and that the customer was told
    "price shown after submit".
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="quotes")
    video_model = models.CharField(max_length=100)
    body_hash = models.CharField(max_length=64)
    points = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(points__isnull=True) | Q(points__gte=0), name="quote_points_positive"
            )
        ]
        indexes = [
            models.Index(fields=["customer", "body_hash", "-created_at"], name="quote_newest"),
            models.Index(fields=["customer", "-created_at"], name="quote_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.video_model}: {self.points} points"
