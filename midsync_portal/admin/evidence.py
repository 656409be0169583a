"""Tables that are evidence: everybody of support reads them, nobody edits them."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.paginator import Paginator
from django.db import DataError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

COUNTED_MAX = 5_000  # rows


class Filtered(admin.ModelAdmin):
    """A list whose filters come from the URL: what makes no sense there is told, not a crash."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Everything but patterns: a wrong one is an error, a bad one takes for ever."""
        is_pattern = lookup.rpartition("__")[2] in ("regex", "iregex")
        return not is_pattern and super().lookup_allowed(lookup, value, request)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list, or Django's way to say that its filters are wrong."""
        try:
            return super().get_changelist_instance(request)
        except (ValueError, OverflowError, DataError) as error:
            raise IncorrectLookupParameters(error) from error


class ReadOnly:
    """No adding, changing or deleting, for anybody."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False


class BoundedPaginator(Paginator):
    """Counts no further than anybody turns pages: counting all of a large table takes long."""

    @cached_property
    def count(self) -> int:
        """How many rows there are, up to `COUNTED_MAX`."""
        rows: QuerySet[Any] = self.object_list[:COUNTED_MAX]  # type: ignore[assignment]
        return rows.count()


class EvidenceAdmin(ReadOnly, Filtered):
    """A page of evidence; actions are verbs, so whoever may see may use them."""

    list_per_page = 50
    paginator = BoundedPaginator
    show_full_result_count = False  # counting a large table costs more than finding a row
