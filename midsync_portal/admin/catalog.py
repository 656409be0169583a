"""The catalogue for operators: what is offered to whom, and what MidSync and our rules say."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from midsync_portal.catalog import refresh_catalog
from midsync_portal.catalog.differences import compare
from midsync_portal.catalog.names import model_name
from midsync_portal.models import ModelOffer
from midsync_portal.people import may_operate
from midsync_portal.upstream import get_client

from .evidence import Filtered


class OfferForm(forms.ModelForm):
    """One override; its model is one that somebody knows."""

    class Meta:
        model = ModelOffer
        fields = ("video_model", "offered_to", "customers", "place", "note")

    def clean(self) -> dict[str, Any]:
        """Nobody is named by "only these customers" without any: say so instead of hiding it."""
        cleaned: dict[str, Any] = super().clean() or {}
        is_named = cleaned.get("offered_to") == ModelOffer.To.NAMED
        if is_named and not cleaned.get("customers"):
            self.add_error("customers", _("Name at least one customer, or choose nobody."))
        return cleaned


@admin.register(ModelOffer)
class ModelOfferAdmin(Filtered):
    """What operators decided about models; support reads it."""

    form = OfferForm
    list_display = ("video_model", "offered_to", "place", "note", "changed_at")
    list_filter = ("offered_to",)
    search_fields = ("video_model",)
    autocomplete_fields = ("customers",)
    radio_fields = {"offered_to": admin.VERTICAL}

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Operators."""
        return may_operate(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Operators."""
        return may_operate(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Operators: the model is offered as if nothing had been decided."""
        return may_operate(request.user)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A decision does not move to another model."""
        return ("video_model",) if obj else ()

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """A new decision is about a model that MidSync lists or that we know."""
        if db_field.name == "video_model":
            known = [(one.id, f"{one.label} ({one.id})") for one in compare().models]
            return forms.ChoiceField(choices=known, label=_("Model"))
        return super().formfield_for_dbfield(db_field, request, **options)

    def response_add(self, request: HttpRequest, obj: Any, *args: Any) -> HttpResponse:
        """Back to the catalogue."""
        return self._back(request, obj)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Back to the catalogue."""
        return self._back(request, obj)

    def _back(self, request: HttpRequest, offer: ModelOffer) -> HttpResponse:
        said = _("%(model)s is offered as you chose; open forms follow at their next request.")
        self.message_user(request, said % {"model": model_name(offer.video_model)})
        return HttpResponseRedirect(reverse("admin:catalog"))


def catalog_urls(site: AdminSite) -> list[URLPattern]:
    """The catalogue."""
    return [path("catalog/", site.admin_view(_page(site)), name="catalog")]


def _page(site: AdminSite) -> Callable[..., HttpResponse]:
    @require_http_methods(["GET", "HEAD", "POST"])
    def catalog(request: HttpRequest) -> HttpResponse:
        """Every model with what is decided about it; POST asks MidSync for its list now."""
        if not may_operate(request.user):
            raise PermissionDenied
        if request.method == "POST":
            if refresh_catalog(get_client()):
                messages.success(request, _("MidSync's list was read."))
            else:
                messages.error(request, _("MidSync gave no list that can be used; see the log."))
            return HttpResponseRedirect(reverse("admin:catalog"))
        comparison = compare()
        offers = {
            offer.video_model: offer for offer in ModelOffer.objects.prefetch_related("customers")
        }
        rows = [(model, offers.pop(model.id, None)) for model in comparison.models]
        context = {
            **site.each_context(request),
            "title": _("Catalogue"),
            "rows": sorted(rows, key=_place),
            "left_over": list(offers.values()),  # of models that nobody knows any more
            "read_at": comparison.read_at,
        }
        return render(request, "admin/catalog.html", context)

    return catalog


def _place(row: tuple[Any, ModelOffer | None]) -> tuple[bool, int]:
    """Models with a place first, as customers see them."""
    place = row[1].place if row[1] else None
    return place is None, place or 0
