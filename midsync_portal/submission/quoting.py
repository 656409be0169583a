"""Ask MidSync for a price and remember that the customer saw it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext

from midsync_portal import gate
from midsync_portal.canonical import body_hash
from midsync_portal.midsync.errors import MidSyncError, MidSyncMisconfigured, MidSyncRefused
from midsync_portal.midsync.errors import TooManyRequests as MidSyncBusy
from midsync_portal.models import Customer, Quote
from midsync_portal.upstream import get_client


class QuoteRefused(Exception):
    """MidSync says that this body is invalid; `field` names MidSync's field where it is known."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class TooMany(Exception):
    """The customer asks for more than the limits allow; the message says when to come back."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def quote_for(customer: Customer, body: dict[str, Any]) -> Quote:
    """The price of a body, in points, as MidSync names it now; kept as a Quote.

    Where MidSync cannot say, `points` is None: the page then says "price shown after submit".
    Raises QuoteRefused and TooMany.
    """
    last_minute = timezone.now() - timedelta(minutes=1)
    asked = Quote.objects.filter(customer=customer, created_at__gte=last_minute).count()
    if asked >= settings.QUOTE_RATE:
        said = gettext("That were many price questions in one minute. Please wait a moment.")
        raise TooMany(said)
    return Quote.objects.create(
        customer=customer,
        video_model=str(body["model"])[:100],
        body_hash=body_hash(body),
        points=None if gate.is_away() else _points_asked(body),
    )


def _points_asked(body: dict[str, Any]) -> Decimal | None:
    """The price by MidSync's word; None where it gives none. Raises QuoteRefused."""
    began_at = timezone.now()
    try:
        points = get_client().quote(body, timeout=settings.MIDSYNC_QUOTE_TIMEOUT).points
    except MidSyncBusy as error:
        gate.note_problem("price", f"quotes are limited (429): {error}")
    except MidSyncRefused as error:
        raise QuoteRefused(str(error), getattr(error, "field", None)) from error
    except MidSyncMisconfigured as error:
        gate.note_problem("price", f"our API key is refused ({error.http_status})")
    except MidSyncError as error:
        if error.http_status == 500:  # one odd body may do that: it says nothing of the others
            gate.note_problem("price", str(error))
        else:
            gate.note_outage("price", error, began_at)
    else:
        gate.note_success("price")
        return points
    return None


def quote_told(customer: Customer, digest: str, quote_key: UUID | None) -> Quote | None:
    """The price that the customer saw for this body: by the page's key, else the newest."""
    told = Quote.objects.filter(customer=customer, body_hash=digest)
    if quote_key and (seen := told.filter(public_id=quote_key).first()):
        return seen
    return told.order_by("-created_at", "-pk").first()


def newest_quote(customer: Customer, digest: str) -> Quote | None:
    """The price that MidSync last named for this body."""
    quotes = Quote.objects.filter(customer=customer, body_hash=digest)
    return quotes.order_by("-created_at", "-pk").first()


def is_fresh(quote: Quote) -> bool:
    """Whether a price is young enough to order by (QUOTE_MAX_AGE)."""
    return quote.created_at > timezone.now() - timedelta(seconds=settings.QUOTE_MAX_AGE)
