"""MidSync's endpoints, as documented."""

import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from . import faults
from .checks import RequestRefused
from .dialects import Dialect, status_body
from .engine import NotEnoughPoints, Simulator
from .offer import models_answer
from .prices import as_number
from .scenarios import Scenario
from .store import Generation
from .wire import Answer, Request, error_answer, json_answer

#: Refused before anything is charged, in the order in which MidSync would notice.
AT_THE_DOOR = (
    Scenario.RESET,
    Scenario.UNAUTHORISED,
    Scenario.FORBIDDEN,
    Scenario.TOO_MANY,
    Scenario.MAINTENANCE,
    Scenario.HTML,
    *faults.PLAIN_REFUSALS,
    Scenario.REFUSE,
    Scenario.NO_POINTS,
)
FIRST_ATTEMPT = (Scenario.RATE_LIMITED, Scenario.BUSY)
#: The second figure in usage logs; what it means is documented nowhere.
CREDITS_PER_POINT = Decimal("1.95")


def guarded(simulator: Simulator, request: Request, view: Callable[[], Answer]) -> Answer:
    """The view's answer for the right key, unless there is an outage. Raises ConnectionDropped."""
    if (answer := faults.outage(simulator)) is not None:
        return answer
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    right = hmac.compare_digest(key.strip().encode(), simulator.settings.api_key.encode())
    if scheme.lower() != "bearer" or not right:
        return error_answer(401, "unauthorized", "The API key is missing or not valid.")
    return view()


def models(simulator: Simulator) -> Answer:
    """GET /unified-video/models"""
    return json_answer(200, models_answer(simulator.models))


def quote(simulator: Simulator, request: Request) -> Answer:
    """POST /unified-video/quote: the price; nothing is charged."""
    body = request.json()
    if body is None:
        return error_answer(400, "invalid_json", "The body must be a JSON object.")
    scenarios, _ = simulator.plan_for(body)
    if Scenario.QUOTE_DOWN in scenarios and (down := faults.refusal(Scenario.QUOTE_DOWN)):
        return down
    try:
        points = simulator.quote(body)
    except RequestRefused as refused:
        return _invalid(refused)
    answer = {"success": True, "model": body["model"], "pointsCharged": as_number(points)}
    return json_answer(200, answer)


def generate(simulator: Simulator, request: Request) -> Answer:
    """POST /unified-video/generate: charge and start. Raises ConnectionDropped."""
    body = request.json()
    if body is None:
        return error_answer(400, "invalid_json", "The body must be a JSON object.")
    scenarios, _ = simulator.plan_for(body)
    for scenario in AT_THE_DOOR:
        if scenario in scenarios and (refused := faults.refusal(scenario)):
            return refused
    for scenario in FIRST_ATTEMPT:
        if scenario in scenarios and simulator.times_seen(json.dumps(body, sort_keys=True)) == 1:
            return faults.refusal(scenario) or Answer(429)
    try:
        generation = simulator.generate(body, request.headers.get("idempotency-key", ""))
    except RequestRefused as refused:
        return _invalid(refused)
    except NotEnoughPoints:
        return faults.refusal(Scenario.NO_POINTS) or Answer(402)
    if Scenario.KEY_REVOKED in generation.scenarios:
        simulator.store.choose("outage", Scenario.UNAUTHORISED)
    usual = json_answer(200, _generated(simulator, generation))
    return faults.spoiled(simulator, generation.scenarios, usual)


def _generated(simulator: Simulator, generation: Generation) -> dict[str, Any]:
    model = next(one for one in simulator.models if one.id == generation.model)
    return {
        "success": True,
        "taskId": generation.task_id,
        "providerTaskId": generation.provider_task_id,
        "model": generation.model,
        "providerModel": model.provider_model,
        "pointsCharged": as_number(generation.points),
        "status": "submitted",
        "estimatedTimeSec": max(1, round(generation.ready_at - generation.created_at)),
    }


def status(simulator: Simulator, task_id: str) -> Answer:
    """GET /unified-video/{taskId}/status, in the dialect of the order."""
    generation = simulator.store.generation(task_id)
    if generation is None:
        return error_answer(404, "not_found", "There is no such task.")
    if (wrong := faults.status_gone_wrong(simulator, generation)) is not None:
        return wrong
    report = simulator.report(generation)
    return json_answer(200, status_body(Dialect(generation.dialect), report))


def usage_logs(simulator: Simulator, request: Request) -> Answer:
    """GET /v1/usage/logs: one row per charge, newest first."""
    try:
        rows = _charged(simulator, request)
        page, limit = int(request.query.get("page", 1)), int(request.query.get("limit", 20))
    except ValueError:
        return error_answer(400, "invalid_request", "page, limit, from or to is not valid.")
    limit = min(max(limit, 1), 100)
    start = (max(page, 1) - 1) * limit
    return json_answer(
        200,
        {
            "logs": [_log_row(one) for one in rows[start : start + limit]],
            "pagination": {"page": page, "limit": limit, "total": len(rows)},
        },
    )


def usage_summary(simulator: Simulator, request: Request) -> Answer:
    """GET /v1/usage/summary: totals, and the same by model."""
    try:
        rows = _charged(simulator, request)
    except ValueError:
        return error_answer(400, "invalid_request", "from or to is not valid.")
    by_model: dict[str, list[Generation]] = {}
    for one in rows:
        by_model.setdefault(one.model, []).append(one)
    return json_answer(
        200,
        {
            "totalPointsCharged": as_number(_sum(rows)),
            "totalRequests": len(rows),
            "totalInputTokens": 0,
            "totalOutputTokens": 0,
            "byModel": [
                {"model": name, "requests": len(some), "pointsCharged": as_number(_sum(some))}
                for name, some in sorted(by_model.items(), key=lambda pair: -_sum(pair[1]))
            ],
        },
    )


def _charged(simulator: Simulator, request: Request) -> list[Generation]:
    """The charges that the query asks for. Raises ValueError for a date that is none."""
    query = request.query
    start = _moment(query["from"], end=False) if query.get("from") else 0.0
    end = _moment(query["to"], end=True) if query.get("to") else float("inf")
    return simulator.store.charged_between(query.get("model", ""), start, end)


def _moment(text: str, *, end: bool) -> float:
    """An ISO date or time in seconds; a date without a time ends with its day."""
    moment = datetime.fromisoformat(text)
    if end and len(text) == len("2026-01-01"):
        moment += timedelta(days=1)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _log_row(generation: Generation) -> dict[str, Any]:
    at = datetime.fromtimestamp(generation.created_at, UTC).isoformat(timespec="milliseconds")
    credits_consumed = (generation.points * CREDITS_PER_POINT).quantize(Decimal("0.01"))
    return {
        "id": f"log-{generation.n}",
        "model": generation.model,
        "mode": "video",
        "pointsCharged": as_number(generation.points),
        "creditsConsumed": as_number(credits_consumed),
        "usage": {"inputTokens": 0, "outputTokens": 0, "reasoningTokens": 0, "totalTokens": 0},
        "createdAt": at.replace("+00:00", "Z"),
    }


def _sum(rows: list[Generation]) -> Decimal:
    return sum((one.points for one in rows), Decimal(0))


def _invalid(refused: RequestRefused) -> Answer:
    """422 with the first problem, and all of them in ``details``."""
    first = refused.problems[0]
    error = {
        "code": "invalid_request",
        "message": first.message,
        "field": first.field,
        "details": [{"field": one.field, "message": one.message} for one in refused.problems],
    }
    return json_answer(422, {"success": False, "error": error})
