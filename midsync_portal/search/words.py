"""Tasks by words of their prompts, the newest first, in bounded time.

The newest tasks are read themselves; what is older comes from the index, whose hits are read to
be sure. A term that fits nearly everything ends with the newest tasks, a rare one with a few rows.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db import connection

from midsync_portal.models import Task

from .grams import fits, grams_of_words, words_of_term

FOUND_MAX = 50
NEWEST = 1_000  # tasks that are read without the index
AT_ONCE = 300  # hits that are read together
# How far back the index is asked at a time: what is frequent is found in the first stretch.
STRETCHES = (20_000, 200_000)
SECONDS = 0.15
ALL = 2**62  # above every primary key

POSTGRES = """
    WITH hit AS MATERIALIZED (
        SELECT task_id FROM midsync_portal_promptgrams
        WHERE grams @> %s::integer[] AND task_id < %s AND task_id >= %s
    )
    SELECT task_id FROM hit ORDER BY task_id DESC LIMIT %s
"""
SQLITE = """
    SELECT rowid FROM midsync_portal_promptfts
    WHERE midsync_portal_promptfts MATCH %s AND rowid < %s AND rowid >= %s
    ORDER BY rowid DESC LIMIT %s
"""


@dataclass(frozen=True)
class FoundTasks:
    """Primary keys, the newest first; `is_all`: whether there are no more."""

    tasks: tuple[int, ...]
    is_all: bool


def find_by_words(term: str) -> FoundTasks:
    """The newest tasks whose prompt holds every word of the term."""
    words = words_of_term(term)
    if not words:
        return FoundTasks((), True)
    newest = list(Task.objects.order_by("-pk").values_list("pk", "prompt")[:NEWEST])
    found = [pk for pk, prompt in newest if fits(prompt, words)]
    if len(newest) < NEWEST:
        return FoundTasks(tuple(found[:FOUND_MAX]), len(found) <= FOUND_MAX)
    grams = grams_of_words(words)
    if not grams:
        return FoundTasks(tuple(found[:FOUND_MAX]), False)
    deadline = time.monotonic() + SECONDS
    for hits in _hits(grams, newest[-1][0] if newest else ALL):
        if len(found) > FOUND_MAX or time.monotonic() > deadline:
            return FoundTasks(tuple(found[:FOUND_MAX]), False)
        found += _read(hits, words)
    return FoundTasks(tuple(found[:FOUND_MAX]), len(found) <= FOUND_MAX)


def _read(hits: list[int], words: list[str]) -> list[int]:
    rows = Task.objects.filter(pk__in=hits).order_by("-pk").values_list("pk", "prompt")
    return [pk for pk, prompt in rows if fits(prompt, words)]


def _hits(grams: list[int], below: int) -> Iterator[list[int]]:
    """What the index says, stretch by stretch."""
    for least in [*(max(0, below - back) for back in STRETCHES), 0]:
        while below > least:
            hits = _ask_index(grams, below, least)
            if hits:
                yield hits
            if len(hits) < AT_ONCE:
                break
            below = hits[-1]
        below = min(below, least)
        if not below:
            return


def _ask_index(grams: Iterable[int], below: int, least: int) -> list[int]:
    is_postgres = connection.vendor == "postgresql"
    wanted = list(grams) if is_postgres else " ".join(f'"{number:x}"' for number in grams)
    with connection.cursor() as cursor:
        cursor.execute(POSTGRES if is_postgres else SQLITE, [wanted, below, least, AT_ONCE])
        return [row[0] for row in cursor.fetchall()]
