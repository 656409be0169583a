"""GET /tasks/download/?task=<task number>&task=…: our copies of several videos as one zip.

It is made while it is sent, stored and not deflated, and never lies anywhere as a whole. What has
no copy is named in a text file at its end. What is not to be had here is left to Django's view:
it says why, and answers strangers.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from io import RawIOBase
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID
from zipfile import ZIP64_LIMIT, ZIP_STORED, ZipFile, ZipInfo

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext

from midsync_portal.live.access import NoSuchTask, NotLoggedIn, admit, session_key_of
from midsync_portal.models import Task
from midsync_portal.serving.answers import answer
from midsync_portal.serving.types import Pieces, Receive, Scope, Send
from midsync_portal.wording import status_word, task_title

from .door import Lookup, NoSuchFile, StoredFile, open_part, size_of, video_of
from .ranges import Part
from .sending import COMMON, CutShort, Sender, pieces_of

log = logging.getLogger("midsync_portal.videos")

PATH = "/tasks/download/"
VIDEOS_MAX = 50  # in one zip
QUERY_MAX = 4_096  # bytes; so many numbers are about half of it
TITLE_MAX = 80  # characters


class Archive:
    """The videos of some tasks; `language` is that of the page on which they were chosen."""

    def __init__(self, tasks: Sequence[Task], language: str) -> None:
        self._language = language
        self._missing: list[Task] = []
        self._files: list[tuple[Task, StoredFile]] = []
        for task in tasks:
            try:
                self._files.append((task, video_of(task)))
            except NoSuchFile:
                self._missing.append(task)

    def __bool__(self) -> bool:
        return bool(self._files)

    def pieces(self) -> Pieces:
        """The zip, in pieces of at most a chunk and what stands around it. Raises CutShort."""
        made = _Made()
        with ZipFile(made, "w", ZIP_STORED) as archive:
            for task, file in self._files:
                try:
                    size = size_of(file)
                    source = open_part(file.name, Part(0, size))
                except NoSuchFile:
                    self._missing.append(task)
                    continue
                except Exception as problem:
                    raise CutShort(f"it cannot be read: {type(problem).__name__}") from problem
                entry = _entry(file.download_name, task.finished_at or task.created_at)
                with source, archive.open(entry, "w", force_zip64=size >= ZIP64_LIMIT) as member:
                    for chunk in pieces_of(source, size):
                        member.write(chunk)
                        yield made.take()
            if self._missing:
                archive.writestr(_entry("missing.txt", timezone.now()), self._told())
        yield made.take()

    def _told(self) -> bytes:
        """Which videos are not here, in words, with a mark that says it is UTF-8."""
        with translation.override(self._language):
            lines = [gettext("There is no saved copy of these videos:"), ""]
            for task in self._missing:
                title = " ".join(task_title(task).split())[:TITLE_MAX]
                address = f"{settings.PORTAL_URL}{task.get_absolute_url()}"
                lines += [f"{title} ({status_word(task)})", address, ""]
        return "\r\n".join(lines).encode("utf-8-sig")


class _Made(RawIOBase):
    """Where a zip is written to: keeps what was not taken yet."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: Any, /) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data


def _entry(name: str, moment: datetime) -> ZipInfo:
    entry = ZipInfo(name, moment.timetuple()[:6])
    entry.external_attr = 0o644 << 16
    return entry


class ArchiveDoor:
    """The ASGI side of it."""

    def __init__(self, look_up: Lookup, sender: Sender) -> None:
        """`look_up` runs something in a thread that may use the database."""
        self._look_up = look_up
        self._sender = sender

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answer a request for a zip; False where it is for Django to answer."""
        if scope["path"] != PATH or scope["method"] not in ("GET", "HEAD"):
            return False
        key = session_key_of(scope["headers"])
        try:
            numbers, language = read_query(scope["query_string"])
            archive = await self._look_up(partial(find_archive, key, numbers, language))
        except (ValueError, NotLoggedIn, NoSuchTask):
            return False
        except Exception:
            log.exception("a zip cannot be made right now")
            again = [(b"retry-after", b"5")]
            await answer(send, 503, "The videos cannot be read right now.", again)
            return True
        if not archive:
            return False
        name = f"videos-{timezone.now():%Y-%m-%d-%H%M}.zip"
        head = [
            *COMMON,
            (b"content-type", b"application/zip"),
            (b"content-disposition", f'attachment; filename="{name}"'.encode()),
        ]
        if scope["method"] == "HEAD":
            await send({"type": "http.response.start", "status": 200, "headers": head})
            await send({"type": "http.response.body", "body": b""})
            return True
        await self._sender(name, (200, head), archive.pieces(), scope, receive, send)
        return True


def read_query(query: bytes) -> tuple[list[UUID], str]:
    """Task numbers, each once, and the language of the page. Raises ValueError."""
    if len(query) > QUERY_MAX:
        raise ValueError("too long")
    values = parse_qs(query.decode("ascii"))
    numbers = list(dict.fromkeys(map(UUID, values.get("task", ()))))
    if not 0 < len(numbers) <= VIDEOS_MAX:
        raise ValueError("too few or too many")
    language = values.get("lang", [""])[0]
    known = language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
    return numbers, known


def find_archive(session_key: str, numbers: Sequence[UUID], language: str) -> Archive:
    """The zip of these tasks of the visitor's; needs the database.

    Raises NotLoggedIn, or NoSuchTask if even one of them is not theirs.
    """
    _, found = admit(session_key, numbers, any_team=True)
    tasks = Task.objects.in_bulk(found.values())
    return Archive([tasks[found[number]] for number in numbers], language)
