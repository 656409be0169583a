"""The request as our middleware leaves it."""

from collections.abc import Sequence

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from midsync_portal.models import Customer, Membership, User


class PortalRequest(HttpRequest):
    """A request of somebody who is logged in: their teams, the active one, htmx or not."""

    user: User
    htmx: HtmxDetails
    customer: Customer | None
    memberships: Sequence[Membership]
