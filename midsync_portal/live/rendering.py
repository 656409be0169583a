"""Rows and parts of a task's page as messages of the stream: rendered once, for all who watch."""

import logging
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.db.models import Max, OuterRef, Prefetch, Subquery, prefetch_related_objects
from django.template.loader import render_to_string
from django.utils import translation

from midsync_portal.models import Task, TaskEvent
from midsync_portal.models.rows import rows

log = logging.getLogger("midsync_portal.live")

LINE_END = re.compile(r"\r\n|\r|\n")
# What a stream can show of a task: the row, the row put on top of a list, parts of its page.
TEMPLATES = {
    "row": "tasks/_row.html",
    "new_row": "tasks/_new_row.html",
    "status": "tasks/_status.html",
    "video": "tasks/_video.html",
    "timeline": "tasks/_timeline.html",
}
Fragment = tuple[str, str]  # what of a task, in which language
ROW = ("row",)
PAGE = ("status", "video", "timeline")
COLUMN = ("row", "video")
MARK = ("mark",)  # only that it has changed: support's pages then fetch themselves again
NEWEST_ROWS = 50  # as many as a stream announces after a gap
# Read with the row in one statement, so that they are of the same moment. By groups, because
# PostgreSQL looks for a lone maximum from the end of the whole table.
NEWEST_EVENT = {
    "newest_event": Subquery(
        TaskEvent.objects.filter(task=OuterRef("pk"))
        .order_by()
        .values("task")
        .annotate(newest=Max("pk"))
        .values("newest")
    )
}


@dataclass(frozen=True, slots=True)
class Reading:
    """A task as it was read: its messages by fragment, and the highest event that there was."""

    frames: Mapping[Fragment, bytes]
    newest_event: int


def read_tasks(wanted: Mapping[int, Collection[Fragment]]) -> dict[int, Reading]:
    """Read the tasks again and render the wanted fragments of each; needs the database.

    A task that cannot be rendered is left out and logged: the others must not wait for it.
    """
    tasks = rows(Task, "id", wanted, also=NEWEST_EVENT)
    names = {name for fragments in wanted.values() for name, _ in fragments}
    if "timeline" in names:
        events = TaskEvent.objects.select_related("actor")
        prefetch_related_objects(tasks, Prefetch("events", events))
    readings: dict[int, Reading] = {}
    for task in tasks:
        try:
            frames = _frames(task, wanted[task.pk])
        except Exception:
            log.exception("task %s could not be rendered", task.public_id)
            continue
        readings[task.pk] = Reading(frames, task.newest_event or 0)
    return readings


def _frames(task: Task, wanted: Collection[Fragment]) -> dict[Fragment, bytes]:
    return {
        (name, language): _mark(task) if name == "mark" else render(task, name, language)
        for name, language in wanted
    }


def _mark(task: Task) -> bytes:
    return message(f"{task.public_id} {task.newest_event}")


def language_of_orderer(task: Task) -> str:
    """The language that a task's orderer has chosen; the usual one where none was read along."""
    chosen = task.orderers_language
    return chosen if chosen in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


def render(task: Task, name: str, language: str = settings.LANGUAGE_CODE) -> bytes:
    """One fragment of a task in a language as a message of the stream."""
    with translation.override(language):
        return message(render_to_string(TEMPLATES[name], {"task": task, "oob": True}))


def message(data: str, event: str = "") -> bytes:
    """A server-sent event; unnamed unless a name is given."""
    name = f"event: {event}\n" if event else ""
    lines = "".join(f"data: {line}\n" for line in LINE_END.split(data))
    return f"{name}{lines}\n".encode()


@cache
def news(count: int, language: str) -> bytes:
    """How many new tasks there are, where they are not put on top; capped by `NEWEST_ROWS`."""
    count = min(count, NEWEST_ROWS)
    context = {"count": count, "is_all": count < NEWEST_ROWS, "oob": True}
    with translation.override(language):
        return message(render_to_string("tasks/_news.html", context))


def newest_tasks(customers: Iterable[int]) -> dict[int, list[int]]:
    """The newest tasks of each customer in the order of the list; needs the database."""
    return {
        customer: list(
            Task.objects.filter(customer=customer)
            .newest_first()
            .values_list("pk", flat=True)[:NEWEST_ROWS]
        )
        for customer in customers
    }
