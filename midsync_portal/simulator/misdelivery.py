"""Callbacks that are wrong on purpose: in their bytes, their headers or their address."""

import json
from collections.abc import Callable

from .scenarios import Scenario
from .store import Generation

BRACKETS = 100_000
DIGITS = 5_000
LARGE_BYTES = 2 * 1024 * 1024
#: Ids that no generation has, for callbacks about another one where there is none.
NOBODY = ("ms-of-somebody-else", "of-somebody-else")


def addresses(generation: Generation, account_url: str) -> list[str]:
    """Where its callbacks go: to its own URL, and to the whole account's where it has none or a
    scenario wants it.
    """
    scenarios, own = generation.scenarios, generation.callback_url
    by_account = not own or scenarios & {Scenario.ACCOUNT_TOO, Scenario.ACCOUNT_ONLY}
    if Scenario.ACCOUNT_ONLY in scenarios:
        own = ""
    if own and Scenario.BAD_TOKEN in scenarios:
        own = _with_wrong_secret(own)
    return [url for url in (own, account_url if by_account else "") if url]


def as_sent(
    generation: Generation, body: bytes, other: Generation | None
) -> tuple[bytes, dict[str, str]]:
    """The bytes of a message, and headers beside the usual ones.

    ``other`` is a generation whose ids a callback may claim.
    """
    headers = {}
    for scenario in generation.scenarios:
        if scenario in _SPOIL:
            body = _SPOIL[scenario](body)
    if Scenario.FOREIGN_ID in generation.scenarios:
        ids = (other.task_id, other.provider_task_id) if other else NOBODY
        body = body.replace(generation.task_id.encode(), ids[0].encode())
        body = body.replace(generation.provider_task_id.encode(), ids[1].encode())
    if Scenario.EXPIRED_LINK in generation.scenarios:
        ended = b"?expires=%d" % (generation.finished_at or 0)
        for suffix in (b".webm", b".jpg"):
            body = body.replace(suffix, suffix + ended)
    if Scenario.WRONG_TYPE in generation.scenarios:
        headers["Content-Type"] = "image/png"
    if Scenario.CHUNKED in generation.scenarios:
        headers["Transfer-Encoding"] = "chunked"
    return body, headers


def _with_wrong_secret(url: str) -> str:
    """The address with one character changed, the last one before a closing slash."""
    bare = url.rstrip("/")
    return bare[:-1] + ("A" if bare[-1] != "A" else "B") + url[len(bare) :]


def _with(more: str) -> Callable[[bytes], bytes]:
    """Adds fields at the end of a JSON object, where most readers believe them."""
    return lambda body: body[:-1] + b", " + more.encode() + b"}"


def _each_field_twice(body: bytes) -> bytes:
    nonsense = ", ".join(f'{json.dumps(name)}: "nonsense"' for name in json.loads(body))
    return b"{" + nonsense.encode() + b", " + body[1:]


_SPOIL: dict[Scenario, Callable[[bytes], bytes]] = {
    Scenario.EMPTY_CALLBACK: lambda body: b"",
    Scenario.UTF_16: lambda body: body.decode().encode("utf-16"),
    Scenario.NUL: lambda body: _with(r'"note": "a\u0000b", "cover_url": "\u0000"')(body) + b"\0",
    Scenario.SURROGATE: _with(r'"note": "\ud800", "cover_url": "\udfff"'),
    Scenario.NAN: _with('"progress": NaN, "pointsCharged": Infinity, "note": -Infinity'),
    Scenario.LONG_NUMBER: _with(f'"pointsCharged": {"9" * DIGITS}'),
    Scenario.DEEP: lambda body: b"[" * BRACKETS,
    Scenario.DUPLICATE_KEYS: _each_field_twice,
    Scenario.LIST: lambda body: b"[" + body + b"]",
    Scenario.TWO_MEGABYTES: lambda body: body + b" " * LARGE_BYTES,
}
