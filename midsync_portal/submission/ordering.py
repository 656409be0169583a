"""T1: write the task down before anything is spent. One form makes one task."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from midsync_portal import gate
from midsync_portal.canonical import body_hash, canonical_json
from midsync_portal.models import Customer, Quote, Task, TaskEvent, User
from midsync_portal.models.status import Status

from .limits import LimitReached, check_limits
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
        customer = Customer.objects.select_for_update(no_key=True).get(pk=customer.pk)
        if task := _made_by(customer, submit_key, digest):
            return task
        check_limits(customer, quote)
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
