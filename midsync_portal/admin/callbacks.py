"""The inbox, as support reads it, and the page that replays one delivery."""

from contextlib import suppress
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse

from midsync_portal.callbacks import preview, replay
from midsync_portal.models import CallbackDelivery, User
from midsync_portal.support import set_aside

from .evidence import EvidenceAdmin
from .verbs import ReasonForm, verb
from .worklists import WorkListFilter

BODY_SHOWN = 20_000  # characters


def replay_in_words(delivery: CallbackDelivery, actor: User, reason: str) -> str:
    """Replay one delivery; one sentence of what came."""
    return str(replay(delivery, actor, reason))


@admin.register(CallbackDelivery)
class CallbackDeliveryAdmin(EvidenceAdmin):
    """What MidSync posted, exactly as it came."""

    list_display = (
        "received_at",
        "state",
        "outcome",
        "task",
        "named_task",
        "is_hint",
        "repeats",
        "tries",
        "body_size",
    )
    list_select_related = ("task",)
    list_filter = (WorkListFilter, "state", "is_hint")
    search_fields = ("body_sha256",)  # shows the box; `get_search_results` answers it
    search_help_text = "Task number, MidSync id, provider id, or the SHA-256 of a body"
    exclude = ("body",)
    readonly_fields = ("body_as_text",)
    actions = (
        verb(
            "reprocess",
            "Replay",
            replay_in_words,
            "Each callback is applied once more. A second time changes nothing.",
            preview=lambda delivery: preview([delivery]),
        ),
        verb(
            "set_aside",
            "Set aside",
            set_aside,
            "Callbacks that fit no task, or that could not be applied, leave their work lists. "
            "What was received is kept.",
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        """The usual pages, and the replay of one delivery."""
        name = "midsync_portal_callbackdelivery_replay"
        replaying = self.admin_site.admin_view(self.replay_view)
        return [path("<int:object_id>/replay/", replaying, name=name), *super().get_urls()]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[CallbackDelivery], search_term: str
    ) -> tuple[QuerySet[CallbackDelivery], bool]:
        """By whole ids only: each is one look-up."""
        term = search_term.replace("\x00", "").strip()
        if not term:
            return queryset, False
        found = Q(body_sha256=term.lower()) | Q(midsync_task_id=term) | Q(provider_task_id=term)
        found |= Q(task__midsync_task_id=term) | Q(task__provider_task_id=term)
        with suppress(ValueError):
            found |= Q(task__public_id=UUID(term)) | Q(named_task=UUID(term))
        return queryset.filter(found), False

    def replay_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show what a replay would change and ask for a reason; then replay."""
        delivery = get_object_or_404(CallbackDelivery, pk=object_id)
        if not self.has_view_permission(request, delivery):
            return HttpResponse("Not allowed.", status=403, content_type="text/plain")
        form = ReasonForm(request.POST if request.method == "POST" else None)
        page = reverse("admin:midsync_portal_callbackdelivery_change", args=[delivery.pk])
        if form.is_valid():
            actor, reason = request.user, form.cleaned_data["reason"]
            replayed = replay(delivery, actor, reason)  # type: ignore[arg-type]  # logged in
            # An orphan has no task whose history could tell it.
            self.log_change(request, delivery, f"Replayed: {replayed} Reason: {reason}")
            level = messages.ERROR if replayed.failed else messages.INFO
            self.message_user(request, str(replayed), level)
            return HttpResponseRedirect(page)
        context = {
            **self.admin_site.each_context(request),
            "title": "Replay a callback",
            "delivery": delivery,
            "preview": preview([delivery]),
            "form": form,
            "page": page,
            "opts": self.model._meta,
        }
        status = 422 if form.is_bound else 200
        return render(request, "admin/midsync_portal/replay.html", context, status=status)

    @admin.display(description="body")
    def body_as_text(self, delivery: CallbackDelivery) -> str:
        """The body; bytes that are no text show as replacement characters."""
        text = bytes(delivery.body).decode("utf-8", errors="replace")
        return text[:BODY_SHOWN] + (" …" if len(text) > BODY_SHOWN else "")
