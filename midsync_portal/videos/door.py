"""GET /tasks/<task number>/video/ and …/poster/: plain ASGI, for members of the owning customer.

A thread looks up who asks and what for, and gives its connection back; then the bytes are read
piece by piece, each in a thread for as long as the read takes. However slowly somebody reads,
nothing waits for them but their own connection, and not for ever.

What is not to be had here is left to Django: strangers are sent to log in, everybody else gets
the page of what never existed.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
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

log = logging.getLogger("midsync_portal.videos")

PATH = re.compile(r"/tasks/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/(video|poster)/")
CHUNK = 64 * 1024  # bytes
READERS = 8  # threads
SEND_SECONDS = 60.0  # for one chunk; a player that waits longer asks again from where it stopped
ANSWER_SECONDS = 2 * 3600.0  # for a whole answer
END_SECONDS = 3.0  # for what is under way when the process has to end
COMMON = [
    (b"cache-control", b"private, no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; media-src 'self'; sandbox"),
    (b"referrer-policy", b"same-origin"),
    (b"accept-ranges", b"bytes"),
    (b"x-accel-buffering", b"no"),
]


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

    def __init__(self, look_up: Lookup) -> None:
        """`look_up` runs something in a thread that may use the database."""
        self._look_up = look_up
        self._readers = ThreadPoolExecutor(READERS, "file")
        self._limits: set[asyncio.Timeout] = set()

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
            size = await self._in_thread(size_of, file)
            part, status, headers = _head(file, size, scope)
            if part is None or scope["method"] == "HEAD":
                await send({"type": "http.response.start", "status": status, "headers": headers})
                await send({"type": "http.response.body", "body": b""})
                return True
            source = await self._in_thread(open_part, file.name, part)
        except (NotLoggedIn, NoSuchTask, NoSuchFile):
            return False
        except Exception:
            log.exception("a file cannot be read right now")
            again = [(b"retry-after", b"5")]
            await answer(send, 503, "The file cannot be read right now.", again)
            return True
        gone = asyncio.create_task(_until_disconnect(receive))
        limit = asyncio.timeout(ANSWER_SECONDS)
        self._limits.add(limit)
        try:
            async with limit:
                await send({"type": "http.response.start", "status": status, "headers": headers})
                await self._stream(source, part.length, gone, send)
        except (TimeoutError, CutShort) as problem:
            log.info("file %s: the answer was cut: %s", file.name, problem or "no reader")
            # The promised length cannot be kept, and a peer that does not read would be waited for.
            abort = scope.get("state", {}).get("abort")
            if abort:
                abort()
                await asyncio.sleep(0)  # the server notices before we return
        finally:
            self._limits.discard(limit)
            gone.cancel()
            source.close()
        return True

    def close(self) -> None:
        """The process has to end: answers under way have a moment left. Players come back."""
        soon = asyncio.get_running_loop().time() + END_SECONDS
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(min(soon, limit.when() or soon))

    def finish(self) -> None:
        """Take no more reads."""
        self._readers.shutdown(wait=False)

    async def _stream(
        self, source: BinaryIO, length: int, gone: "asyncio.Task[None]", send: Send
    ) -> None:
        left = length
        while left and not gone.done():
            try:
                chunk = await self._in_thread(source.read, min(CHUNK, left))
            except Exception as problem:
                raise CutShort(f"it cannot be read: {type(problem).__name__}") from problem
            if not chunk:
                raise CutShort(f"{left} bytes are missing")
            left -= len(chunk)
            async with asyncio.timeout(SEND_SECONDS):
                await send({"type": "http.response.body", "body": chunk, "more_body": bool(left)})

    async def _in_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, partial(work, *arguments))


class CutShort(Exception):
    """The storage has given fewer bytes than it should."""


async def _until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _head(
    file: StoredFile, size: int, scope: Scope
) -> tuple[Part | None, int, list[tuple[bytes, bytes]]]:
    """Which part is to be sent (None: no byte of it), and the answer's status and headers."""
    asked = dict(scope["headers"])
    etag = file.etag.encode()
    wanted = asked.get(b"range", b"").decode("latin-1")
    if asked.get(b"if-range", etag) != etag:
        wanted = ""
    headers = [*COMMON, (b"etag", etag), (b"content-type", file.content_type.encode())]
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
    _, found = admit(session_key, [public_id], as_support)
    task = Task.objects.get(pk=found[public_id])
    name = slugify(task.prompt[:60], allow_unicode=True).strip("-_") or slugify(task.video_model)
    name = f"{name}-{str(task.public_id)[:8]}"
    if kind == "poster" and task.poster.name:
        return StoredFile(task.poster.name, None, JPEG.content_type, f"{name}.jpg")
    if kind == "video" and task.video.name and task.video_type in FORMATS:
        suffix = FORMATS[task.video_type].suffix
        return StoredFile(task.video.name, task.video_size, task.video_type, f"{name}.{suffix}")
    raise NoSuchFile


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
