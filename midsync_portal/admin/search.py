"""The one box of the admin: an exact id opens its task, everything else becomes a list."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from midsync_portal.models import Task
from midsync_portal.search import FOUND_MAX, find

TERM_SHOWN = 200  # characters


def search_tasks(tasks: QuerySet[Task], term: str) -> QuerySet[Task]:
    """What the list of tasks shows for a term."""
    return tasks.filter(pk__in=find(term).tasks) if term.strip() else tasks


def search_page(request: HttpRequest, site: admin.AdminSite) -> HttpResponse:
    """Look a term up; for who may view tasks."""
    if not request.user.has_perm("midsync_portal.view_task"):
        return HttpResponse("Not allowed.", status=403, content_type="text/plain")
    term = request.GET.get("q", "").replace("\x00", "").strip()
    found = find(term)
    if found.exact:
        return HttpResponseRedirect(reverse("admin:midsync_portal_task_change", args=[found.exact]))
    tasks = Task.objects.filter(pk__in=found.tasks).select_related("customer", "ordered_by")
    context = {
        **site.each_context(request),
        "title": "Search",
        "term": term[:TERM_SHOWN],
        "found": found,
        "found_max": FOUND_MAX,
        "tasks": tasks.newest_first(),
    }
    return render(request, "admin/midsync_portal/search.html", context)
