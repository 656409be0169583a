"""After a backup was restored: what it takes for unsent may have been sent since."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Q
from django.utils import timezone

from midsync_portal.models import Task
from midsync_portal.models.status import Status
from midsync_portal.unconfirmed import LOOK_AGAIN_AFTER

SOURCE = "operator"
RESTORED = "a backup was restored: it may have been sent after the backup was made"


class Command(BaseCommand):
    """Unsent and half-sent tasks become unconfirmed and wait for a review; nothing is sent.

    Their callbacks settle them, or support does. May run again: a second time finds nothing.
    """

    help = "Run once after restoring a backup, before web and workers are started."

    def handle(self, *args: Any, **options: Any) -> None:
        """Say how many there were."""
        moved = sum(self.doubt(task) for task in Task.objects.filter(status=Status.SUBMITTING))
        self.stdout.write(f"{moved} unsent tasks are unconfirmed now and wait for a review.")

    def doubt(self, task: Task) -> bool:
        """Move one task and flag it; it was sent at an unknown time, so logs prove nothing."""
        now = timezone.now()
        moved = task.move_to(
            Status.UNCONFIRMED,
            SOURCE,
            only_if=Q(status=Status.SUBMITTING),
            sent_at=task.sent_at or now,
            lease_token=None,
            lease_until=None,
            waits_for="",
            next_check_at=now + LOOK_AGAIN_AFTER,
            reason=RESTORED,
        )
        if moved:
            task.flag(RESTORED, SOURCE)
        return moved
