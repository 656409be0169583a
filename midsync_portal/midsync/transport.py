"""One HTTP exchange that ends in time, stays small and says whether anything was sent.

`requests` alone promises less: its timeouts start anew with every byte, it follows redirects
(a 307 posts the body again), and it takes keys and proxies from the environment.
"""

import http.client
import io
import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any, cast

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util.connection import create_connection

from .errors import MidSyncNotSent, MidSyncUnavailable

_CHUNK = 16_384  # bytes
# When the current exchange must be over, on the monotonic clock.
_deadline: ContextVar[float | None] = ContextVar("midsync_deadline", default=None)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; `flaw` says why its body is not whole ("" if it is)."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    flaw: str = ""

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300


class Bearer(requests.auth.AuthBase):
    """Adds the API key to a request; its repr does not show the key."""

    def __init__(self, api_key: str) -> None:
        self._api_key = api_key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._api_key}"
        return request

    def __repr__(self) -> str:
        return "Bearer(…)"


class Session(requests.Session):
    """A session that takes nothing from its surroundings and to which a 3xx is an answer."""

    def __init__(self, auth: Bearer, user_agent: str, adapter: BaseAdapter | None = None) -> None:
        super().__init__()
        self.trust_env = False  # no .netrc, which would replace our key; no proxies
        self.auth = auth
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.headers.update(
            {
                "User-Agent": user_agent,
                "Accept": "application/json",
                "Accept-Encoding": "identity",
            }
        )
        for scheme in ("http://", "https://"):
            self.mount(scheme, adapter or DeadlineAdapter())

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere: even with redirects off, requests reads their whole body first."""


def exchange(
    session: Session,
    request: requests.Request,
    *,
    connect_timeout: float,
    deadline: float,
    response_max: int,
) -> Answer:
    """Send the request once and read at most `response_max` bytes of the answer.

    Everything, the last byte included, happens before `deadline` (monotonic clock, seconds).
    Raises `MidSyncNotSent` if nothing was sent, `MidSyncUnavailable` if there is no answer; an
    answer whose body is cut, late or too large comes back with its `flaw`.
    """
    with _until(deadline):
        remaining = max(deadline - time.monotonic(), 0.001)
        try:
            response = session.send(
                session.prepare_request(request),
                stream=True,
                allow_redirects=False,
                timeout=(min(connect_timeout, remaining), remaining),
            )
        except Exception as error:
            detail = " < ".join(type(cause).__name__ for cause in _causes(error))
            if _never_sent(error):
                raise MidSyncNotSent(detail=detail) from error
            raise MidSyncUnavailable(detail=detail) from error
        try:
            body, flaw = _read(response, deadline, response_max)
        finally:
            response.close()
    return Answer(response.status_code, response.headers, body, flaw)


def _read(response: requests.Response, deadline: float, response_max: int) -> tuple[bytes, str]:
    """The body as far as it came, unpacked, and why it is not whole."""
    body = bytearray()
    try:
        for chunk in response.iter_content(_CHUNK):
            body += chunk
            if len(body) > response_max:
                return b"", "too large"
            if time.monotonic() > deadline:
                return b"", "too late"
    except Exception as error:
        return b"", type(error).__name__
    return bytes(body), ""


_NEVER_SENT = (
    NewConnectionError,  # no such name, refused, unreachable
    ConnectTimeoutError,
    ssl.SSLCertVerificationError,
    requests.exceptions.ConnectTimeout,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidHeader,
    ConnectionRefusedError,
    socket.gaierror,
)


def _never_sent(error: BaseException) -> bool:
    """Whether the error proves that no byte of the request left.

    A stalled or broken TLS handshake is no proof, nor is a reset: only what is listed.
    """
    return any(isinstance(cause, _NEVER_SENT) for cause in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it wraps, as requests and urllib3 nest them."""
    current: object = error
    for _ in range(10):
        if not isinstance(current, BaseException):
            return
        yield current
        inside = [getattr(current, "reason", None), *current.args, current.__cause__]
        current = next((item for item in inside if isinstance(item, BaseException)), None)


