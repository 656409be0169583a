"""`/metrics` for Prometheus, behind a token of its own."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from midsync_portal.figures.prometheus import exposition


@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures of all processes together; 404 without METRICS_TOKEN, 401 without its bearer."""
    if not settings.METRICS_TOKEN:
        raise Http404
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not constant_time_compare(token, settings.METRICS_TOKEN):
        answer = HttpResponse("a bearer token is needed", status=401, content_type="text/plain")
        answer["WWW-Authenticate"] = "Bearer"
        return answer
    return HttpResponse(exposition(), content_type=CONTENT_TYPE_PLAIN_0_0_4)
