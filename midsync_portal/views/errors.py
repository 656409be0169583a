"""Pages for what went wrong: they extend nothing and name nothing that was asked for."""

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy
from django_htmx.http import HttpResponseClientRedirect

FALLBACK = gettext_lazy(
    "Something went wrong here. Please look at your tasks before you order again."
)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404, the same bytes for somebody else's page as for one that never existed."""
    return HttpResponse(render_to_string("404.html"), status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500: the portal's own mistake; told even when templates cannot be read."""
    try:
        page: str = render_to_string("500.html")
    except Exception:
        page = str(FALLBACK)
    return HttpResponse(page, status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a page out of date; htmx loads the page anew, where the browser fills it again."""
    if request.headers.get("HX-Request") == "true":
        return HttpResponseClientRedirect("/")
    return HttpResponse(render_to_string("403_csrf.html"), status=403)
