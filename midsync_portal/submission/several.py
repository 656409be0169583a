"""One press, several orders: priced and sent at the same time, each a task of its own.

Nothing here knows a rule of ordering or sending: see `ordering` and `sending`.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connections
from django.utils.translation import get_language, override

from midsync_portal import gate
from midsync_portal.canonical import body_hash
from midsync_portal.models import Customer, Quote, Task, User

from .limits import LimitReached
from .ordering import FormUsed, NeedsConfirmation, OrderedBefore, submit
from .pool import send_all_and_wait
from .quoting import QuoteRefused, TooMany, is_fresh, newest_quote, quote_for
from .sending import give_connection_back

NotOrdered = NeedsConfirmation | OrderedBefore | LimitReached | QuoteRefused | TooMany


@dataclass(frozen=True)
class Order:
    """What one form would order; `again`: also if the same was ordered a moment ago."""

    body: Mapping[str, Any]
    submit_key: UUID
    quote_key: UUID | None = None
    again: bool = False


def quotes_for(
    customer: Customer, bodies: Sequence[Mapping[str, Any]]
) -> list[Quote | QuoteRefused | TooMany]:
    """The prices of several bodies, asked at the same time: `quote_for` of each, or its error."""
    if not bodies:
        return []
    give_connection_back()
    with ThreadPoolExecutor(len(bodies), "quote") as pool:
        ask = partial(_quote_in_thread, customer, get_language())
        return list(pool.map(ask, bodies))


def order_all(
    customer: Customer, ordered_by: User, orders: Sequence[Order]
) -> list[Task | NotOrdered]:
    """Order one after the other, send together, and wait at most SUBMIT_WAIT seconds for all.

    For each order the task that its key has made, or why there is none; one that is refused
    keeps none of the others back.
    """
    _renew_prices(customer, orders)
    outcomes = [_submit(customer, ordered_by, order) for order in orders]
    send_all_and_wait([outcome for outcome in outcomes if isinstance(outcome, Task)])
    return outcomes


def _submit(customer: Customer, ordered_by: User, order: Order) -> Task | NotOrdered:
    try:
        return submit(
            customer=customer,
            ordered_by=ordered_by,
            body=dict(order.body),
            submit_key=order.submit_key,
            quote_key=order.quote_key,
            again=order.again,
        )
    except FormUsed as used:  # by what the catalogue said when the key was used first
        return used.task
    except (NeedsConfirmation, OrderedBefore, LimitReached, QuoteRefused, TooMany) as reason:
        return reason


def _renew_prices(customer: Customer, orders: Sequence[Order]) -> None:
    """Ask together for the prices that are too old to order by, so that none waits for another."""
    keys = [order.submit_key for order in orders]
    made = set(
        Task.objects.for_customer(customer)
        .filter(submit_key__in=keys)
        .values_list("submit_key", flat=True)
    )
    stale = []
    for order in orders:
        newest = newest_quote(customer, body_hash(dict(order.body)))
        if order.submit_key not in made and (newest is None or not is_fresh(newest)):
            stale.append(order.body)
    if stale and not gate.is_paused():
        quotes_for(customer, stale)


def _quote_in_thread(
    customer: Customer, language: str | None, body: Mapping[str, Any]
) -> Quote | QuoteRefused | TooMany:
    try:
        with override(language):
            return quote_for(customer, dict(body))
    except (QuoteRefused, TooMany) as reason:
        return reason
    finally:
        connections.close_all()
