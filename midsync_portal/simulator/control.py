"""The control page: what was ordered, and what is to go wrong next."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from django.template import Context, Engine

from .dialects import Dialect
from .engine import Simulator
from .offer import UNKNOWN_MODEL
from .prices import as_number
from .scenarios import GROUPS, OUTAGES, Scenario
from .settings import STYLESHEET, TEMPLATES
from .store import Callback, Generation
from .wire import Answer, Request, error_answer, html_answer, json_answer

SHOWN = 50
PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
}
engine = Engine(dirs=[str(TEMPLATES)])


def is_same_origin(request: Request) -> bool:
    """Whether a POST comes from the control page itself, or from no browser at all."""
    origin = request.headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc == request.headers.get("host")
    return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


def page(simulator: Simulator) -> Answer:
    """The whole page. Values are texts: the template engine runs without Django's settings."""
    chosen = simulator.store.choice
    context = _list_context(simulator) | {
        "balance": f"{simulator.balance:f}",
        "speed": f"{simulator.speed:g}",
        "seed": simulator.seed,
        "unknown_model": any(model.id == UNKNOWN_MODEL.id for model in simulator.models),
        "groups": [
            {
                "title": title,
                "scenarios": _options(
                    [(str(one), text) for one, text in group.items()], chosen("scenario")
                ),
            }
            for title, group in GROUPS.items()
        ],
        "dialects": _options([(str(one), "") for one in Dialect], chosen("dialect") or "midsync"),
        "outages": _options([(str(one), "") for one in OUTAGES], chosen("outage")),
        "outage": chosen("outage"),
    }
    return html_answer(200, _render("control.html", context), **PAGE_HEADERS)


def listing(simulator: Simulator) -> Answer:
    """The list of generations alone, for the page to refresh itself."""
    return html_answer(200, _render("_list.html", _list_context(simulator)), **PAGE_HEADERS)


def stylesheet() -> Answer:
    """The page's look."""
    return Answer(200, STYLESHEET.read_bytes(), {"Content-Type": "text/css; charset=utf-8"})


def ledger(simulator: Simulator) -> Answer:
    """Every charge with what is needed to tie it to a task of the portal."""
    by_id = {one.task_id: one for one in simulator.store.generations(limit=1_000_000)}
    charges = []
    for entry in simulator.store.ledger():
        generation = by_id[entry.task_id]
        charges.append(
            {
                "taskId": entry.task_id,
                "providerTaskId": generation.provider_task_id,
                "model": generation.model,
                "pointsCharged": as_number(entry.points),
                "balance": as_number(entry.balance),
                "status": simulator.report(generation).status,
                "callbackUrl": generation.callback_url,
                "idempotencyKey": generation.idempotency_key,
                "prompt": generation.asked.get("prompt", ""),
                "createdAt": entry.at,
            }
        )
    return json_answer(200, {"balance": as_number(simulator.balance), "charges": charges})


def change_settings(simulator: Simulator, request: Request) -> Answer:
    """Take over what the form says; what it leaves out stays."""
    form, store = request.form(), simulator.store
    if "balance" in form:
        try:
            balance = Decimal(form["balance"])
        except InvalidOperation:
            balance = Decimal(-1)
        if not balance.is_finite() or balance < 0:
            return error_answer(422, "invalid_request", "The balance must be 0 or more.", "balance")
        store.choose("balance", str(balance))
    if "speed" in form:
        try:
            speed = float(form["speed"])
        except ValueError:
            speed = 0.0
        if not 0.01 <= speed <= 1000:
            return error_answer(422, "invalid_request", "The speed must be 0.01-1000.", "speed")
        store.choose("speed", str(speed))
    allowed: dict[str, list[str]] = {
        "scenario": ["", *Scenario],
        "dialect": list(Dialect),
        "outage": ["", *OUTAGES],
        "unknown_model": ["on", "off"],
    }
    for name, values in allowed.items():
        # A choice of "none" is an empty value, which the form leaves out: "none" stands for it.
        value = "" if form.get(name) == "none" else form.get(name)
        if value in values:
            store.choose(name, str(value))
    return _back()


def advance(simulator: Simulator, request: Request) -> Answer:
    """Jump ahead by so many seconds; everything that falls due on the way happens."""
    try:
        seconds = float(request.form().get("seconds", ""))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 7 * 86_400:
        return error_answer(422, "invalid_request", "How many seconds, 0-604800?", "seconds")
    simulator.clock.advance(seconds)
    return _back()


def act(simulator: Simulator, task_id: str, verb: str) -> Answer:
    """Finish a generation now, fail it, or send its callback (again)."""
    try:
        match verb:
            case "finish":
                simulator.finish(task_id)
            case "fail":
                simulator.fail(task_id)
            case "call":
                simulator.call_again(task_id)
    except LookupError:
        return error_answer(404, "not_found", "There is no such task.")
    simulator.tick()
    return _back()


def _back() -> Answer:
    return Answer(303, b"", {"Location": "/", "Cache-Control": "no-store"})


def _render(name: str, context: dict[str, Any]) -> str:
    return str(engine.get_template(name).render(Context(context, use_l10n=False, use_tz=False)))


def _options(values: list[tuple[str, str]], chosen: str) -> list[dict[str, Any]]:
    return [{"value": v, "sentence": text, "chosen": v == chosen} for v, text in values]


def _list_context(simulator: Simulator) -> dict[str, Any]:
    return {"rows": [_row(simulator, one) for one in simulator.store.generations(SHOWN)]}


def _row(simulator: Simulator, generation: Generation) -> dict[str, Any]:
    report = simulator.report(generation)
    callbacks = simulator.store.callbacks(generation.task_id)
    words = [str(one) for one in sorted(generation.scenarios)]
    if generation.dialect != Dialect.MIDSYNC:
        words.append(generation.dialect)
    return {
        "task_id": generation.task_id,
        "provider_task_id": generation.provider_task_id,
        "model": generation.model,
        "prompt": report.prompt or "(several shots)",
        "points": f"{generation.points:f}",
        "status": report.status,
        "progress": str(report.progress),
        "open": generation.finished_at is None,
        "media": f"/media/{generation.task_id}" if generation.status == "completed" else "",
        "words": words,
        "time": datetime.fromtimestamp(generation.created_at, UTC).strftime("%H:%M:%S"),
        "can_call": bool(generation.callback_url),
        "callbacks": [_callback(one) for one in callbacks],
        "host": urlsplit(generation.callback_url).netloc,
    }


def _callback(callback: Callback) -> dict[str, str]:
    """Nothing of the URL: it carries the customer's secret."""
    return {
        "word": callback.word,
        "state": callback.state,
        "attempts": str(callback.attempts),
        "answer": callback.answer or "waiting",
    }
