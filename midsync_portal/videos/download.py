"""One guarded GET of a file that MidSync has named: into a local file, or not at all.

The only place that follows a URL which somebody sent us. Every hop is checked as text (`links`)
and by the address that its socket leads to (`guard`); time, size, type and first bytes are
limited; nothing of ours goes along: no key, no cookie, no .netrc, no proxy of the environment.
"""

import http.client
import io
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, BinaryIO
from urllib.parse import urljoin, urlsplit

from django.conf import settings

from midsync_portal.environment import origin_of
from midsync_portal.models.reports import usable_link

from . import guard
from .formats import HEAD_BYTES, Format, image_format, may_be, video_format

HOPS_MAX = 3  # redirects
CHUNK = 256 * 1024  # bytes
STALL_SECONDS = 20.0  # without a single byte
REDIRECTS = (301, 302, 303, 307, 308)

Recognise = Callable[[bytes], Format | None]
RECOGNISE: dict[str, Recognise] = {"video": video_format, "image": image_format}


class NotFetched(Exception):
    """The file could not be fetched; says why, for support."""


class Stopped(Exception):
    """We were asked to stop before the file was whole."""


@dataclass
class Limits:
    """How much and how long at most; `is_stopping` ends it early."""

    bytes_max: int
    deadline: float  # monotonic clock, seconds
    is_stopping: Callable[[], bool] = lambda: False

    def seconds_left(self) -> float:
        """What is left for the next read or write. Raises NotFetched where nothing is."""
        if self.is_stopping():
            raise Stopped
        left = self.deadline - monotonic()
        if left <= 0:
            raise NotFetched("it took too long")
        return min(left, STALL_SECONDS)


def download(url: str, family: str, target: BinaryIO, limits: Limits) -> Format:
    """Write the "video" or "image" behind the URL to a file; says which format it is.

    Raises NotFetched, Stopped, or OSError where the target cannot be written.
    """
    for _ in range(HOPS_MAX + 1):
        with _asked(url, family, limits) as answer:
            if answer.status not in REDIRECTS:
                return _save(answer, family, target, limits)
            with _in_our_words("its server"):
                url = urljoin(url, answer.getheader("Location") or "")
    raise NotFetched(f"it redirects more than {HOPS_MAX} times")


@contextmanager
def _asked(url: str, family: str, limits: Limits) -> Iterator[http.client.HTTPResponse]:
    """The answer to a GET, whose body is still to be read."""
    if usable_link((url,)) != url:
        raise NotFetched("it leads to a link that the portal does not use")
    place = origin_of(url)
    host, is_https = place.hostname or "", place.scheme == "https"
    port = place.port or (443 if is_https else 80)
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    trusted = {origin_of(origin).origin for origin in settings.RESULT_ORIGINS_TRUSTED}
    with _in_our_words(host):
        line = guard.connect(
            host, port, is_trusted=place.origin in trusted, seconds=limits.seconds_left()
        )
    try:
        with _in_our_words(host):
            if is_https:
                line.settimeout(limits.seconds_left())
                line = tls_context().wrap_socket(line, server_hostname=host)
            connection = http.client.HTTPConnection(host, port)
            connection.sock = _Timed(line, limits)
            connection.request(
                "GET",
                path,
                headers={
                    "Host": urlsplit(url).netloc,
                    "User-Agent": "midsync-portal",
                    "Accept": f"{family}/*",
                    "Accept-Encoding": "identity",
                    "Connection": "close",
                },
            )
            answer = connection.getresponse()
        yield answer
    finally:
        line.close()


def tls_context() -> ssl.SSLContext:
    """The system's authorities; certificates are checked for the host's name."""
    return ssl.create_default_context()


def _save(
    answer: http.client.HTTPResponse, family: str, target: BinaryIO, limits: Limits
) -> Format:
    if answer.status != 200:
        raise NotFetched(f"its server answers {answer.status}")
    content_type = answer.getheader("Content-Type", "")
    if not may_be(content_type, family):
        raise NotFetched(f"its server calls it {content_type[:60]!a}, which is no {family}")
    coding = answer.getheader("Content-Encoding", "").strip().lower()
    if coding not in ("", "identity"):
        raise NotFetched(f"it comes packed as {coding[:20]!a}")
    promised = answer.length  # None where the server does not say
    if promised is not None and promised > limits.bytes_max:
        raise NotFetched(f"it is larger than {limits.bytes_max} bytes")
    head, received, found = b"", 0, None
    with _in_our_words("its server"):
        while chunk := answer.read(CHUNK):
            received += len(chunk)
            if received > limits.bytes_max:
                raise NotFetched(f"it is larger than {limits.bytes_max} bytes")
            if found is None:
                head += chunk
                found = _recognised(head, family) if len(head) >= HEAD_BYTES else None
                if found is None:
                    continue
                chunk = head
            _write(target, chunk)
    if found is None:  # a very short file
        found = _recognised(head, family)
        _write(target, head)
    if promised is not None and received != promised:
        raise NotFetched("its server ended it too early")
    return found


def _recognised(head: bytes, family: str) -> Format:
    found = RECOGNISE[family](head)
    if found is None:
        raise NotFetched(f"it does not begin like a {family} that browsers show")
    return found


class NoRoom(OSError):
    """The local file could not be written."""


def _write(target: BinaryIO, chunk: bytes) -> None:
    try:
        target.write(chunk)
    except OSError as problem:
        raise NoRoom(*problem.args) from problem


@contextmanager
def _in_our_words(host: str) -> Iterator[None]:
    """Turn whatever the network raises into one sentence for support."""
    try:
        yield
    except (NotFetched, Stopped, NoRoom):
        raise
    except guard.AddressRefused as problem:
        raise NotFetched(str(problem)) from None
    except ssl.SSLCertVerificationError as problem:
        raise NotFetched(f"the certificate of {host} is refused") from problem
    except (OSError, http.client.HTTPException, ValueError) as problem:
        raise NotFetched(f"{host}: {type(problem).__name__}") from problem


class _Timed:
    """The parts of a socket that http.client needs; each read and write is given what is left.

    A socket's own timeout starts anew with every byte, so that an answer could drip for ever.
    """

    def __init__(self, line: socket.socket, limits: Limits) -> None:
        self._line = line
        self._limits = limits

    def sendall(self, data: bytes) -> None:
        """Send, in time."""
        self._line.settimeout(self._limits.seconds_left())
        self._line.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        """The answer's bytes."""
        return io.BufferedReader(_TimedReader(self._line, self._limits), CHUNK)

    def close(self) -> None:
        """Nothing: the answer is read after http.client has let go of the connection."""


class _TimedReader(io.RawIOBase):
    def __init__(self, line: socket.socket, limits: Limits) -> None:
        super().__init__()
        self._line = line
        self._limits = limits

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read once, in time."""
        self._line.settimeout(self._limits.seconds_left())
        return self._line.recv_into(buffer)
