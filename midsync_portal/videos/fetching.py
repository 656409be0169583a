"""Our own copy of a video: fetched by the worker, tried again by a schedule, published at once.

`video_next_try_at` says when the worker tries; a try claims the row by moving it on, so that of
several workers one fetches, and that a killed one's row comes back by itself. Five tries with the
link that we have; then, before each of five more, MidSync is asked for a fresh one; then support
is. The task itself stays ready whatever happens to its copy.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import uniform
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from midsync_portal import gate
from midsync_portal.figures import count
from midsync_portal.models import Task, TaskEvent, User
from midsync_portal.models.status import Status
from midsync_portal.reconcile import reconcile_task

from .download import Limits, NotFetched, Stopped, download
from .keeping import forget, keep, left_behind, local_file, sweep_local
from .poster import COVER_BYTES_MAX, COVER_SECONDS, keep_poster

log = logging.getLogger("midsync_portal.videos")

TRIES = 5  # of each of the two rounds
WAITS = (10, 60, 5 * 60, 30 * 60, 2 * 3600)  # seconds after each try of a round
# A claim lasts for the download, the cover, the picture; it is renewed before the storage.
BESIDE_THE_DOWNLOAD = timedelta(minutes=5)
STORING = timedelta(minutes=15)
REVIEW = "our copy of the video could not be saved"
STORED, GAVE_UP = "The video is saved", "The video could not be saved"


@dataclass
class Claim:
    """The right to fetch one task's video until `until`, which the row holds as its due time."""

    task: Task
    until: datetime

    @classmethod
    def take(cls, task: Task) -> "Claim | None":
        """Claim a row as it was read; None where another worker was first."""
        now = timezone.now()
        until = now + timedelta(seconds=settings.VIDEO_SECONDS) + BESIDE_THE_DOWNLOAD
        taken = Task.objects.filter(
            pk=task.pk,
            status=Status.SUCCEEDED,
            video_next_try_at=task.video_next_try_at,
            video_next_try_at__lte=now,
        ).update(
            video_next_try_at=until,
            video_tries=F("video_tries") + 1,
            video_state=Task.VideoState.FETCHING,
        )
        if not taken:
            return None
        task.refresh_from_db()
        return cls(task, until)

    def update(self, **fields: Any) -> bool:
        """Write to the row; False where the claim has lapsed and somebody else holds it."""
        written = Task.objects.filter(pk=self.task.pk, video_next_try_at=self.until).update(
            updated_at=timezone.now(), **fields
        )
        return bool(written)

    def is_held(self) -> bool:
        """Whether it is still ours."""
        return Task.objects.filter(pk=self.task.pk, video_next_try_at=self.until).exists()

    def renew(self) -> None:
        """Hold the row longer. Raises ClaimLost."""
        until = timezone.now() + STORING
        if not self.update(video_next_try_at=until):
            raise ClaimLost
        self.until = until


class ClaimLost(Exception):
    """This process was away for too long, and another one fetches now."""


def fetch_video(task: Task, is_stopping: Callable[[], bool] = lambda: False) -> None:
    """One try to make our copy of a task's video, if it is due and nobody else is at it.

    `is_stopping` is asked while bytes come; a try that it ends does not count.
    """
    claim = Claim.take(task)
    if claim is None:
        return
    began = monotonic()
    kept: list[str] = []
    try:
        _start_clean(claim)
        if task.video_tries > TRIES:
            gate.owe()
            reconcile_task(task)  # a fresh link, where MidSync gives one
            task.refresh_from_db()
        _fetch(claim, kept, is_stopping)
        outcome = "stored"
    except Stopped:
        claim.update(video_next_try_at=timezone.now(), video_tries=F("video_tries") - 1)
        outcome = "stopped"
    except ClaimLost:
        outcome = "somebody else fetches it"
    except NotFetched as problem:
        _failed(claim, str(problem))
        outcome = f"not fetched: {problem}"
    except OSError as problem:
        why = problem.strerror or type(problem).__name__
        _failed(claim, f"it could not be written here: {why}")
        outcome = f"not written: {why}"
    except Exception as problem:
        log.exception("task %s: copy of the video", task.public_id)
        _failed(claim, f"unexpected: {type(problem).__name__}")
        outcome = "unexpected"
    if outcome != "stored" and kept:
        forget(task, kept)
    milliseconds = round((monotonic() - began) * 1000)
    count("video", "", outcome.partition(":")[0], milliseconds)
    facts = {"task": str(task.public_id), "outcome": outcome, "ms": milliseconds}
    log.info(
        "task %s: copy of the video: %s, %d ms",
        *facts.values(),
        extra={"facts": {"call": "video", **facts}},
    )


