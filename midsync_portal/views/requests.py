"""The request as our middleware leaves it."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods
from django_htmx.middleware import HtmxDetails

from midsync_portal.models import Customer, Membership, Task, User
from midsync_portal.models.tasks import TaskQuerySet
from midsync_portal.people import SESSION_CUSTOMER


class PortalRequest(HttpRequest):
    """A request of somebody who is logged in: their teams, the active one, htmx or not."""

    user: User
    htmx: HtmxDetails
    customer: Customer | None
    memberships: Sequence[Membership]


def posted(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A view that answers POST alone. Without scripts its answer is a page with its address: who
    loads that again, or comes back to it from the log-in, is led to the studio.
    """

    @wraps(view)
    def to_studio_unless_posted(request: PortalRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method != "POST":
            return redirect("task-new")
        return view(request, *args, **kwargs)

    return require_http_methods(["GET", "HEAD", "POST"])(to_studio_unless_posted)


def zone_of(request: HttpRequest) -> ZoneInfo:
    """The time zone in which a browser shows times, as app.js has told; UTC without scripts, as
    times are shown then.
    """
    try:
        return ZoneInfo(request.COOKIES.get("portal_zone") or "UTC")
    except (KeyError, ValueError, OSError):  # none that there is; no path; too long a name
        return ZoneInfo("UTC")


def tasks_of_theirs(request: PortalRequest) -> TaskQuerySet:
    """The tasks of all teams of a person, of which a page may show any one."""
    return Task.objects.filter(customer__in=[one.customer_id for one in request.memberships])


def work_for_team_of(request: PortalRequest, task: Task) -> None:
    """Go on for the team of one of `tasks_of_theirs`: a link to it, from an e-mail or from
    another tab, may be followed while another team is active.
    """
    if request.customer and request.customer.pk == task.customer_id:
        return
    (request.customer,) = (
        one.customer for one in request.memberships if one.customer_id == task.customer_id
    )
    if request.method == "GET" and not request.htmx:
        request.session[SESSION_CUSTOMER] = task.customer_id
