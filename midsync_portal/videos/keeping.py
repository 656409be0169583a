"""Our files: on this machine while they are being fetched, then in the storage.

A file in the storage has a random name that nobody knows before its task's row names it: naming
it there is what publishes it. What a process left behind is swept by the next try.
"""

import contextlib
import logging
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.core.files import File
from django.core.files.storage import FileSystemStorage, default_storage

from midsync_portal.models import Task

log = logging.getLogger("midsync_portal.videos")

ABANDONED_SECONDS = 24 * 3600


@contextmanager
def local_file(task: Task, suffix: str) -> Iterator[BinaryIO]:
    """An empty file of this machine, gone after the block unless it was moved into the storage."""
    folder = Path(settings.VIDEO_TEMP_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{task.public_id}-{secrets.token_hex(4)}.{suffix}.part"
    try:
        with open(path, "x+b", opener=partial(os.open, mode=0o600)) as file:
            yield file
    finally:
        path.unlink(missing_ok=True)


class _Movable(File):  # type: ignore[type-arg]  # at run time it takes none
    """Lets a storage on the same disk move the file instead of copying it: all there or not."""

    def temporary_file_path(self) -> str:
        """Where it lies."""
        return str(self.name)


def keep(file: BinaryIO, task: Task, kind: str, suffix: str) -> str:
    """Put a local file into the storage; the name under which it lies there."""
    file.flush()
    os.fsync(file.fileno())
    file.seek(0)
    name = f"{folder_of(task)}/{kind}-{secrets.token_hex(8)}.{suffix}"
    name = default_storage.save(name, _Movable(file, file.name))
    _flush(name)
    return name


def _flush(name: str) -> None:
    """Have a kept file and its place in the folders on the disk, where the storage is one: a row
    must not outlive power loss without its file.
    """
    if not isinstance(default_storage, FileSystemStorage):
        return
    path = Path(default_storage.path(name))
    # The file as well: from another disk it was copied, not moved.
    for place in (path, path.parent, path.parent.parent):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def folder_of(task: Task) -> str:
    """Where the files of one task lie in the storage."""
    return f"videos/{task.public_id}"


def forget(task: Task, names: list[str]) -> None:
    """Take files out of the storage, but for those that the task's row names as it is now.

    One that cannot be removed is logged: the next try for this task sweeps it.
    """
    row = Task.objects.only("video", "poster").get(pk=task.pk)
    for name in {*names} - {"", row.video.name, row.poster.name}:
        try:
            default_storage.delete(name)
        except Exception:
            log.exception("task %s: a file could not be removed", task.public_id)


def left_behind(task: Task) -> list[str]:
    """The task's files in the storage, published or not."""
    try:
        _, names = default_storage.listdir(folder_of(task))
    except FileNotFoundError:
        return []
    return [f"{folder_of(task)}/{name}" for name in names if name]


def sweep_local(task: Task) -> None:
    """Remove local files that earlier tries of this task, or anybody long ago, left behind."""
    folder = Path(settings.VIDEO_TEMP_DIR)
    for path in folder.glob("*.part"):
        with contextlib.suppress(FileNotFoundError):
            is_old = time.time() - path.stat().st_mtime > ABANDONED_SECONDS
            if is_old or path.name.startswith(str(task.public_id)):
                path.unlink()
