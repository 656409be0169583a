"""The request as our middleware leaves it."""

from collections.abc import Sequence

from django.http import HttpRequest
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
