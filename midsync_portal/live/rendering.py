"""Rows and parts of a task's page as messages of the stream: rendered once, for all who watch."""

import logging
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.db import connection
from django.db.models import Max, Prefetch, prefetch_related_objects
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
ROW_ONLY = {"row", "new_row", "status", "video"}  # are rendered from a task's own row alone
NEWEST_ROWS = 50  # as many as a stream announces after a gap


@dataclass(frozen=True, slots=True)
class Reading:
    """A task as it was read: its messages by fragment, and an event that they contain for sure."""

    frames: Mapping[Fragment, bytes]
    last_event: int


def read_tasks(wanted: Mapping[int, Collection[Fragment]]) -> dict[int, Reading]:
    """Read the tasks again and render the wanted fragments of each; needs the database.

    A task that cannot be rendered is left out and logged: the others must not wait for it.
    """
    # Before the tasks: what they show may be newer, never older.
    last_event = _newest_event() if _are_numbered_in_order() else 0
    tasks = rows(Task, "id", wanted)
    names = {name for fragments in wanted.values() for name, _ in fragments}
    if "timeline" in names:
        events = TaskEvent.objects.select_related("actor")
        prefetch_related_objects(tasks, Prefetch("events", events))
    marks = _newest_events(wanted) if "mark" in names else {}
    readings: dict[int, Reading] = {}
    for task in tasks:
        try:
            frames = _frames(task, wanted[task.pk], marks)
        except Exception:
            log.exception("task %s could not be rendered", task.public_id)
            continue
        readings[task.pk] = Reading(frames, last_event)
    return readings


def needs_row_only(wanted: Collection[Fragment]) -> bool:
    """Whether these fragments can be rendered without another look into the database."""
    return ROW_ONLY.issuperset(name for name, _ in wanted)


def read_changed(task: Task, wanted: Collection[Fragment]) -> Reading:
    """The reading of a task that was changed under its lock and has recorded its events itself."""
    last_event = max(task.recorded) if _are_numbered_in_order() else 0
    return Reading(_frames(task, wanted, {}), last_event)


def _frames(
    task: Task, wanted: Collection[Fragment], marks: Mapping[int, int]
) -> dict[Fragment, bytes]:
    return {
        (name, language): _mark(task, marks) if name == "mark" else render(task, name, language)
        for name, language in wanted
    }


def _are_numbered_in_order() -> bool:
    """Whether events are numbered in the order of their commits: where there is one writer."""
    return connection.vendor == "sqlite"


def _newest_event() -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT max(id) FROM {TaskEvent._meta.db_table}")  # noqa: S608 - our own
        return cursor.fetchone()[0] or 0


def _newest_events(tasks: Iterable[int]) -> dict[int, int]:
    events = TaskEvent.objects.filter(task__in=list(tasks)).values_list("task")
    return dict(events.annotate(Max("pk")).order_by())


def _mark(task: Task, newest_events: Mapping[int, int]) -> bytes:
    return message(f"{task.public_id} {newest_events.get(task.pk)}")


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
