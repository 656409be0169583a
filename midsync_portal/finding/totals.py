"""What was found, added up; at once where it is little, else only when somebody asks for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Sum

from midsync_portal.models.tasks import TaskQuerySet

from . import pages
from .pages import Found, Page, Points


@dataclass(frozen=True)
class Totals:
    """How many tasks and how many points; without `is_all` they are not known."""

    count: int
    quoted: Decimal
    charged: Decimal
    is_all: bool = True


UNKNOWN = Totals(0, Decimal(0), Decimal(0), is_all=False)


def quick_totals(found: Found, page: Page) -> Totals:
    """The totals of at most `AT_ONCE` tasks, in bounded time; `page` is one of what was found."""
    if page.is_first and page.older is None:
        return _sum([(task.points_quoted, task.points_charged) for task in page.tasks])
    if page.points is not None:
        totals = _sum(page.points)
    elif page.is_few:
        totals = _add_up(found.all(is_few=True)[: pages.AT_ONCE + 1])
    else:
        totals = UNKNOWN
    return totals if totals.count <= pages.AT_ONCE else UNKNOWN


def all_totals(found: Found) -> Totals:
    """The totals of everything, however long that takes."""
    return _add_up(found.all(is_few=found.first_page().is_few))


def _sum(points: Sequence[Points]) -> Totals:
    quoted, charged = (
        sum((each for each in column if each is not None), Decimal(0))
        for column in (zip(*points, strict=True) if points else ((), ()))
    )
    return Totals(len(points), quoted, charged)


def _add_up(tasks: TaskQuerySet) -> Totals:
    sums = tasks.aggregate(
        count=Count("pk"), quoted=Sum("points_quoted"), charged=Sum("points_charged")
    )
    return Totals(sums["count"], sums["quoted"] or Decimal(0), sums["charged"] or Decimal(0))
