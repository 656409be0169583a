"""The worker's housekeeping of the inbox: orphans find their tasks, old deliveries go."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from midsync_portal.housekeeping import delete_in_parts
from midsync_portal.models import CallbackDelivery

from .orphans import match_orphans


def tidy_inbox() -> None:
    """What the worker does every few seconds; costs two look-ups where nothing is to be done."""
    match_orphans()
    prune_deliveries()


def prune_deliveries() -> int:
    """Delete deliveries last received CALLBACK_KEPT_DAYS ago; says how many.

    What still waits for the worker stays, and so do the events that a delivery has caused.
    """
    before = timezone.now() - timedelta(days=settings.CALLBACK_KEPT_DAYS)
    old = CallbackDelivery.objects.exclude(state=CallbackDelivery.State.NEW).filter(
        last_received_at__lt=before, received_at__lt=before
    )
    return delete_in_parts(old.order_by("received_at"))
