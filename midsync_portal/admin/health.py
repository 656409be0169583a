"""The health page: how the portal is and how its last hour was. For operators."""

from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path

from midsync_portal.figures import pictures
from midsync_portal.figures.reading import read_health
from midsync_portal.operations import operator_problems
from midsync_portal.people import may_operate


def health_urls(site: AdminSite) -> list[URLPattern]:
    """The page, and the part of it that it fetches anew every five seconds."""
    return [
        path("health/", site.admin_view(_page(site)), name="health"),
        path("health/now/", site.admin_view(health_now), name="health-now"),
    ]


def _page(site: AdminSite) -> Any:
    def health(request: HttpRequest) -> HttpResponse:
        """The whole page."""
        context = {**site.each_context(request), "title": "Health", **_figures(request)}
        return render(request, "admin/health.html", context)

    return health


def health_now(request: HttpRequest) -> HttpResponse:
    """The figures alone."""
    return render(request, "admin/_health.html", _figures(request))


def _figures(request: HttpRequest) -> dict[str, Any]:
    if not may_operate(request.user):
        raise PermissionDenied
    health = read_health()
    return {
        "health": health,
        "problems": operator_problems(),
        "requests": pictures.of_requests(health.minutes),
        "callbacks": pictures.of_callbacks(health.minutes),
        "waiting": pictures.of_waiting(health.minutes),
    }
