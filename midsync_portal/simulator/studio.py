"""Keeps the finished videos: rendered ahead where there is time, else when first asked for."""

import multiprocessing
import os
import re
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .video import VideoSpec, poster, render

Render = Callable[[VideoSpec, Path], None]
NAME = re.compile(r"[A-Za-z0-9_-]{1,80}\.(webm|jpg)")
#: More orders than this at once are not rendered ahead: most of them nobody will watch.
MOST_AHEAD = 6


class Studio:
    """One folder of videos and covers, each file named after its task."""

    def __init__(
        self, folder: Path, *, ahead: bool = False, height: int = 0, render: Render = render
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for unfinished in folder.glob(".*"):
            unfinished.unlink()  # A stopped process left it behind.
        self._folder = folder
        self._height = height
        self._render = render
        self._one_at_a_time = threading.Lock()
        self._waiting = 0
        self._pool = ThreadPoolExecutor(1, "studio") if ahead else None

    def prepare(self, task_id: str, spec: VideoSpec) -> None:
        """Start on a video that will be asked for soon."""
        if self._pool is None or self._waiting >= MOST_AHEAD:
            return
        self._waiting += 1
        try:
            self._pool.submit(self._prepared, task_id, spec)
        except RuntimeError:  # it is being closed
            self._waiting -= 1

    def _prepared(self, task_id: str, spec: VideoSpec) -> None:
        try:
            self.file(f"{task_id}.webm", spec)
        finally:
            self._waiting -= 1

    def file(self, name: str, spec: VideoSpec) -> Path:
        """The video (``….webm``) or cover (``….jpg``) of that name, made now if need be."""
        if not NAME.fullmatch(name):
            raise ValueError(f"{name} is no name of a video or cover")
        path = self._folder / name
        if path.exists():
            return path
        if self._height:
            spec = spec.shrunk(self._height)
        with self._one_at_a_time:
            if not path.exists():
                if path.suffix == ".jpg":
                    poster(spec, path)
                else:
                    self._render(spec, path)
        return path

    def finish(self) -> None:
        """Wait until everything that was started ahead is done."""
        if self._pool is not None:
            self._pool.shutdown(wait=True)

    def close(self) -> None:
        """Drop what is waiting; do not wait for a video that is being made."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


def render_apart(spec: VideoSpec, path: Path) -> None:
    """Render in a process of its own, with low priority, so that answers stay quick."""
    process = multiprocessing.get_context("spawn").Process(
        target=_render_quietly, args=(spec, path), daemon=True
    )
    process.start()
    process.join()
    if process.exitcode != 0:
        raise RuntimeError(f"The video {path.name} could not be rendered.")


def _render_quietly(spec: VideoSpec, path: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(10)
    render(spec, path)
