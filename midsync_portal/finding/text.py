"""Looking for a piece of text in prompts and numbers, in any language: contains, nothing cleverer.

On PostgreSQL an index of all characters and pairs of neighbours leads to the few tasks of a
customer that can contain it, so two characters of Japanese are found as fast as an English word.
The functions are made by the migration 0012_finding, and for SQLite by `sqlite.base`.
"""

from django.db import connection
from django.db.models import F, Func, Q, TextField, Value
from django.db.models.expressions import RawSQL
from django.db.models.lookups import Contains

from midsync_portal.models import Customer
from midsync_portal.models.tasks import TaskQuerySet

NEEDLE_MAX = 200  # characters
# OFFSET 0 keeps the planner from asking row by row what only the index knows at once.
CANDIDATES = """
    SELECT id FROM midsync_portal_task WHERE portal_grams(
        portal_findable(prompt, midsync_task_id, provider_task_id, public_id), customer_id
    ) @> portal_needle(portal_fold(%s), %s) OFFSET 0
"""


def containing(tasks: TaskQuerySet, needle: str) -> TaskQuerySet:
    """Those whose prompt or numbers contain this text, in any case; reads them all."""
    columns = map(F, ("prompt", "midsync_task_id", "provider_task_id", "public_id"))
    text = Func(*columns, function="portal_findable", output_field=TextField())
    folded = Func(Value(needle), function="portal_fold", output_field=TextField())
    return tasks.filter(Q(Contains(text, folded)))


def containing_few(tasks: TaskQuerySet, needle: str, customer: Customer) -> TaskQuerySet:
    """The same of one customer's tasks, by the index where there is one: quick if they are few."""
    if connection.vendor == "postgresql":
        tasks = tasks.filter(pk__in=RawSQL(CANDIDATES, [needle, customer.pk]))  # noqa: S611 - ours
    return containing(tasks, needle)
