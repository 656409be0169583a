"""The buckets that reasons of failure are sorted into; support keeps them in the admin."""

from django.db import models


class FailureBucket(models.Model):
    """One kind of failure: how it is recognised, what the customer is told, what to do next.

    The first bucket, by `position`, of whose patterns one is part of the reason's code or text
    is the failure's. The bucket without patterns is for all others. Whether points were charged
    is never said here: that follows from the task.
    """

    class NextStep(models.TextChoices):
        """What the customer is offered; the words of the button are in `failures`."""

        EDIT = "edit", "edit and try again"
        MODEL = "model", "choose another model"
        LATER = "later", "try again later"
        SUPPORT = "support", "contact support"

    name = models.CharField(max_length=60, unique=True)
    position = models.PositiveSmallIntegerField(
        default=100, help_text="the lowest is looked at first"
    )
    patterns = models.TextField(
        blank=True,
        help_text="one piece of text on each line, in any case; empty: all that fits nowhere else",
    )
    sentence = models.CharField(
        max_length=300, help_text="why it failed, for customers; nothing about points"
    )
    next_step = models.CharField(max_length=10, choices=NextStep, default=NextStep.EDIT)

    class Meta:
        ordering = ["position", "pk"]
        verbose_name = "reason of failure"
        verbose_name_plural = "reasons of failure"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(next_step__in=["edit", "model", "later", "support"]),
                name="failure_next_step_known",
            )
        ]

    def __str__(self) -> str:
        return self.name