def fetch_again(task: Task, actor: User, reason: str) -> str:
    """Support's verb: ask MidSync for a fresh link, then begin anew; one sentence of what came."""
    task.refresh_from_db()
    if task.status != Status.SUCCEEDED:
        return "there is no video to fetch."
    reconcile_task(task, actor=actor, reason=reason)
    with transaction.atomic():
        Task.objects.filter(pk=task.pk).update(
            video_state=Task.VideoState.FETCHING,
            video_next_try_at=timezone.now(),
            video_tries=0,
            video_error="",
            updated_at=timezone.now(),
        )
        task.refresh_from_db()
        task.record(TaskEvent.Kind.SUPPORT, "support", actor=actor, reason=reason)
    return "the worker fetches its video again within seconds."


def _start_clean(claim: Claim) -> None:
    """Remove what an earlier try left behind; what the row names stays."""
    sweep_local(claim.task)
    found = left_behind(claim.task)
    if not found:
        return
    if not claim.is_held():
        raise ClaimLost  # what lies there may be the other one's, on its way to being published
    forget(claim.task, found)


def _fetch(claim: Claim, kept: list[str], is_stopping: Callable[[], bool]) -> None:
    """Download, store, publish; names of stored files are added to `kept` as they come."""
    task = claim.task
    old = [task.video.name or "", task.poster.name or ""]
    with local_file(task, "video") as file:
        limits = Limits(settings.VIDEO_MAX_BYTES, monotonic() + settings.VIDEO_SECONDS, is_stopping)
        found = download(task.source_url, "video", file, limits)
        file.flush()
        size = file.tell()
        poster = keep_poster(
            task, file, found, Limits(COVER_BYTES_MAX, monotonic() + COVER_SECONDS, is_stopping)
        )
        kept.append(poster)
        claim.renew()
        video = keep(file, task, "video", found.suffix)
        kept.append(video)
    with transaction.atomic():
        published = claim.update(
            video=video,
            poster=poster,
            video_type=found.content_type,
            video_size=size,
            video_saved_at=timezone.now(),
            video_state=Task.VideoState.STORED,
            video_next_try_at=None,
            video_error="",
        )
        if not published:
            raise ClaimLost
        Task.objects.filter(pk=task.pk, needs_review=REVIEW).update(needs_review="", review_at=None)
        task.refresh_from_db()
        task.record(
            TaskEvent.Kind.VIDEO,
            "worker",
            reason=STORED,
            evidence={
                "host": urlsplit(task.source_url).hostname,
                "bytes": size,
                "type": found.content_type,
                "tries": task.video_tries,
            },
        )
    forget(task, old)


def _failed(claim: Claim, why: str) -> None:
    """Plan the next try, or leave it to support after the last one."""
    task, tries = claim.task, claim.task.video_tries
    if tries < 2 * TRIES:
        wait = timedelta(seconds=WAITS[(tries - 1) % TRIES] * uniform(0.8, 1.2))  # noqa: S311
        claim.update(video_next_try_at=timezone.now() + wait, video_error=why[:200])
        return
    with transaction.atomic():
        gave_up = claim.update(
            video_state=Task.VideoState.GAVE_UP,
            video_next_try_at=None,
            video_error=why[:200],
            handled_at=None,  # what support dealt with was something else
        )
        if not gave_up:
            return
        task.refresh_from_db()
        task.record(
            TaskEvent.Kind.VIDEO, "worker", reason=GAVE_UP, evidence={"why": why, "tries": tries}
        )
        task.flag(REVIEW, "worker")
