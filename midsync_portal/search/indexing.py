"""The worker writes down the grams of prompts: new ones within seconds, older ones in batches.

Ordering does not wait for it: the newest tasks are found without an index (`words.NEWEST`).
"""

import time
from collections.abc import Sequence

from django.db import transaction
from django.db.models import Exists, Max, OuterRef

from midsync_portal.models import PromptGrams, Task

from .grams import grams_of_prompt

BATCH = 500  # tasks per transaction
SECONDS = 5.0  # of work at a time
# Numbers of tasks are given before they are committed: so far back it is looked for late ones.
LOOK_BACK = 5_000


def index_new_prompts(seconds: float = SECONDS) -> int:
    """Write down the grams of tasks that have none, for so long; says how many."""
    deadline = time.monotonic() + seconds
    done = 0
    while batch := _without_grams():
        with transaction.atomic():
            PromptGrams.objects.bulk_create(
                (PromptGrams(task_id=pk, grams=grams_of_prompt(prompt)) for pk, prompt in batch),
                ignore_conflicts=True,  # another worker was faster
            )
        done += len(batch)
        if len(batch) < BATCH or time.monotonic() > deadline:
            break
    return done


def keep_index() -> None:
    """What the worker does every few seconds."""
    index_new_prompts()


def _without_grams() -> Sequence[tuple[int, str]]:
    newest = PromptGrams.objects.aggregate(newest=Max("task_id"))["newest"] or 0
    known = Exists(PromptGrams.objects.filter(task=OuterRef("pk")))
    tasks = Task.objects.filter(~known, pk__gt=newest - LOOK_BACK).order_by("pk")
    return list(tasks.values_list("pk", "prompt")[:BATCH])
