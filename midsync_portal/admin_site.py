"""The admin itself: who comes in, and by which door.

Not in the room `admin/`: what is registered there needs this site to be there first.
"""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from midsync_portal import second_factor
from midsync_portal.people import may_operate


class PortalAdminSite(admin.AdminSite):
    """Django's admin, open to staff who have given their second factor in this session."""

    site_header = _("Midsync Portal support")
    site_title = _("Midsync Portal")
    index_title = _("Look up and repair")

    def has_permission(self, request: HttpRequest) -> bool:
        """Active staff, with a second factor; every page of the admin asks this first."""
        return super().has_permission(request) and second_factor.is_given(request)

    def get_urls(self) -> list[Any]:
        """Beside the pages of the tables, those of operators."""
        from .admin.catalog import catalog_urls  # these need this site to be there first
        from .admin.health import health_urls

        return [*health_urls(self), *catalog_urls(self), *super().get_urls()]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """And whether to show the links of operators."""
        return {**super().each_context(request), "may_operate": may_operate(request.user)}

    @method_decorator(never_cache)
    @login_not_required
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Send each to the door that they still have to pass, and back to the page they wanted.

        Everybody logs in by the same form: e-mail, limits and sessions are allauth's.
        """
        wanted = _wanted_page(request)
        user = request.user
        if not user.is_authenticated:
            return redirect_to_login(wanted, resolve_url(settings.LOGIN_URL))
        if not super().has_permission(request):
            raise PermissionDenied
        if second_factor.is_given(request):
            return HttpResponseRedirect(wanted)
        if door := second_factor.door_for(user):
            return redirect_to_login(wanted, door)
        return render(request, "mfa/needed.html")


def _wanted_page(request: HttpRequest) -> str:
    """The page of ours that `next` names; the admin's first page where it names none."""
    page = request.GET.get(REDIRECT_FIELD_NAME, "")
    if url_has_allowed_host_and_scheme(page, {request.get_host()}, request.is_secure()):
        return page
    return reverse("admin:index")