@contextmanager
def _until(deadline: float) -> Iterator[None]:
    token = _deadline.set(deadline)
    try:
        yield
    finally:
        _deadline.reset(token)


class _DeadlineReader(io.RawIOBase):
    """The bytes of a socket, each read of which is given only what is left of the time."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        super().__init__()
        self._raw = raw
        self._sock = sock

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read once, or raise TimeoutError when the deadline of the exchange has passed."""
        deadline = _deadline.get()
        if deadline is not None:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError("deadline of the exchange has passed")
            self._sock.settimeout(remaining)
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        """Close the socket's file as well."""
        self._raw.close()
        super().close()


class _DeadlineResponse(http.client.HTTPResponse):
    """Status line, headers and body, all under the deadline, however slowly they drip."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        buffered: Any = self.fp
        self.fp = io.BufferedReader(_DeadlineReader(buffered.detach(), sock))


def _look_up(host: str, port: int, seconds: float) -> list[str]:
    """The addresses of a name; none where it is not found in time. Raises OSError (no such name).

    The system's look-up cannot be stopped, so it is left behind on a thread of its own.
    """
    found: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answers = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
            found.put([str(address[0]) for *_, address in answers])
        except OSError as error:
            found.put(error)
        except UnicodeError as error:  # a label that is empty or too long
            found.put(socket.gaierror(socket.EAI_NONAME, str(error)))

    threading.Thread(target=look_up, name="look-up", daemon=True).start()
    try:
        result = found.get(timeout=seconds)
    except queue.Empty:
        return []
    if isinstance(result, OSError):
        raise result
    return result


def _remaining(seconds: float) -> float:
    """These seconds, or what is left of the current exchange if that is less."""
    deadline = _deadline.get()
    return seconds if deadline is None else max(0.001, min(seconds, deadline - time.monotonic()))


class _InTime:
    """Connects within the deadline too.

    urllib3 alone waits for the name as long as the system likes, and gives each of its addresses
    the whole connect timeout. Here name and addresses share one.
    """

    response_class: Any = _DeadlineResponse
    _dns_host: str
    port: int
    timeout: Any
    source_address: Any
    socket_options: Any

    def _new_conn(self) -> socket.socket:
        """A connected socket; its timeout is what is left for TLS and for sending."""
        end = time.monotonic() + self.timeout
        problem: Exception = ConnectTimeoutError(self, "the name was not found in time")
        try:
            addresses = _look_up(self._dns_host, self.port, self.timeout)
        except OSError as error:
            raise NewConnectionError(cast(Any, self), f"no such name: {error}") from error
        for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            share = (end - time.monotonic()) / left
            if share <= 0:
                break
            try:
                connection = create_connection(
                    (address, self.port), share, self.source_address, self.socket_options
                )
            except TimeoutError as error:
                problem = ConnectTimeoutError(self, f"no connection in time: {error}")
            except OSError as error:
                problem = NewConnectionError(cast(Any, self), f"no connection: {error}")
            else:
                connection.settimeout(_remaining(self.timeout))
                return connection
        raise problem

    def connect(self) -> None:
        """Connect, or raise the connect timeout before anything is sent."""
        super().connect()  # type: ignore[misc]
        deadline = _deadline.get()
        if deadline is not None and time.monotonic() >= deadline:
            raise ConnectTimeoutError(self, "no time left to send anything")


class _DeadlineHTTPConnection(_InTime, HTTPConnection):
    pass


class _DeadlineHTTPSConnection(_InTime, HTTPSConnection):
    pass


class _DeadlineHTTPPool(HTTPConnectionPool):
    ConnectionCls = _DeadlineHTTPConnection


class _DeadlineHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _DeadlineHTTPSConnection


class DeadlineAdapter(HTTPAdapter):
    """The transport of `exchange`: no retries of its own, every read under the deadline."""

    def __init__(self) -> None:
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Let the pools make connections that know the deadline."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            "http": _DeadlineHTTPPool,
            "https": _DeadlineHTTPSPool,
        }
