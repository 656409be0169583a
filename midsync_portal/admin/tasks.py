"""Tasks, their history and their prices, as support reads them."""

from functools import partial
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path
from django.utils.text import Truncator

from midsync_portal import support
from midsync_portal.callbacks import preview, replay
from midsync_portal.catalog import get_catalog
from midsync_portal.catalog.names import model_name
from midsync_portal.models import CallbackDelivery, Quote, Task, TaskEvent, User
from midsync_portal.points import receipt_of
from midsync_portal.reconcile import reconcile_task
from midsync_portal.videos import fetch_again
from midsync_portal.wording import task_title

from .evidence import EvidenceAdmin
from .record import record_page
from .search import search_page, search_tasks
from .verbs import ReasonForm, verb
from .worklists import WorkListFilter


class ModelFilter(admin.SimpleListFilter):
    """The model, of those that can be ordered now; asking the table for all takes long."""

    title = "model"
    parameter_name = "model"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """What can be ordered."""
        return [(one.id, model_name(one.id)) for one in get_catalog().models]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Task]) -> QuerySet[Task]:
        """The tasks of the chosen model."""
        return queryset.filter(video_model=self.value()) if self.value() else queryset


def replay_all(task: Task, actor: User, reason: str) -> str:
    """Reprocess every callback of a task; one sentence for all."""
    deliveries = _in_order(task)
    if not deliveries:
        return "no callback has come for it."
    replayed = [replay(delivery, actor, reason) for delivery in deliveries]
    news = [str(one) for one in replayed if one.changes or one.failed] or [str(replayed[-1])]
    return f"{len(replayed)} reprocessed. {' '.join(news)}"


def _in_order(task: Task) -> list[CallbackDelivery]:
    return list(task.deliveries.order_by("received_at", "pk"))


class NumberForm(ReasonForm):
    """Which of MidSync's tasks a task of ours is."""

    midsync_task_id = forms.CharField(max_length=200, label="MidSync's number")
    field_order = ("midsync_task_id", "reason")


@admin.register(Task)
class TaskAdmin(EvidenceAdmin):
    """The record of one task, and the verbs."""

    list_display = (
        "created_at",
        "status",
        "what",
        "who",
        "points",
        "needs_review",
        "public_id",  # support.js reads here which tasks are shown
    )
    list_display_links = ("created_at", "what")
    list_select_related = ("customer", "ordered_by")
    list_filter = (WorkListFilter, "status", ModelFilter)
    ordering = ("-created_at", "-pk")
    search_fields = ("public_id",)  # shows the box; `search_tasks` answers it
    search_help_text = "Task number or link, MidSync id, provider id, e-mail, or words of a prompt"
    date_hierarchy = None
    actions = (
        verb(
            "ask_midsync",
            "Ask MidSync now",
            lambda task, actor, reason: reconcile_task(task, actor=actor, reason=reason),
            "MidSync's status endpoint is asked about each task. Nothing is sent again.",
        ),
        verb(
            "reprocess",
            "Reprocess callbacks",
            replay_all,
            "Every callback of each task is applied once more. A second time changes nothing.",
            preview=lambda task: preview(_in_order(task)),
        ),
        verb(
            "link_to_midsync",
            "Link to MidSync's number",
            support.link_to_midsync,
            "MidSync is asked about this number, and the task takes what it answers. Choose one "
            "task only. Nothing is sent again.",
            asks=NumberForm,
        ),
        verb(
            "no_charge_found",
            "No charge found",
            support.no_charge_found,
            "Unconfirmed tasks become refused, with the words that nothing was charged. Look into "
            "MidSync's usage logs first.",
        ),
        verb(
            "give_up",
            "Give up",
            support.give_up,
            "Tasks that wait for MidSync become failed; a video that still comes counts. What is "
            "not known to be charged is marked as unknown.",
        ),
        verb(
            "review_done",
            "Review done",
            support.review_done,
            "The tasks leave the list of those that need a review. Nothing else changes.",
        ),
        verb(
            "dealt_with",
            "Dealt with",
            support.dealt_with,
            "Failed tasks, and those whose charge differs from the quote, leave their work lists. "
            "Nothing else changes.",
        ),
        verb(
            "add_note",
            "Add a note",
            support.add_note,
            "What you write stands in the history, with your name. Customers never see it.",
        ),
        verb(
            "fetch_again",
            "Fetch the video again",
            fetch_again,
            "MidSync is asked for a fresh link, and the worker makes our copy of each video anew. "
            "What is saved already stays until the new copy is there.",
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        """The usual pages, and the one search."""
        site = self.admin_site
        searching = site.admin_view(partial(search_page, site=site))
        as_customer = site.admin_view(self.as_customer_view)
        return [
            path("search/", searching, name="support_search"),
            path("<int:object_id>/as-customer/", as_customer, name="support_as_customer"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The record, for reading."""
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        task = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, task):
            raise PermissionDenied
        if task is None:
            raise Http404
        return record_page(request, task, self.admin_site)

    def as_customer_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The customer's page of a task, without its buttons; the look stands in the history."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        history = Prefetch("events", TaskEvent.objects.select_related("actor"))
        tasks = Task.objects.select_related("customer", "ordered_by").prefetch_related(history)
        task = get_object_or_404(tasks, pk=object_id)
        if not self.has_view_permission(request, task):
            raise PermissionDenied
        support.note_look(task, cast(User, request.user))
        return render(request, "admin/midsync_portal/as_customer.html", {"task": task})

    def get_queryset(self, request: HttpRequest) -> QuerySet[Task]:
        """With who ordered, whom every page names."""
        return super().get_queryset(request).select_related("customer", "ordered_by")

    @admin.display(description="task")
    def what(self, task: Task) -> str:
        """The prompt and the model."""
        return f"{Truncator(task_title(task)).chars(60)} · {model_name(task.video_model)}"

    @admin.display(description="customer")
    def who(self, task: Task) -> str:
        """The team, and who ordered."""
        return f"{task.customer}, {task.ordered_by}"

    @admin.display(description="points", ordering="points_charged")
    def points(self, task: Task) -> str:
        """Quoted and charged, in words."""
        return str(receipt_of(task))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Task], search_term: str
    ) -> tuple[QuerySet[Task], bool]:
        """Exact ids first, then e-mail, then words."""
        return search_tasks(queryset, search_term), False


@admin.register(TaskEvent)
class TaskEventAdmin(EvidenceAdmin):
    """All events, newest first."""

    list_display = ("created_at", "task", "kind", "source", "status_after", "reason", "actor")
    list_select_related = ("task", "actor")
    list_filter = ("kind", "source")
    ordering = ("-pk",)


@admin.register(Quote)
class QuoteAdmin(EvidenceAdmin):
    """Prices that customers saw."""

    list_display = ("created_at", "customer", "video_model", "points")
    list_select_related = ("customer",)
    ordering = ("-pk",)  # by time as well, and by an index
