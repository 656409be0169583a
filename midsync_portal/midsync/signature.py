"""Signatures of callbacks, by configured scheme: checked when they arrive, made for tests.

MidSync documents none; these are the schemes of gateways like it. A good signature under a
scheme that does not cover the body says who calls and when, but proves nothing that it says.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from enum import StrEnum

from .reader import UnreadableBody, read_body, read_report

TOLERANCE_SECONDS = 300
_IDS_MAX = 10
_HEADER_MAX = 4096  # characters
_SIGNATURES_MAX = 10


class BadSignature(Exception):
    """The callback is not signed, wrongly signed, or its time is too far from ours."""


class Scheme(StrEnum):
    """How callbacks are signed."""

    NONE = "none"
    HMAC = "hmac"  # over timestamp + "." + body; hex or base64, "sha256=" in front or not
    KIE = "kie"  # base64 over task id + "." + timestamp
    STANDARD_WEBHOOKS = "standard-webhooks"  # over id + "." + timestamp + "." + body

    @property
    def signs_body(self) -> bool:
        """Whether a good signature proves that the body is as MidSync sent it."""
        return self in (Scheme.HMAC, Scheme.STANDARD_WEBHOOKS)


def verify(
    scheme: Scheme | str,
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    now: float,
    *,
    tolerance: float = TOLERANCE_SECONDS,
    signature_header: str = "X-Webhook-Signature",
    timestamp_header: str = "X-Webhook-Timestamp",
) -> None:
    """Return if the callback is signed as the scheme wants; `now` in seconds since 1970.

    Header names are compared without regard to case. Raises only `BadSignature`, whatever the
    headers and the body hold; an unknown scheme is a wrong setting and raises ValueError.
    """
    scheme = Scheme(scheme)
    given = {str(name).lower(): str(value) for name, value in headers.items()}
    match scheme:
        case Scheme.NONE:
            return
        case Scheme.STANDARD_WEBHOOKS:
            message_id = _header(given, "webhook-id")
            timestamp = _fresh(_header(given, "webhook-timestamp"), now, tolerance)
            signed = [f"{message_id}.{timestamp}.".encode() + body]
            candidates = _versions(_header(given, "webhook-signature"))
            key = _standard_key(secret)
        case Scheme.HMAC:
            timestamp = _fresh(_header(given, timestamp_header), now, tolerance)
            signed = [timestamp.encode() + b"." + body]
            candidates = [_header(given, signature_header)]
            key = secret.encode()
        case Scheme.KIE:
            timestamp = _fresh(_header(given, timestamp_header), now, tolerance)
            signed = [f"{task_id}.{timestamp}".encode() for task_id in _ids(body)]
            candidates = [_header(given, signature_header)]
            key = secret.encode()
    if not key:
        raise BadSignature("no secret to check with")
    # Every pair is compared, so that the time taken does not tell which one was close.
    matches = [
        _is_signature(candidate, _mac(key, content))
        for candidate in candidates
        for content in signed
    ]
    if not any(matches):
        raise BadSignature("the signature does not match")


def sign(
    scheme: Scheme | str,
    secret: str,
    body: bytes,
    now: float,
    *,
    task_id: str = "",
    message_id: str = "msg_1",
    signature_header: str = "X-Webhook-Signature",
    timestamp_header: str = "X-Webhook-Timestamp",
) -> dict[str, str]:
    """The headers that `verify` accepts for this body; `task_id` matters to kie.ai's scheme."""
    timestamp = str(int(now))
    match Scheme(scheme):
        case Scheme.NONE:
            return {}
        case Scheme.STANDARD_WEBHOOKS:
            content = f"{message_id}.{timestamp}.".encode() + body
            mac = _mac(_standard_key(secret), content)
            return {
                "webhook-id": message_id,
                "webhook-timestamp": timestamp,
                "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
            }
        case Scheme.HMAC:
            mac = _mac(secret.encode(), timestamp.encode() + b"." + body)
            signature = f"sha256={mac.hex()}"
        case Scheme.KIE:
            mac = _mac(secret.encode(), f"{task_id}.{timestamp}".encode())
            signature = base64.b64encode(mac).decode()
    return {timestamp_header: timestamp, signature_header: signature}


def _header(given: Mapping[str, str], name: str) -> str:
    value = given.get(name.lower(), "").strip()
    if not value or len(value) > _HEADER_MAX or not value.isascii():
        raise BadSignature(f"{name} is missing or malformed")
    return value


def _fresh(timestamp: str, now: float, tolerance: float) -> str:
    """The timestamp as sent (seconds, or milliseconds since 1970), if it is close to now."""
    if not re.fullmatch(r"[0-9]{1,13}", timestamp):
        raise BadSignature("the timestamp is malformed")
    seconds = int(timestamp) / (1000 if len(timestamp) == 13 else 1)
    if abs(now - seconds) > tolerance:
        raise BadSignature("the timestamp is too far from now")
    return timestamp


def _ids(body: bytes) -> list[str]:
    """The ids in the body, any of which kie.ai may have signed."""
    try:
        ids = read_report(read_body(body)).ids[:_IDS_MAX]
    except UnreadableBody as error:
        raise BadSignature("the body names no task") from error
    if not ids:
        raise BadSignature("the body names no task")
    return list(ids)


def _versions(header: str) -> list[str]:
    """The first version's signatures of a Standard Webhooks header, which may hold several."""
    entries = [entry.partition(",") for entry in header.split()[:_SIGNATURES_MAX]]
    return [signature for version, _, signature in entries if version == "v1"]


def _standard_key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadSignature("the secret is not one of Standard Webhooks") from error


def _mac(key: bytes, content: bytes) -> bytes:
    return hmac.new(key, content, hashlib.sha256).digest()


def _is_signature(candidate: str, mac: bytes) -> bool:
    """Whether the text is this MAC, in hex or in either base64, compared in constant time."""
    text = candidate.removeprefix("sha256=")
    plain, for_urls = base64.b64encode(mac), base64.urlsafe_b64encode(mac)
    forms = [plain, plain.rstrip(b"="), for_urls, for_urls.rstrip(b"=")]
    results = [hmac.compare_digest(text.encode(), form) for form in forms]
    results.append(hmac.compare_digest(text.lower().encode(), mac.hex().encode()))
    return any(results)
