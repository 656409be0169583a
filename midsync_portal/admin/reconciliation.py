"""Comparisons with MidSync's usage logs: on demand for a period, as CSV, and what they found."""

import csv
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from midsync_portal.models import Reconciliation, UsageFinding, User
from midsync_portal.reconciliation import PERIOD_MAX, handle_finding, reconcile_period

from .evidence import EvidenceAdmin
from .verbs import verb
from .worklists import WorkListFilter

CSV_FIELDS = ("kind", "task", "row", "model", "at", "ours", "theirs", "handled")


class PeriodForm(forms.Form):
    """Which days to compare, both included, in UTC."""

    first = forms.DateField(label=_("From"), widget=forms.DateInput(attrs={"type": "date"}))
    last = forms.DateField(label=_("To and with"), widget=forms.DateInput(attrs={"type": "date"}))

    def clean(self) -> dict[str, Any]:
        """A period that is one, and not too long."""
        fields = super().clean() or {}
        first, last = fields.get("first"), fields.get("last")
        if first and last and not timedelta(0) <= last - first < PERIOD_MAX:
            days = PERIOD_MAX.days
            raise forms.ValidationError(
                _("Choose up to %(days)s days; the last not before the first."),
                params={"days": days},
            )
        return fields

    def period(self) -> tuple[datetime, datetime]:
        """From the first midnight to the one after the last day."""
        first, last = self.cleaned_data["first"], self.cleaned_data["last"]
        return _midnight(first), _midnight(last) + timedelta(days=1)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


@admin.register(Reconciliation)
class ReconciliationAdmin(EvidenceAdmin):
    """What each comparison came to."""

    list_display = (
        "__str__",
        "made_at",
        "who",
        "matched",
        "different",
        "only_ours",
        "only_theirs",
        "ours",
        "charged",
        "returned",
        "net",
        "error",
    )
    list_select_related = ("actor",)
    fields = (
        "from_at",
        "to_at",
        "made_at",
        "who",
        "error",
        ("matched", "different", "only_ours", "only_theirs"),
        ("ours", "charged", "returned", "net"),
    )
    readonly_fields = ("who", "net")

    def get_urls(self) -> list[URLPattern]:
        """The usual pages, the form for a period, and a comparison as CSV."""
        view = self.admin_site.admin_view
        return [
            path("compare/", view(self.compare_view), name="support_compare"),
            path("<int:object_id>/csv/", view(self.csv_view), name="support_compare_csv"),
            *super().get_urls(),
        ]

    def compare_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a period; compare it."""
        if not self.has_view_permission(request):
            return HttpResponse("Not allowed.", status=403, content_type="text/plain")
        yesterday = timezone.now().date() - timedelta(days=1)
        first_shown = {"first": yesterday, "last": yesterday}
        form = PeriodForm(request.POST if request.method == "POST" else None, initial=first_shown)
        if form.is_bound and form.is_valid():
            made = reconcile_period(*form.period(), actor=cast(User, request.user))
            name = "admin:midsync_portal_reconciliation_change"
            return HttpResponseRedirect(reverse(name, args=[made.pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Compare with MidSync's usage logs"),
            "form": form,
            "opts": self.opts,
        }
        page = "admin/midsync_portal/compare.html"
        return render(request, page, context, status=422 if form.is_bound else 200)

    def csv_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """What a comparison found, and its totals at the end."""
        if not self.has_view_permission(request):
            return HttpResponse("Not allowed.", status=403, content_type="text/plain")
        made = get_object_or_404(Reconciliation, pk=object_id)
        answer = HttpResponse(content_type="text/csv; charset=utf-8")
        name = f"reconciliation-{made.from_at:%Y-%m-%d}-{made.to_at:%Y-%m-%d}.csv"
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        rows = csv.writer(answer)
        rows.writerow(CSV_FIELDS)
        for one in made.findings.select_related("task").order_by("at", "pk"):
            cells: list[object] = [
                one.get_kind_display(),
                one.task or "",
                one.log_id,
                one.video_model,
            ]
            cells += [one.at.isoformat() if one.at else "", one.ours, one.theirs, one.handled_at]
            rows.writerow([_cell(cell) for cell in cells])
        rows.writerow([])
        for total in ("matched", "different", "only_ours", "only_theirs"):
            rows.writerow([total, getattr(made, total)])
        for total in ("ours", "charged", "returned", "net"):
            rows.writerow([total, f"{getattr(made, total):f}"])
        return answer

    @admin.display(description="by")
    def who(self, made: Reconciliation) -> str:
        """Who asked for it."""
        return str(made.actor) if made.actor else str(_("the worker, by night"))

    @admin.display(description="net")
    def net(self, made: Reconciliation) -> str:
        """Charged minus returned, in points."""
        return f"{made.net:f}"


def _cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


@admin.register(UsageFinding)
class UsageFindingAdmin(EvidenceAdmin):
    """What did not agree; each waits until somebody has cleared it up."""

    list_display = ("__str__", "kind", "task", "video_model", "at", "ours", "theirs", "handled_by")
    list_select_related = ("task", "handled_by")
    list_filter = (WorkListFilter, "kind")
    actions = (
        verb(
            "dealt_with",
            "Dealt with",
            handle_finding,
            "The findings leave the work list. Say what came of it.",
        ),
    )
