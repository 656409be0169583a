"""The list of all tasks: narrowed down, page by page, added up, and as CSV."""

from collections.abc import Collection
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_safe

from midsync_portal.catalog import get_catalog
from midsync_portal.finding.export import csv_lines
from midsync_portal.finding.filters import TaskFilter, read_filter
from midsync_portal.finding.pages import PAGE_SIZE, Found, Page
from midsync_portal.finding.totals import all_totals, quick_totals
from midsync_portal.models import Task
from midsync_portal.models.status import Status
from midsync_portal.stored_words import translated

from .requests import PortalRequest, tasks_of_theirs, work_for_team_of, zone_of
from .tasks import stream_url


@require_safe
def task_list(request: PortalRequest) -> HttpResponse:
    """The customer's tasks that fit the filter of the URL, newest first.

    `?before=<task number>` goes on after that task, `?after=` back to what is just above it;
    `?add_up=1` adds up everything that was found, however much it is.
    """
    neighbour = _neighbour(request)
    if request.customer is None:
        return render(request, "tasks/list.html", {"page_size": PAGE_SIZE, "wanted": TaskFilter()})
    offered = [model.id for model in get_catalog(request.customer).models]
    wanted = _wanted(request, offered)
    found = Found(request.customer, wanted, request.user)
    page = _page_beside(neighbour, found, request)
    is_live = page.is_first and not wanted
    if request.GET.get("add_up") == "1":
        totals = all_totals(found)
    else:
        totals = quick_totals(found, page)
    context = {
        "wanted": wanted,
        "tasks": page.tasks,
        "page": page,
        "page_size": PAGE_SIZE,
        "page_url": _address(wanted, request.GET.dict(), page),
        "totals": totals,
        "statuses": [(status.value, translated(status.label)) for status in Status],
        "models": offered if wanted.model in ("", *offered) else [*offered, wanted.model],
        "stream_url": stream_url(
            request.customer, page.tasks, news="1" if is_live else _newest(request)
        ),
    }
    return render(request, "tasks/list.html", context)


@require_safe
def task_totals(request: PortalRequest) -> HttpResponse:
    """What the filter of the URL finds, added up, however much it is."""
    if request.customer is None:
        raise Http404
    wanted = _wanted(request)
    totals = all_totals(Found(request.customer, wanted, request.user))
    return render(request, "tasks/_totals.html", {"totals": totals, "wanted": wanted})


@require_GET
def task_export(request: PortalRequest) -> StreamingHttpResponse:
    """What the filter of the URL finds as CSV."""
    if request.customer is None:
        raise Http404
    found = Found(request.customer, _wanted(request), request.user)
    answer = StreamingHttpResponse(csv_lines(found), content_type="text/csv; charset=utf-8")
    name = f"tasks-{timezone.now():%Y-%m-%d-%H%M}.csv"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _wanted(request: PortalRequest, offered: Collection[str] = ()) -> TaskFilter:
    """The filter of the URL. A model may be asked for if it is offered or was ordered once."""
    model = request.GET.get("model", "").replace("\x00", "")[:100]
    tasks = Task.objects.for_customer(request.customer)
    is_known = model in offered or (model and tasks.filter(video_model=model).exists())
    return read_filter(request.GET, [model] if is_known else [], zone_of(request))


def _neighbour(request: PortalRequest) -> Task | None:
    """The task that the page is asked for by; it is a page of that task's team."""
    number = request.GET.get("before") or request.GET.get("after")
    if not number:
        return None
    task: Task = get_object_or_404(tasks_of_theirs(request), public_id=_uuid_or_404(number))
    work_for_team_of(request, task)
    return task


def _page_beside(neighbour: Task | None, found: Found, request: PortalRequest) -> Page:
    if neighbour is None:
        return found.first_page()
    is_older = bool(request.GET.get("before"))
    return found.page_before(neighbour) if is_older else found.page_after(neighbour)


def _address(wanted: TaskFilter, sent: dict[str, str], page: Page) -> str:
    """The page's own address, with nothing in it that says nothing."""
    place = {name: sent[name] for name in ("before", "after") if sent.get(name)}
    query = urlencode(wanted.values | ({} if page.is_first else place))
    return reverse("task-list") + (f"?{query}" if query else "")


def _newest(request: PortalRequest) -> str:
    """The number of the customer's newest task; "0" where there is none."""
    newest = Task.objects.for_customer(request.customer).newest_first()
    return str(newest.values_list("public_id", flat=True).first() or 0)


def _uuid_or_404(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None
