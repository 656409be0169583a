"""Pages that stay put: each begins after or ends before a task, so new rows shift nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db.models import Q

from midsync_portal.models import Customer, Task, User
from midsync_portal.models.tasks import TaskQuerySet

from .filters import TaskFilter
from .text import containing, containing_few

PAGE_SIZE = 25
NEAR = 1_000  # tasks that are looked into without the index of texts
AT_ONCE = 1_000  # tasks that a page adds up; what is more is added up after it

NEWEST_FIRST = ("-created_at", "-pk")

Points = tuple[Decimal | None, Decimal | None]  # quoted and charged


@dataclass(frozen=True)
class Page:
    """Tasks, the newest first, and the numbers of the tasks between which other pages are.

    `is_few`: what is looked for is rare, so that all of it can be read at once. `points`: of what
    was read together with a first page, at most one more than `AT_ONCE`; None: of nothing.
    """

    tasks: list[Task]
    newer: UUID | None = None  # newer tasks end before this one
    older: UUID | None = None  # older tasks begin after this one
    is_few: bool = True
    points: Sequence[Points] | None = None

    @property
    def is_first(self) -> bool:
        """Whether it begins with the newest that was found."""
        return self.newer is None


class Found:
    """The tasks of a customer that fit a filter."""

    def __init__(self, customer: Customer, wanted: TaskFilter, user: User) -> None:
        """`user` is who asks, and whose tasks "mine" are."""
        self._customer = customer
        self._needle = wanted.q
        self._tasks = wanted.narrow(Task.objects.for_customer(customer), user)

    def all(self, *, is_few: bool) -> TaskQuerySet:
        """All of them, in no order; `is_few` as one of the pages says."""
        if not self._needle:
            return self._tasks
        if not is_few:
            return containing(self._tasks, self._needle)
        return containing_few(self._tasks, self._needle, self._customer)

    def first_page(self) -> Page:
        """The newest."""
        tasks = self._near(self._tasks, *NEWEST_FIRST)
        if self._needle and len(tasks) <= PAGE_SIZE:
            return self._first_page_of_few()
        return Page(tasks[:PAGE_SIZE], older=_last(tasks), is_few=not self._needle)

    def page_before(self, place: Task) -> Page:
        """The next ones that are older than this task, which need not be among them."""
        tasks, is_few = self._take(older_than(self._tasks, place), *NEWEST_FIRST)
        newer = tasks[0].public_id if tasks else place.public_id
        return Page(tasks[:PAGE_SIZE], newer, _last(tasks), is_few)

    def page_after(self, place: Task) -> Page:
        """Those just newer than this task; the first page where that is all there is above."""
        newer = self._tasks.filter(created_at__gte=place.created_at).filter(
            Q(created_at__gt=place.created_at) | Q(created_at=place.created_at, pk__gt=place.pk)
        )
        tasks, is_few = self._take(newer, "created_at", "pk")
        if len(tasks) <= PAGE_SIZE:
            return self.first_page()
        tasks = tasks[:PAGE_SIZE][::-1]
        return Page(tasks, tasks[0].public_id, tasks[-1].public_id, is_few)

    def _first_page_of_few(self) -> Page:
        """The search is dear and what it finds is little: one serves the page and its totals."""
        few = containing_few(self._tasks, self._needle, self._customer).order_by(*NEWEST_FIRST)
        rows = list(few.values_list("pk", "points_quoted", "points_charged")[: AT_ONCE + 1])
        keys = [key for key, *_ in rows[: PAGE_SIZE + 1]]
        by_key = Task.objects.in_bulk(keys)
        tasks = [by_key[key] for key in keys if key in by_key]
        points = [(quoted, charged) for _, quoted, charged in rows]
        return Page(tasks[:PAGE_SIZE], older=_last(tasks), points=points)

    def _take(self, tasks: TaskQuerySet, *order: str) -> tuple[list[Task], bool]:
        """One more than a page of them, and whether a text that is looked for is rare."""
        found = self._near(tasks, *order)
        if not self._needle or len(found) > PAGE_SIZE:
            return found, not self._needle
        few = containing_few(tasks, self._needle, self._customer)
        return list(few.order_by(*order)[: PAGE_SIZE + 1]), True

    def _near(self, tasks: TaskQuerySet, *order: str) -> list[Task]:
        """Up to one more than a page; a frequent text fills it, a rare one is left to the index."""
        tasks = tasks.order_by(*order)
        if not self._needle:
            return list(tasks[: PAGE_SIZE + 1])
        near = Task.objects.filter(pk__in=tasks.values("pk")[:NEAR]).order_by(*order)
        return list(containing(near, self._needle)[: PAGE_SIZE + 1])


def older_than(tasks: TaskQuerySet, place: Task) -> TaskQuerySet:
    """Those that come after this task in a list."""
    # The first condition follows from the second, but only it tells an index where to begin.
    return tasks.filter(created_at__lte=place.created_at).filter(
        Q(created_at__lt=place.created_at) | Q(created_at=place.created_at, pk__lt=place.pk)
    )


def _last(tasks: list[Task]) -> UUID | None:
    return tasks[PAGE_SIZE - 1].public_id if len(tasks) > PAGE_SIZE else None
