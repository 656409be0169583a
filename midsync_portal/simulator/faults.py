"""Answers that go wrong on the way: before anything is charged, or after."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from .dialects import Dialect, status_body
from .engine import FAILURE, Simulator
from .scenarios import Scenario
from .store import Generation
from .wire import CHUNK, Answer, ConnectionDropped, error_answer, html_answer, json_answer

#: After this many seconds even a connection that never answers is closed.
HANG_SECONDS = 300.0
#: Longer than anybody should wait for the answer to an order.
LATE_SECONDS = 90.0
RETRY_SECONDS = "3"
DRIP_SECONDS = 0.5
DRIP_BYTES = 4
HUGE_BYTES = 10_000_000
BOMB_BYTES = 100_000_000
NOT_FOUND_TIMES = 2
PROXY_PAGE = """<!doctype html><html><head><title>502 Bad Gateway</title></head>
<body><center><h1>502 Bad Gateway</h1></center><hr><center>gateway</center></body></html>
"""
PLAIN_REFUSALS = {
    Scenario.HTTP_400: (400, "bad_request", "The request is not valid."),
    Scenario.HTTP_404: (404, "not_found", "There is no such address."),
    Scenario.HTTP_405: (405, "method_not_allowed", "Not with this method."),
    Scenario.HTTP_408: (408, "timeout", "The request took too long."),
    Scenario.HTTP_409: (409, "conflict", "This is under way already."),
    Scenario.HTTP_413: (413, "too_large", "The request is too large."),
    Scenario.HTTP_415: (415, "unsupported_type", "This type is not taken."),
    Scenario.SAYS_NO: (200, "not_possible", "The video cannot be made."),
}


def refusal(scenario: Scenario) -> Answer | None:
    """The answer of a MidSync that does not take the call; None if the scenario is another.

    Raises ConnectionDropped.
    """
    if scenario in PLAIN_REFUSALS:
        return error_answer(*PLAIN_REFUSALS[scenario])
    match scenario:
        case Scenario.UNAUTHORISED:
            return error_answer(401, "unauthorized", "The API key is not valid.")
        case Scenario.FORBIDDEN:
            return error_answer(403, "forbidden", "The API key is not allowed to do this.")
        case Scenario.TOO_MANY | Scenario.RATE_LIMITED:
            return error_answer(
                429, "rate_limited", "Too many requests.", Retry_After=RETRY_SECONDS
            )
        case Scenario.BUSY:
            return error_answer(429, "rate_limited", "Too many requests.")
        case Scenario.MAINTENANCE | Scenario.QUOTE_DOWN:
            return error_answer(503, "maintenance", "Back in a moment.", Retry_After="30")
        case Scenario.HTML:
            return html_answer(502, PROXY_PAGE)
        case Scenario.REFUSE | Scenario.REFUSE_CHARGED:
            message = "The prompt was refused by the content policy."
            return error_answer(422, "content_policy", message, "prompt")
        case Scenario.NO_POINTS:
            return error_answer(402, "insufficient_points", "Not enough points on the account.")
        case Scenario.RESET:
            raise ConnectionDropped(reset=True)
    return None


def outage(simulator: Simulator) -> Answer | None:
    """What every endpoint answers during an outage chosen on the control page."""
    chosen = simulator.store.choice("outage")
    if not chosen:
        return None
    if chosen == Scenario.HANG:
        raise ConnectionDropped(after=HANG_SECONDS)
    return refusal(Scenario(chosen))


def spoiled(simulator: Simulator, scenarios: frozenset[Scenario], usual: Answer) -> Answer:
    """The answer after the charge: the usual one, or what the scenario makes of it.

    Raises ConnectionDropped.
    """
    assert isinstance(usual.body, bytes)  # noqa: S101 - narrows the type
    if Scenario.HANG in scenarios:
        raise ConnectionDropped(after=HANG_SECONDS)
    if Scenario.LOST_ANSWER in scenarios:
        raise ConnectionDropped
    if Scenario.RESET_CHARGED in scenarios:
        raise ConnectionDropped(reset=True)
    if Scenario.LATE_ANSWER in scenarios:
        simulator.pause(LATE_SECONDS)
    for scenario in scenarios:
        if (other := _instead(scenario, json.loads(usual.body))) is not None:
            return other
    if Scenario.CUT_ANSWER in scenarios:
        return Answer(usual.status, _cut(usual.body), usual.headers, len(usual.body))
    if Scenario.DRIP in scenarios:
        return Answer(usual.status, _drip(simulator, usual.body), usual.headers, len(usual.body))
    if Scenario.HUGE_ANSWER in scenarios:
        length = len(usual.body) + HUGE_BYTES
        return Answer(usual.status, _padded(usual.body), usual.headers, length)
    return usual


def _instead(scenario: Scenario, usual: dict[str, Any]) -> Answer | None:
    """The answer that a scenario gives in place of the usual one; None if it gives none."""
    match scenario:
        case Scenario.SERVER_ERROR:
            return error_answer(500, "internal_error", "Something went wrong.")
        case Scenario.REDIRECT:
            return Answer(307, b"", {"Location": "/unified-video/generate"})
        case Scenario.NOT_JSON:
            return Answer(200, b"Your video is on its way.", {"Content-Type": "text/plain"})
        case Scenario.NO_ID:
            return json_answer(200, {"success": True, "status": usual["status"]})
        case Scenario.BUSY_CHARGED:
            error = {"code": "rate_limited", "message": "Too many requests."}
            return json_answer(429, usual | {"success": False, "error": error})
        case Scenario.REFUSE_CHARGED:
            return refusal(scenario)
        case Scenario.GZIP_BOMB:
            return Answer(
                200, _bomb(), {"Content-Type": "application/json", "Content-Encoding": "gzip"}
            )
    return None


def status_gone_wrong(simulator: Simulator, generation: Generation) -> Answer | None:
    """What the status endpoint answers where a scenario spoils it; None if none does."""
    scenarios = generation.scenarios
    if Scenario.STATUS_DOWN in scenarios:
        return error_answer(500, "internal_error", "Something went wrong.")
    seen = simulator.times_seen(f"{generation.status} {generation.task_id}")
    if Scenario.STATUS_NOT_FOUND in scenarios and seen <= NOT_FOUND_TIMES:
        return error_answer(404, "not_found", "There is no such task.")
    dialect = Dialect(generation.dialect)
    if scenarios & {Scenario.STATUS_UNKNOWN_WORD, Scenario.STATUS_NUMBER}:
        body = status_body(dialect, simulator.report(generation, "percolating"))
        number = {"status": 42} if Scenario.STATUS_NUMBER in scenarios else {}
        return json_answer(200, body | number)
    has_ended = generation.finished_at is not None
    if Scenario.STATUS_FAILS_FIRST in scenarios and has_ended and seen == 1:
        code, message = FAILURE
        report = replace(simulator.report(generation, "failed"), code=code, message=message)
        return json_answer(200, status_body(dialect, report))
    return None


def _cut(body: bytes) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    raise ConnectionDropped


def _drip(simulator: Simulator, body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), DRIP_BYTES):
        simulator.pause(DRIP_SECONDS)
        yield body[start : start + DRIP_BYTES]


def _padded(body: bytes) -> Iterator[bytes]:
    """The body, then spaces: it stays readable for whoever reads it to its end."""
    yield body
    for start in range(0, HUGE_BYTES, CHUNK):
        yield b" " * min(CHUNK, HUGE_BYTES - start)


@lru_cache(maxsize=1)
def _bomb() -> bytes:
    return gzip.compress(b" " * BOMB_BYTES)
