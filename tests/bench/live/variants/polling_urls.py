"""What a page of five rows would poll: the same rows, by the same template and the same rights."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import include, path

from midsync_portal.models import Task


def rows(request: HttpRequest) -> HttpResponse:
    """The rows as they are now."""
    wanted = [UUID(text) for text in request.GET["rows"].split(",")]
    tasks = Task.objects.for_customer(request.customer)  # type: ignore[attr-defined]
    found = tasks.filter(public_id__in=wanted)
    return HttpResponse("".join(render_to_string("tasks/_row.html", {"task": t}) for t in found))


urlpatterns = [path("poll/", rows), path("", include("midsync_portal.urls"))]
