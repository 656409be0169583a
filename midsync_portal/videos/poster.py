"""A still picture to show before the video plays: the provider's cover, else our first frame.

Both are decoded and written anew as JPEG, in a process with hard limits: nothing that a stranger
made is ever shown as a picture as it came. Having none is no failure.
"""

import logging
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

from midsync_portal.models import Task

from .download import Limits, NotFetched, download
from .formats import Format
from .keeping import keep, local_file

log = logging.getLogger("midsync_portal.videos")

PROGRAM = Path(__file__).with_name("frame.py")
COVER_BYTES_MAX = 10 * 1024 * 1024
COVER_SECONDS = 20.0
DRAW_SECONDS = 30.0


def keep_poster(task: Task, video: BinaryIO, video_format: Format, limits: Limits) -> str:
    """Put a poster into the storage; its name there, empty where there is none.

    `limits` are those of the cover's download. Raises Stopped.
    """
    with local_file(task, "jpg") as picture:
        if _from_cover(task, picture, limits) or draw(video.name, video_format, picture.name):
            return keep(picture, task, "poster", "jpg")
    return ""


def _from_cover(task: Task, picture: BinaryIO, limits: Limits) -> bool:
    if not task.cover_url:
        return False
    with local_file(task, "cover") as cover:
        try:
            found = download(task.cover_url, "image", cover, limits)
        except NotFetched as problem:
            log.info("task %s: cover not fetched: %s", task.public_id, problem)
            return False
        cover.flush()
        return draw(cover.name, found, picture.name)


def draw(source: str, found: Format, target: str) -> bool:
    """Write the first picture of a local file to another as JPEG; whether that worked."""
    command = [sys.executable, "-I", str(PROGRAM), source, found.demuxer, target]
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            command,
            env={},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=DRAW_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        log.warning("no picture of %s: it took too long", Path(source).name)
        return False
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        why = lines[-1] if lines else f"it ended with {done.returncode}"
        log.info("no picture of %s: %s", Path(source).name, why[:200])
        return False
    return Path(target).stat().st_size > 0
