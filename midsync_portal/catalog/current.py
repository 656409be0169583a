"""The catalog of this moment: MidSync's last good list, kept in the database."""

import json
import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from django.conf import settings
from django.utils import timezone

from midsync_portal.midsync.client import MidSyncClient
from midsync_portal.midsync.errors import MidSyncError
from midsync_portal.midsync.models_reader import read_models
from midsync_portal.midsync.reader.body import UnreadableBody, parse_json
from midsync_portal.models import CatalogCopy, Customer

from .listing import built_in_models, listed_models
from .offers import offered_to
from .parameters import VideoModel

logger = logging.getLogger(__name__)

# A copy that missed this many refreshes is stale.
REFRESHES_MISSED = 2


@dataclass(frozen=True, slots=True)
class Catalog:
    """The models that can be ordered, those we know first.

    `is_stale` means that MidSync's list is old or was never read: the page says so.
    """

    models: tuple[VideoModel, ...]
    is_stale: bool
    fetched_at: datetime | None = None

    def get(self, video_model: str) -> VideoModel | None:
        """The model of that id, if it is offered."""
        return next((one for one in self.models if one.id == video_model), None)

    @property
    def default(self) -> VideoModel:
        """The model that a fresh form starts with."""
        return self.models[0]


def get_catalog(customer: Customer | None = None) -> Catalog:
    """What can be ordered now, from the last good copy; never a call to MidSync.

    With a customer: what is offered to them, in the order and with the notes that operators chose.
    Without: everything, as MidSync lists it. One query, and one more for a customer.
    """
    catalog = _whole_catalog()
    if customer is None:
        return catalog
    return replace(catalog, models=offered_to(customer, catalog.models))


def _whole_catalog() -> Catalog:
    copy = CatalogCopy.objects.filter(pk=1).first()
    models = _models_in(copy.raw) if copy else ()
    if copy is None or not models:
        return Catalog(built_in_models(), is_stale=True)
    age_max = timedelta(seconds=settings.CATALOG_MAX_AGE * REFRESHES_MISSED)
    is_stale = timezone.now() - copy.fetched_at > age_max
    return Catalog(models, is_stale, copy.fetched_at)


def refresh_catalog(client: MidSyncClient) -> bool:
    """Ask MidSync for its list and keep it if it can be used; whether it could be kept."""
    try:
        listed = client.list_models()
    except MidSyncError as error:
        logger.warning("no list of models: %s", error)
        return False
    if not listed_models(listed.models):
        logger.warning("the list of models names none that can be offered")
        return False
    raw = json.dumps(listed.raw, default=_as_number, separators=(",", ":"))
    CatalogCopy.objects.update_or_create(pk=1, defaults={"raw": raw, "fetched_at": timezone.now()})
    return True


@lru_cache(maxsize=2)
def _models_in(raw: str) -> tuple[VideoModel, ...]:
    """The models in a copy; empty if this version cannot read it."""
    try:
        return listed_models(read_models(parse_json(raw)))
    except UnreadableBody:
        return ()


def _as_number(value: object) -> float:
    """Fractions were read as Decimal; they go back as the numbers they were."""
    if not isinstance(value, Decimal):
        raise TypeError(type(value).__name__)
    return float(value)
