"""The work lists as a filter of the admin's lists."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from midsync_portal.worklists import WORK_LISTS, work_list


class WorkListFilter(admin.SimpleListFilter):
    """What waits for support."""

    title = "work list"
    parameter_name = "list"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The lists of this page."""
        self.model = model_admin.opts.model_name
        return [(one.name, str(one.label)) for one in WORK_LISTS if one.model == self.model]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows of the chosen list."""
        chosen = work_list(self.value(), self.model)
        return queryset & chosen.rows() if chosen else queryset
