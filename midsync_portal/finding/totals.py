"""What was found, added up; at once where it is little, else only when somebody asks for it."""

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Sum

from midsync_portal.models.tasks import TaskQuerySet

from .pages import Found, Page

AT_ONCE = 1_000  # tasks that a page adds up; what is more arrives after it


@dataclass(frozen=True)
class Totals:
    """How many tasks and how many points; without `is_all` they are not known."""

    count: int
    quoted: Decimal
    charged: Decimal
    is_all: bool = True


def quick_totals(found: Found, page: Page) -> Totals:
    """The totals of at most `AT_ONCE` tasks, in bounded time; `page` is one of what was found."""
    if page.is_first and page.older is None:
        quoted, charged = (
            sum((points for task in page.tasks if (points := getattr(task, name))), Decimal(0))
            for name in ("points_quoted", "points_charged")
        )
        return Totals(len(page.tasks), quoted, charged)
    if page.is_few:
        totals = _add_up(found.all(is_few=True)[: AT_ONCE + 1])
        if totals.count <= AT_ONCE:
            return totals
    return Totals(0, Decimal(0), Decimal(0), is_all=False)


def all_totals(found: Found) -> Totals:
    """The totals of everything, however long that takes."""
    return _add_up(found.all(is_few=found.first_page().is_few))


def _add_up(tasks: TaskQuerySet) -> Totals:
    sums = tasks.aggregate(
        count=Count("pk"), quoted=Sum("points_quoted"), charged=Sum("points_charged")
    )
    return Totals(sums["count"], sums["quoted"] or Decimal(0), sums["charged"] or Decimal(0))
