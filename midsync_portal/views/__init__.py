"""The browser's door: load through the customer, one verb, one answer.

A view answers one thing. Only a POST looks whether htmx asks: it then answers the fragment, and
a redirect or the whole page to everyone else.
"""

from .choosing import tasks_chosen, tasks_download
from .comparing import compare, compare_results
from .finding import task_export, task_list, task_totals
from .metrics import metrics
from .notices import notices
from .people import csp_report, switch_customer
from .studio import task_new, task_parameters, task_quote
from .tasks import task_check, task_detail, task_file, task_row

__all__ = [
    "compare",
    "compare_results",
    "csp_report",
    "metrics",
    "notices",
    "switch_customer",
    "task_check",
    "task_detail",
    "task_export",
    "task_file",
    "task_list",
    "task_new",
    "task_parameters",
    "task_quote",
    "task_row",
    "task_totals",
    "tasks_chosen",
    "tasks_download",
]
