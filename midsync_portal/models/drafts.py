"""What a person was typing into the order form."""

from django.db import models
from django.utils import timezone

from .people import Customer, User


class Draft(models.Model):
    """The order form of one person for one customer as it was last sent, complete or not.

    `form` and `earlier` are fields by name, each with its texts; `earlier` is what stood in the
    form before it was emptied or filled from another task.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="drafts")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="drafts")
    form = models.JSONField(default=dict)
    earlier = models.JSONField(default=dict)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "customer"], name="draft_once"),
        ]

    def __str__(self) -> str:
        return f"draft of {self.user_id} for {self.customer_id}"
