"""Verbs of support: an action that first asks for a reason, then says what came of each row."""

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME as CHOSEN
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

Verb = Callable[..., str]
ROWS_MAX = 50


class ReasonForm(forms.Form):
    """Why support does this; it stands in the task's history beside the name."""

    reason = forms.CharField(
        max_length=300,
        widget=forms.TextInput(attrs={"size": 60, "autofocus": True}),
        help_text="For example: the customer asked, ticket 4711.",
    )


def verb(
    name: str,
    label: str,
    do: Verb,
    sentence: str,
    *,
    asks: type[ReasonForm] = ReasonForm,
    preview: Callable[[Any], Any] = lambda row: "",
    permission: str = "view",
) -> Callable[..., HttpResponse | None]:
    """An admin action that asks for a reason and then calls `do(row, user, reason=…)` on each row.

    `do` gives one sentence of what came out; it is shown for each row. `asks` is the form; what
    it asks for beside the reason is given to `do` by name. `preview(row)`, shown beside the row
    before, says what would come out. `permission` is what one needs for it.
    """

    @admin.action(description=label, permissions=[permission])
    def action(
        modeladmin: admin.ModelAdmin, request: HttpRequest, rows: QuerySet[Any]
    ) -> HttpResponse | None:
        chosen: Iterable[Model] = list(rows[:ROWS_MAX])
        form = asks(request.POST if "reason" in request.POST else None)
        if form.is_bound and form.is_valid():
            for row in chosen:
                said = do(row, request.user, **form.cleaned_data)
                modeladmin.log_change(
                    request, row, f"{label}: {said} {form.cleaned_data['reason']}"
                )
                modeladmin.message_user(request, f"{row}: {said}", messages.INFO)
            if "from_record" in request.POST:
                page = f"admin:{modeladmin.opts.app_label}_{modeladmin.opts.model_name}_change"
                return HttpResponseRedirect(reverse(page, args=[request.POST[CHOSEN]]))
            return None
        context = {
            **modeladmin.admin_site.each_context(request),
            "title": label,
            "sentence": sentence,
            "rows": [(row, preview(row)) for row in chosen],
            "form": form,
            "action": name,
            "checkbox": CHOSEN,
            "from_record": "from_record" in request.POST,
            "opts": modeladmin.model._meta,
        }
        return render(request, "admin/midsync_portal/reason.html", context)

    action.__name__ = name
    return action
