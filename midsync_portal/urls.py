"""Every URL of the portal, in reading order.

`/healthz`, `/readyz`, `/stream/` and the files of tasks are answered behind asgi.py.
"""

from collections.abc import Iterable
from uuid import UUID

from django.contrib import admin
from django.urls import include, path, register_converter
from django.urls.converters import UUIDConverter

from . import callbacks, languages, views
from .comparison import MODELS_MAX


class TaskNumbers:
    """A few task numbers with commas between them, in their order, each once."""

    regex = f"{UUIDConverter.regex}(?:,{UUIDConverter.regex}){{0,{MODELS_MAX - 1}}}"

    def to_python(self, value: str) -> tuple[UUID, ...]:
        """The numbers in a path."""
        return tuple(dict.fromkeys(map(UUID, value.split(","))))

    def to_url(self, value: Iterable[UUID]) -> str:
        """The path of these numbers."""
        return ",".join(map(str, value))


register_converter(TaskNumbers, "uuids")

urlpatterns = [
    path("", views.task_new, name="task-new"),
    path("parameters/", views.task_parameters, name="task-parameters"),
    path("quote/", views.task_quote, name="task-quote"),
    path("compare/", views.compare, name="compare"),
    path("compare/<uuids:public_ids>/", views.compare_results, name="compare-results"),
    path("tasks/", views.task_list, name="task-list"),
    path("tasks/totals/", views.task_totals, name="task-totals"),
    path("tasks/export/", views.task_export, name="task-export"),
    path("tasks/chosen/", views.tasks_chosen, name="tasks-chosen"),
    path("tasks/download/", views.tasks_download, name="tasks-download"),
    path("tasks/<uuid:public_id>/", views.task_detail, name="task-detail"),
    path("tasks/<uuid:public_id>/row/", views.task_row, name="task-row"),
    path("tasks/<uuid:public_id>/check/", views.task_check, name="task-check"),
    path("tasks/<uuid:public_id>/video/", views.task_file, name="task-video"),
    path("tasks/<uuid:public_id>/poster/", views.task_file, name="task-poster"),
    path("notifications/", views.notices, name="notices"),
    path("team/", views.switch_customer, name="customer-switch"),
    path("callbacks/", callbacks.receive_account_callback, name="callback-account"),
    path(
        "callbacks/<uuid:public_id>/<str:token>/",
        callbacks.receive_callback,
        name="callback-receive",
    ),
    path("language/", languages.choose, name="language"),
    path("csp-report/", views.csp_report, name="csp-report"),
    path("metrics", views.metrics, name="metrics"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]

handler404 = "midsync_portal.views.errors.not_found"
handler500 = "midsync_portal.views.errors.server_error"
