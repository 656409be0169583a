"""How much a team may order: as an operator granted it, else as the settings say."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Sum
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from midsync_portal import gate
from midsync_portal.models import Customer, MidSyncGate, Quote, Task
from midsync_portal.models.status import Status


class LimitReached(Exception):
    """A limit of the customer or of the portal; the message says which and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def check_limits(customer: Customer, quote: Quote) -> None:
    """Raise LimitReached where one more task would pass a limit.

    Call it with the customer's row as it is under its lock.
    """
    now = timezone.now()
    tasks = Task.objects.for_customer(customer)
    a_minute = customer.tasks_a_minute or settings.SUBMIT_RATE
    at_once = customer.open_tasks or settings.OPEN_TASKS_MAX
    a_day = customer.points_a_day
    if a_day is None:
        a_day = settings.DAILY_POINTS_MAX
    if tasks.filter(created_at__gte=now - timedelta(minutes=1)).count() >= a_minute:
        said = ngettext(
            "Your team may order %(count)d video a minute. "
            "Nothing was ordered; please try again in a minute.",
            "Your team may order %(count)d videos a minute. "
            "Nothing was ordered; please try again in a minute.",
            a_minute,
        )
        raise LimitReached(said % {"count": a_minute})
    if (waiting := tasks.open().count()) >= at_once:
        said = gettext(
            "Your team's open tasks: %(open)d, of at most %(count)d at once. "
            "Nothing was ordered; please wait until enough of them have ended."
        )
        raise LimitReached(said % {"open": waiting, "count": at_once})
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    price = quote.points or Decimal(0)
    if a_day and _spent(tasks, today) + price > a_day:
        said = gettext(
            "This would pass your team's limit of %(points)s points a day. Nothing was ordered."
        )
        raise LimitReached(said % {"points": a_day})
    if settings.DAILY_POINTS_GLOBAL:
        gate.get_gate()
        MidSyncGate.objects.select_for_update().get(pk=1)
        if _spent(Task.objects.all(), today) + price > settings.DAILY_POINTS_GLOBAL:
            raise LimitReached(
                gettext(
                    "The portal has reached its limit of points for today. Nothing was ordered; "
                    "please try again tomorrow or ask support."
                )
            )


def _spent(tasks: Any, since: Any) -> Decimal:
    """Points charged since a time, or quoted where the charge is not known yet."""
    spent = tasks.filter(created_at__gte=since).exclude(status=Status.REJECTED)
    total = spent.aggregate(total=Sum(Coalesce("points_charged", "points_quoted")))["total"]
    return total or Decimal(0)
