"""GET /tasks/<task number>/video/ and …/poster/: plain ASGI, for members of the owning customer.

A thread looks up who asks and what for, and gives its connection back; then `sending` takes over.

What is not to be had here is left to Django: strangers are sent to log in, everybody else gets
the page of what never existed.
"""

import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO
from uuid import UUID

from django.core.files.storage import default_storage
from django.utils.http import content_disposition_header
from django.utils.text import slugify

from midsync_portal.live.access import NoSuchTask, NotLoggedIn, admit, session_key_of
from midsync_portal.models import Task
from midsync_portal.serving.answers import answer
from midsync_portal.serving.types import Receive, Scope, Send

from .formats import FORMATS, JPEG
from .ranges import NoSuchPart, Part, wanted_part
from .sending import COMMON, Sender, pieces_of

log = logging.getLogger("midsync_portal.videos")

PATH = re.compile(r"/tasks/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/(video|poster)/")


class NoSuchFile(Exception):
    """There is no copy (yet), or its file is gone."""


@dataclass(frozen=True)
class StoredFile:
    """A file in the storage, and what a browser is told of it."""

    name: str
    size: int | None  # bytes; None: the storage knows
    content_type: str
    download_name: str

    @property
    def etag(self) -> str:
        """Names these very bytes: a file never changes, another copy has another name."""
        return f'"{self.name.rpartition("/")[2]}"'


Lookup = Callable[[Callable[[], Any]], Awaitable[Any]]


class FileDoor:
    """The ASGI side of videos and posters."""

    def __init__(self, look_up: Lookup, sender: Sender) -> None:
        """`look_up` runs something in a thread that may use the database."""
        self._look_up = look_up
        self._sender = sender

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answer a request for a file; False where it is for Django to answer."""
        path = PATH.fullmatch(scope["path"])
        if path is None or scope["method"] not in ("GET", "HEAD"):
            return False
        key = session_key_of(scope["headers"])
        if not key:
            return False
        try:
            as_support = b"support=1" in scope["query_string"].split(b"&")
            wanted = partial(find_file, key, UUID(path[1]), path[2], as_support)
            file = await self._look_up(wanted)
            size = await self._sender.in_thread(size_of, file)
            part, status, headers = _head(file, size, scope)
            if part is None or scope["method"] == "HEAD":
                await send({"type": "http.response.start", "status": status, "headers": headers})
                await send({"type": "http.response.body", "body": b""})
                return True
            source = await self._sender.in_thread(open_part, file.name, part)
        except (NotLoggedIn, NoSuchTask, NoSuchFile):
            return False
        except Exception:
            log.exception("a file cannot be read right now")
            again = [(b"retry-after", b"5")]
            await answer(send, 503, "The file cannot be read right now.", again)
            return True
        pieces = pieces_of(source, part.length)
        try:
            await self._sender(f"file {file.name}", (status, headers), pieces, scope, receive, send)
        finally:
            source.close()
        return True


def _head(
    file: StoredFile, size: int, scope: Scope
) -> tuple[Part | None, int, list[tuple[bytes, bytes]]]:
    """Which part is to be sent (None: no byte of it), and the answer's status and headers."""
    asked = dict(scope["headers"])
    etag = file.etag.encode()
    wanted = asked.get(b"range", b"").decode("latin-1")
    if asked.get(b"if-range", etag) != etag:
        wanted = ""
    headers = [*COMMON, (b"accept-ranges", b"bytes"), (b"etag", etag)]
    headers.append((b"content-type", file.content_type.encode()))
    if b"download=1" in scope["query_string"].split(b"&"):
        disposition = content_disposition_header(True, file.download_name) or "attachment"
        headers.append((b"content-disposition", disposition.encode("latin-1")))
    try:
        found = wanted_part(wanted, size)
    except NoSuchPart:
        total = f"bytes */{size}".encode()
        return None, 416, [*headers, (b"content-range", total), (b"content-length", b"0")]
    part = found or Part(0, size)
    headers.append((b"content-length", str(part.length).encode()))
    if found is None:
        return part, 200, headers
    place = f"bytes {part.start}-{part.last}/{size}".encode()
    return part, 206, [*headers, (b"content-range", place)]


def find_file(session_key: str, public_id: UUID, kind: str, as_support: bool = False) -> StoredFile:
    """The video or poster of one of the visitor's tasks; needs the database.

    Who asks as support may have any task's; nobody else may ask so.

    Raises NotLoggedIn, NoSuchTask or NoSuchFile.
    """
    _, found = admit(session_key, [public_id], as_support, any_team=True)
    task = Task.objects.get(pk=found[public_id])
    if kind == "poster" and task.poster.name:
        name = download_name(task, JPEG.suffix)
        return StoredFile(task.poster.name, None, JPEG.content_type, name)
    return video_of(task)


def video_of(task: Task) -> StoredFile:
    """Our copy of a task's video. Raises NoSuchFile."""
    if not task.video.name or task.video_type not in FORMATS:
        raise NoSuchFile
    name = download_name(task, FORMATS[task.video_type].suffix)
    return StoredFile(task.video.name, task.video_size, task.video_type, name)


def download_name(task: Task, suffix: str) -> str:
    """What a file of a task is called where it is saved: its first words and its number."""
    words = slugify(task.prompt[:60], allow_unicode=True).strip("-_") or slugify(task.video_model)
    return f"{words}-{str(task.public_id)[:8]}.{suffix}"


def size_of(file: StoredFile) -> int:
    """A file's size in bytes. Raises NoSuchFile."""
    try:
        return int(default_storage.size(file.name)) if file.size is None else file.size
    except FileNotFoundError:
        raise NoSuchFile from None


def open_part(name: str, part: Part) -> BinaryIO:
    """A stored file, to be read from the part's first byte on. Raises NoSuchFile."""
    try:
        if hasattr(default_storage, "open_part"):
            source: BinaryIO = default_storage.open_part(name, part.start, part.length)
            return source
        file = default_storage.open(name, "rb")
        file.seek(part.start)
    except FileNotFoundError:
        log.error("file %s is not in the storage", name)
        raise NoSuchFile from None
    return file  # type: ignore[return-value]
