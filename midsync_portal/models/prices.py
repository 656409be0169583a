"""From what each model costs, as MidSync last said."""

from django.db import models
from django.db.models import Q


class StartingPrice(models.Model):
    """What MidSync asks for a model's shortest and simplest video; `points` empty: unknown."""

    video_model = models.CharField(max_length=100, unique=True)
    points = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    asked_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(points__isnull=True) | Q(points__gte=0), name="price_points_positive"
            )
        ]

    def __str__(self) -> str:
        return f"{self.video_model}: from {self.points} points"
