"""Which team one works for, and what browsers report about our pages."""

import json
import logging

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from midsync_portal.models import Membership
from midsync_portal.people import SESSION_CUSTOMER, team_number

from .requests import PortalRequest, posted

log = logging.getLogger("midsync_portal.csp")
REPORT_MAX = 8192  # bytes


@posted
def switch_customer(request: PortalRequest) -> HttpResponse:
    """Work for another of one's teams; a team of others answers 404."""
    chosen = request.POST.get("customer", "")
    memberships = Membership.objects.filter(user=request.user)
    membership = get_object_or_404(memberships, customer_id=team_number(chosen))
    request.session[SESSION_CUSTOMER] = membership.customer_id
    return redirect("task-new")


@csrf_exempt
@login_not_required
@require_POST
def csp_report(request: HttpRequest) -> HttpResponse:
    """What a browser refused to load on one of our pages: one log line, nothing kept."""
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
        report = json.loads(request.read(REPORT_MAX)) if length <= REPORT_MAX else None
    except ValueError:
        report = None
    inside = report.get("csp-report") if isinstance(report, dict) else None
    if isinstance(inside, dict):
        directive = str(inside.get("violated-directive", ""))[:80]
        log.warning("a page asked for what its policy forbids: %s", directive.split(" ")[0])
    return HttpResponse(status=204)
