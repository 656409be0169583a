"""T1: write the task down before anything is spent. One form makes one task."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from midsync_portal import gate
from midsync_portal.canonical import body_hash, canonical_json
from midsync_portal.models import Customer, MidSyncGate, Quote, Task, TaskEvent, User
from midsync_portal.models.status import Status

from .quoting import is_fresh, newest_quote, quote_for, quote_told

AGAIN_WITHIN = timedelta(seconds=60)
# A request sends its own task at once; what it left unsent (a crash) is the worker's after this.
WORKER_TAKES_OVER = timedelta(seconds=15)


class NeedsConfirmation(Exception):
    """No price was told for this body, or it has changed: show `quote` and ask."""

    def __init__(self, quote: Quote, told: Quote | None) -> None:
        super().__init__("price to confirm")
        self.quote = quote
        self.told = told


class OrderedBefore(Exception):
    """The same was ordered less than a minute ago: ask whether it is wanted again."""

    def __init__(self, task: Task) -> None:
        super().__init__("ordered before")
        self.task = task


class FormUsed(Exception):
    """This form has made another task already."""

    def __init__(self, task: Task) -> None:
        super().__init__("form used")
        self.task = task


class LimitReached(Exception):
    """A limit of the customer or of the portal; the message says which and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class OrderingPaused(LimitReached):
    """MidSync refuses our key; nothing can be ordered until an operator has acted."""


def submit(
    *,
    customer: Customer,
    ordered_by: User,
    body: dict[str, Any],
    submit_key: UUID,
    quote_key: UUID | None = None,
    again: bool = False,
    based_on: Task | None = None,
) -> Task:
    """Write down one task for a body that was quoted; sends nothing yet.

    `based_on` is the task of the same customer whose settings it began with.

    The same form again gives the task it made. Raises NeedsConfirmation, OrderedBefore,
    FormUsed, LimitReached, OrderingPaused, and QuoteRefused or TooMany where the price had to be
    asked again.
    """
    digest = body_hash(body)
    if task := _made_by(customer, submit_key, digest):
        return task
    if gate.is_paused():
        raise OrderingPaused(
            gettext(
                "Ordering is paused: MidSync does not accept the portal's access right now. "
                "Nothing was sent or charged. Our team has been told."
            )
        )
    quote = _agreed_quote(customer, body, digest, quote_key)
    with transaction.atomic():
        # One submit per customer at a time, so that limits hold under concurrent presses.
        Customer.objects.select_for_update(no_key=True).get(pk=customer.pk)
        if task := _made_by(customer, submit_key, digest):
            return task
        _check_limits(customer, quote)
        if not again and (before := _ordered_just_now(customer, digest)):
            raise OrderedBefore(before)
        task = Task.objects.create(
            customer=customer,
            ordered_by=ordered_by,
            submit_key=submit_key,
            video_model=str(body["model"])[:100],
            prompt=str(body.get("prompt", "")),
            parameters={k: v for k, v in body.items() if k not in ("model", "prompt")},
            request_body=canonical_json(body),
            body_hash=digest,
            points_quoted=quote.points,
            based_on=based_on,
            next_check_at=timezone.now() + WORKER_TAKES_OVER,
        )
        task.record(
            TaskEvent.Kind.CREATED,
            "customer",
            actor=ordered_by,
            status_after=Status.SUBMITTING,
            evidence={"quoted": None if quote.points is None else str(quote.points)},
        )
    return task


def _made_by(customer: Customer, submit_key: UUID, digest: str) -> Task | None:
    """The task that this form has made, if any. Raises FormUsed where its body was another."""
    task = Task.objects.for_customer(customer).filter(submit_key=submit_key).first()
    if task and task.body_hash != digest:
        raise FormUsed(task)
    return task


def _agreed_quote(
    customer: Customer, body: dict[str, Any], digest: str, quote_key: UUID | None
) -> Quote:
    """The price the customer has seen and that still stands; else NeedsConfirmation."""
    told = quote_told(customer, digest, quote_key)
    newest = newest_quote(customer, digest)
    if newest is None or not is_fresh(newest):
        newest = quote_for(customer, body)
    if told is None or told.points != newest.points:
        raise NeedsConfirmation(newest, told)
    return newest


def _ordered_just_now(customer: Customer, digest: str) -> Task | None:
    since = timezone.now() - AGAIN_WITHIN
    tasks = Task.objects.for_customer(customer).filter(body_hash=digest, created_at__gte=since)
    return tasks.exclude(status=Status.REJECTED).newest_first().first()


def _check_limits(customer: Customer, quote: Quote) -> None:
    """Raise LimitReached where one more task would pass a limit; call under the lock."""
    now = timezone.now()
    tasks = Task.objects.for_customer(customer)
    if tasks.filter(created_at__gte=now - timedelta(minutes=1)).count() >= settings.SUBMIT_RATE:
        said = ngettext(
            "Your team may order %(count)d video a minute. "
            "Nothing was ordered; please try again in a minute.",
            "Your team may order %(count)d videos a minute. "
            "Nothing was ordered; please try again in a minute.",
            settings.SUBMIT_RATE,
        )
        raise LimitReached(said % {"count": settings.SUBMIT_RATE})
    if tasks.open().count() >= settings.OPEN_TASKS_MAX:
        said = ngettext(
            "%(count)d of your team's tasks is still open. "
            "Nothing was ordered; please wait until it has ended.",
            "%(count)d of your team's tasks are still open. "
            "Nothing was ordered; please wait until one of them has ended.",
            settings.OPEN_TASKS_MAX,
        )
        raise LimitReached(said % {"count": settings.OPEN_TASKS_MAX})
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    price = quote.points or Decimal(0)
    if settings.DAILY_POINTS_MAX and _spent(tasks, today) + price > settings.DAILY_POINTS_MAX:
        said = gettext(
            "This would pass your team's limit of %(points)s points a day. Nothing was ordered."
        )
        raise LimitReached(said % {"points": settings.DAILY_POINTS_MAX})
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
