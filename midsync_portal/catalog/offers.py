"""What operators decided: which models a customer is offered, in which order, with which note."""

from collections.abc import Iterable
from dataclasses import replace

from django.db.models import Exists, OuterRef

from midsync_portal.models import Customer, ModelOffer

from .parameters import VideoModel

LAST = 1_000_000  # the place of models that have none


def offered_to(customer: Customer, models: Iterable[VideoModel]) -> tuple[VideoModel, ...]:
    """Those of the models that the customer may order; those with a place first. One query."""
    named = ModelOffer.customers.through.objects.filter(
        modeloffer_id=OuterRef("pk"), customer_id=customer.pk
    )
    offers = {
        offer.video_model: offer for offer in ModelOffer.objects.annotate(is_named=Exists(named))
    }
    kept: list[tuple[int, VideoModel]] = []
    for model in models:
        offer = offers.get(model.id)
        if offer is None:
            kept.append((LAST, model))
        elif offer.offered_to == ModelOffer.To.EVERYBODY or (
            offer.offered_to == ModelOffer.To.NAMED and offer.is_named
        ):
            place = LAST if offer.place is None else offer.place
            kept.append((place, replace(model, note=offer.note)))
    return tuple(model for _, model in sorted(kept, key=lambda each: each[0]))
