"""One search for tasks: exact ids first, one index each; then e-mail; then words of a prompt."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Lower

from midsync_portal.models import Customer, Task, User

from .indexing import index_new_prompts, keep_index
from .words import FOUND_MAX, find_by_words

__all__ = ["FOUND_MAX", "Found", "find", "index_new_prompts", "keep_index"]

ADMIN_LINK = re.compile(r"/task/(\d{1,18})(?:/|$)")
UUID_IN_TEXT = re.compile(r"[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
ID_MAX = 200  # characters


@dataclass(frozen=True)
class Found:
    """What a term means: `by` id, e-mail or words; primary keys of tasks, the newest first."""

    by: str
    tasks: tuple[int, ...] = ()
    person: User | None = None
    customers: tuple[Customer, ...] = ()
    is_all: bool = True

    @property
    def exact(self) -> int | None:
        """The one task that an id names."""
        return self.tasks[0] if self.by == "id" and len(self.tasks) == 1 else None


def find(term: str) -> Found:
    """The tasks that a number, link, MidSync id, provider id, e-mail address or words mean.

    Takes any text; never raises, and its number of queries does not grow with the tables.
    """
    term = term.encode("utf-8", "replace").decode().replace("\x00", "").strip()
    if not term:
        return Found("words")
    for exact in _exact(term):
        if tasks := Task.objects.filter(exact).order_by("-pk").values_list("pk", flat=True)[:10]:
            return Found("id", tuple(tasks))
    if "@" in term and (found := _by_email(term)):
        return found
    words = find_by_words(term)
    return Found("words", words.tasks, is_all=words.is_all)


def _exact(term: str) -> Iterator[Q]:
    """What the term may be an id of, the likeliest first."""
    if number := UUID_IN_TEXT.search(term[-500:]):
        yield Q(public_id=UUID(number[0]))
    if link := ADMIN_LINK.search(term[-500:]):
        yield Q(pk=int(link[1]))
    if len(term) <= ID_MAX:
        # The blank ones are left out in the words of the indexes.
        yield Q(midsync_task_id=term) & ~Q(midsync_task_id="")
        yield Q(provider_task_id=term) & ~Q(provider_task_id="")


def _by_email(address: str) -> Found | None:
    """The person with this address: the newest tasks of their teams, and their own elsewhere."""
    people = User.objects.alias(any_case=Lower("email")).filter(any_case=address[:254].lower())
    person = people.first()
    if person is None:
        return None
    customers = tuple(Customer.objects.filter(memberships__user=person))
    tasks: set[int] = set()
    for whose in ({"customer__in": customers}, {"ordered_by": person}):
        newest = Task.objects.filter(**whose).newest_first()
        tasks.update(newest.values_list("pk", flat=True)[: FOUND_MAX + 1])
    newest_first = tuple(sorted(tasks, reverse=True))
    return Found(
        "e-mail", newest_first[:FOUND_MAX], person, customers, len(newest_first) <= FOUND_MAX
    )
