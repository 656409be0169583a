"""Tasks as CSV, for spreadsheets: no cell is a formula, and no cell holds a secret."""

import csv
from collections.abc import Iterable, Iterator
from io import StringIO

from django.conf import settings

from midsync_portal.models import Task
from midsync_portal.points import charge_of, points_plain

from .pages import Found, older_than

ROWS_MAX = 50_000
BATCH = 1_000  # tasks that are read at once
BOM = "\ufeff"  # so that Excel takes it for UTF-8
# What spreadsheets take for the beginning of a formula.
FORMULAS = tuple("=+-@\t\r\n\x00＝＋－＠")
HEAD = (
    "task",
    "ordered_at_utc",
    "ordered_by",
    "status",
    "model",
    "prompt",
    "points_quoted",
    "points_charged",
    "charge",
    "midsync_reference",
    "provider_reference",
    "finished_at_utc",
    "page",
)


def csv_lines(found: Found) -> Iterator[str]:
    """The tasks as lines of CSV, the newest first, at most `ROWS_MAX`, read in batches."""
    yield BOM + _line(HEAD)
    tasks = found.all(is_few=found.first_page().is_few)
    tasks = tasks.select_related("ordered_by").newest_first()
    place, left = None, ROWS_MAX
    while left > 0:
        batch = list((older_than(tasks, place) if place else tasks)[: min(BATCH, left)])
        yield "".join(_line(_cells(task)) for task in batch)
        if len(batch) < BATCH:
            return
        place, left = batch[-1], left - len(batch)


def _cells(task: Task) -> list[str]:
    moments = [
        moment.strftime("%Y-%m-%d %H:%M:%S") if moment else ""
        for moment in (task.created_at, task.finished_at)
    ]
    return [
        str(task.public_id),
        moments[0],
        task.ordered_by.get_full_name(),
        task.status,
        task.video_model,
        task.prompt,
        points_plain(task.points_quoted),
        points_plain(task.points_charged),
        charge_of(task).value,
        task.midsync_task_id,
        task.provider_task_id,
        moments[1],
        f"{settings.PORTAL_URL}{task.get_absolute_url()}",
    ]


def safe_cell(text: str) -> str:
    """Text that a spreadsheet shows and does not run."""
    text = text.replace("\x00", "")
    return f"'{text}" if text.lstrip(" ").startswith(FORMULAS) else text


def _line(cells: Iterable[str]) -> str:
    line = StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL).writerow(map(safe_cell, cells))
    return line.getvalue()
