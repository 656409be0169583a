"""Sends callbacks: only to this machine unless told otherwise, signed if asked for."""

import ipaddress
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import requests

# The only code that portal and simulator share: one signs, the other verifies.
from midsync_portal.midsync.signature import sign

#: Sends ``body`` to ``url`` with ``headers``; answers the HTTP status.
#: Raises CallbackNotAllowed (never to be repeated) or CallbackFailed.
Post = Callable[[str, bytes, Mapping[str, str]], int]

#: Seconds until the next attempt, after the first, second, … that was not answered 2xx.
RETRY_AFTER = (2.0, 10.0, 30.0, 60.0)
TIMEOUT = (3.0, 10.0)


class CallbackNotAllowed(Exception):
    """The address is not on this machine, and no setting allows it."""


class CallbackFailed(Exception):
    """Nobody answered."""


def is_allowed(url: str, also: frozenset[str] = frozenset()) -> bool:
    """Whether a callback may go to ``url``: loopback, or one of the hosts in ``also``."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if parts.scheme not in ("http", "https") or not host:
        return False
    if host == "localhost" or host.endswith(".localhost") or host in also:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class HttpPost:
    """Posts over the network: no redirects, no proxies, no retries of its own."""

    def __init__(self, also: frozenset[str] = frozenset()) -> None:
        self._also = also

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        if not is_allowed(url, self._also):
            host = urlsplit(url).hostname
            raise CallbackNotAllowed(f"{host} is not on this machine, so not called")
        with requests.Session() as session:
            session.trust_env = False
            named = dict(headers)
            # requests sends in chunks what it cannot measure.
            chunked = named.pop("Transfer-Encoding", "") == "chunked"
            data = iter([body[:10], body[10:]]) if chunked else body
            try:
                answer = session.post(
                    url, data=data, headers=named, timeout=TIMEOUT, allow_redirects=False
                )
            except requests.RequestException as error:
                raise CallbackFailed(type(error).__name__) from error
            return answer.status_code


def headers_for(signature: str, body: bytes, task_id: str, message_id: str) -> dict[str, str]:
    """The headers of a callback; ``signature`` is "scheme:secret", or empty.

    The time in the signature is always the real one, as the receiver compares it with its own.
    """
    headers = {"Content-Type": "application/json", "User-Agent": "MidSync-Simulator/1"}
    scheme, _, secret = signature.partition(":")
    if scheme:
        headers |= sign(scheme, secret, body, time.time(), task_id=task_id, message_id=message_id)
    return headers
