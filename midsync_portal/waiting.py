"""How long a task usually takes, from the portal's own finished tasks of that model and setting.

One query for all settings, kept per process for a minute; rows are drawn from memory.
"""

import math
import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from .models import Task
from .models.status import Status

LOOKED_AT = 2000  # newest finished tasks, of all customers
ENOUGH = 20  # of one setting
KEPT_FOR = timedelta(minutes=1)
# What decides how long a video takes; the rest of a request hardly matters.
SETTING = ("duration", "resolution", "quality", "mode")

Setting = tuple[str, ...]
Span = tuple[int, int]  # seconds; a tenth of the tasks took less, a tenth took more


@dataclass(frozen=True)
class Wait:
    """Where an accepted task stands in time; `usual` is None where too few have finished."""

    since: datetime
    seconds: int
    usual: Span | None = None
    is_late: bool = False
    was_asked: bool = False  # MidSync, since it is late


_lock = threading.Lock()
_spans: tuple[datetime, dict[Setting, Span]] | None = None


def wait_of(task: Task) -> Wait | None:
    """How long an accepted task has taken and usually takes; None for any other task."""
    if not task.is_accepted or task.sent_at is None:
        return None
    now = timezone.now()
    usual = usual_spans(now).get(setting_of(task.video_model, task.parameters))
    seconds = max(0, int((now - task.sent_at).total_seconds()))
    late_at = task.sent_at + timedelta(seconds=usual[1]) if usual else None
    return Wait(
        since=task.sent_at,
        seconds=seconds,
        usual=usual,
        is_late=bool(late_at and now > late_at),
        was_asked=bool(late_at and task.last_checked_at and task.last_checked_at > late_at),
    )


def setting_of(video_model: str, parameters: Any) -> Setting:
    """The tasks that one compares with: of the same model, length, size and mode."""
    chosen = parameters if isinstance(parameters, dict) else {}
    return (video_model, *(str(chosen.get(name, "")) for name in SETTING))


def usual_spans(now: datetime) -> dict[Setting, Span]:
    """From when to when most tasks of a setting are ready, for settings with enough tasks."""
    global _spans
    with _lock:
        if _spans is None or not timedelta(0) <= now - _spans[0] < KEPT_FOR:
            _spans = (now, _read_spans())
        return _spans[1]


def forget_spans() -> None:
    """Read them again at the next look."""
    global _spans
    _spans = None


def _read_spans() -> dict[Setting, Span]:
    finished = Task.objects.filter(status=Status.SUCCEEDED, accepted_at__isnull=False)
    rows = finished.order_by("-finished_at").values_list(
        "video_model", "parameters", "midsync_task_id", "sent_at", "finished_at"
    )
    taken: dict[Setting, list[float]] = defaultdict(list)
    for video_model, parameters, midsync_task_id, sent_at, finished_at in rows[:LOOKED_AT]:
        if midsync_task_id and sent_at and finished_at:  # really run, at MidSync
            seconds = (finished_at - sent_at).total_seconds()
            taken[setting_of(video_model, parameters)].append(seconds)
    return {
        setting: (round(_part(sorted(seconds), 0.1)), math.ceil(_part(sorted(seconds), 0.9)))
        for setting, seconds in taken.items()
        if len(seconds) >= ENOUGH
    }


def _part(ordered: Sequence[float], part: float) -> float:
    """The value below which this part of the values lies, by nearest rank."""
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]
