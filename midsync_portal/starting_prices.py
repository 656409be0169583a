"""From what each model costs: MidSync's own price of its shortest and simplest video.

The worker asks, one model at a time and within the budget; pages read what it was told, with its
age. No price is computed here, and an old one is not shown.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils import timezone

from . import gate
from .catalog import Parameter, VideoModel, get_catalog
from .forms import GenerationForm
from .midsync.client import MidSyncClient
from .midsync.errors import MidSyncError, MidSyncRefused
from .models import StartingPrice

log = logging.getLogger("midsync_portal.prices")

ASK_EVERY = timedelta(hours=6)
SHOWN_FOR = timedelta(hours=24)
# What stands in for the customer's own words and picture while a price is asked.
PROMPT = "A calm sea at dawn, seen from the shore."
PICTURE = "https://example.com/picture.jpg"


@dataclass(frozen=True)
class Offer:
    """A model to choose, and its lowest price in points where MidSync named one lately."""

    video_model: VideoModel
    points: Decimal | None = None
    asked_at: datetime | None = None


def offers(models: Iterable[VideoModel]) -> list[Offer]:
    """The models with their starting prices. One query, never a call to MidSync."""
    fresh = StartingPrice.objects.filter(asked_at__gt=timezone.now() - SHOWN_FOR)
    prices = {price.video_model: price for price in fresh.filter(points__isnull=False)}
    found = []
    for model in models:
        price = prices.get(model.id)
        found.append(Offer(model, price.points, price.asked_at) if price else Offer(model))
    return found


def ask_next_price(client: MidSyncClient) -> bool:
    """Ask for the price that was not asked for longest; False where none is due."""
    now = timezone.now()
    known = {price.video_model: price for price in StartingPrice.objects.all()}
    due = [
        model
        for model in get_catalog().models
        if len(model.id) <= 100
        and (model.id not in known or known[model.id].asked_at <= now - ASK_EVERY)
    ]
    if not due:
        return False
    never = datetime.min.replace(tzinfo=now.tzinfo)
    model = min(due, key=lambda one: known[one.id].asked_at if one.id in known else never)
    # Before the question, so that several workers share the list and one odd model holds up none.
    price, _ = StartingPrice.objects.update_or_create(
        video_model=model.id, defaults={"asked_at": now}
    )
    body = simplest_body(model)
    if body is None:
        StartingPrice.objects.filter(pk=price.pk).update(points=None)
        return True
    try:
        points = client.quote(body, timeout=settings.MIDSYNC_QUOTE_TIMEOUT).points
    except MidSyncRefused as error:
        log.info("no starting price of %s: %s", model.id, error)
        points = None
    except MidSyncError as error:
        gate.note_problem("price", str(error))
        return True  # what was known stays, with its age
    StartingPrice.objects.filter(pk=price.pk).update(points=points)
    return True


def simplest_body(model: VideoModel) -> dict[str, Any] | None:
    """The request for a model's shortest and plainest video; None where it cannot be known."""
    wanted: dict[str, Any] = {"prompt": PROMPT}
    for parameter in model.parameters:
        if parameter.name in ("duration", "resolution", "quality"):
            wanted[parameter.name] = _least(parameter)
        elif parameter.name == "images" and model.needs_images:
            wanted["images"] = [PICTURE] * int(parameter.minimum or 1)
    form = GenerationForm(model, initial=wanted)
    return form.body() if form.is_valid() else None


def _least(parameter: Parameter) -> Any:
    """The smallest value: 5 of 5 and 10, 480p of 480p and 720p."""
    if not parameter.options:
        return parameter.minimum if parameter.minimum is not None else parameter.default
    values = [option.value for option in parameter.options]
    figures = ["".join(c for c in str(value) if c.isdigit()) for value in values]
    if not all(figures):
        return parameter.default if parameter.default is not None else values[0]
    return min(zip(map(int, figures), values, strict=True), key=lambda pair: pair[0])[1]
