"""One task of the active customer: its page, its row, and asking MidSync."""

from collections.abc import Sequence
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db.models import Prefetch
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_POST, require_safe

from midsync_portal import reconcile
from midsync_portal.models import Customer, Task, TaskEvent
from midsync_portal.stored_words import translated

from .requests import PortalRequest, tasks_of_theirs, work_for_team_of

STREAM_PATH = "/stream/"  # answered in asgi.py, so it has no view to reverse


@require_safe
def task_detail(request: PortalRequest, public_id: UUID) -> HttpResponse:
    """One task: video, settings, points, history."""
    task = _task_or_404(request, public_id)
    return render(request, "tasks/detail.html", {"task": task, "stream_url": detail_url(task)})


@require_safe
def task_row(request: PortalRequest, public_id: UUID) -> HttpResponse:
    """The row of one task, as lists show it."""
    return render(request, "tasks/_row.html", {"task": _task_or_404(request, public_id)})


@require_safe
def task_file(request: PortalRequest, public_id: UUID) -> HttpResponse:
    """Not here: `videos.door` serves files, and leaves to this view what there is none of."""
    raise Http404


@require_POST
def task_check(request: PortalRequest, public_id: UUID) -> HttpResponse:
    """Ask MidSync about one task now; answers what came of it, in a sentence."""
    task = _task_or_404(request, public_id)
    said = translated(reconcile.reconcile_task(task, actor=request.user, reason="customer asked"))
    if not request.htmx:
        messages.info(request, said)
        return redirect(task)
    task = _task_or_404(request, public_id)
    changed = "".join(
        render_to_string(f"tasks/_{name}.html", {"task": task, "oob": True})
        for name in ("status", "video", "timeline")
    )
    answer = render_to_string("tasks/_check.html", {"task": task, "said": said}, request)
    return HttpResponse(answer + changed)


def stream_url(customer: Customer, tasks: Sequence[Task], *, news: str) -> str:
    """Where a page hears of changes to its rows, and of new tasks of the customer.

    `news`: "1" for new rows on top; the number of the newest task that the page could know of
    (or "0": none) where newer ones are only counted.
    """
    rows = ",".join(str(task.public_id) for task in tasks)
    query = {"team": customer.pk, "rows": rows, "list": news}
    return f"{STREAM_PATH}?{urlencode(query, safe=',')}"


def detail_url(task: Task) -> str:
    """Where the page of one task hears of its changes."""
    return f"{STREAM_PATH}?{urlencode({'team': task.customer_id, 'detail': task.public_id})}"


def columns_url(tasks: Sequence[Task]) -> str:
    """Where a page with tasks of one team next to each other hears of their changes."""
    columns = ",".join(str(task.public_id) for task in tasks)
    query = {"team": tasks[0].customer_id, "columns": columns}
    return f"{STREAM_PATH}?{urlencode(query, safe=',')}"


def _task_or_404(request: PortalRequest, public_id: UUID) -> Task:
    history = Prefetch("events", TaskEvent.objects.select_related("actor"))
    tasks = tasks_of_theirs(request).select_related("ordered_by", "based_on")
    task: Task = get_object_or_404(tasks.prefetch_related(history), public_id=public_id)
    work_for_team_of(request, task)
    return task
