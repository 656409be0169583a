"""Why something failed: message, code and the field at fault, from any of the known shapes."""

import re
from dataclasses import dataclass
from http import HTTPStatus

from ..text import clean_message, clean_word
from . import names
from .values import Place, body_code, places, values

_DEPTH = 4
# Node frameworks put these beside the message that says more.
_HTTP_PHRASES = frozenset(status.phrase for status in HTTPStatus)
_PARTS_MAX = 5
_FIELD_KEYS = ("field", "param", "parameter", "path", "loc", "property", "name")
_MESSAGE_KEYS = ("message", "msg", "reason", "description", "detail", "error", "title")
_CODE_KEYS = ("code", "type", "status")
_LIST_KEYS = ("details", "errors", "issues", "violations")
_FIELDS = {field.lower(): field for field in names.REQUEST_FIELDS}
_FIELDS |= {re.sub(r"(?<!^)(?=[A-Z])", "_", field).lower(): field for field in names.REQUEST_FIELDS}
_FIRST_WORDS = re.compile(
    r"[\"'`\[(]*(?:(?:body|input|the|invalid|field|parameter)\b[.:\s\"'`]*)*([A-Za-z_]+)"
)


@dataclass(frozen=True, slots=True)
class Reason:
    """A cleaned reason: message (500 characters), code (64), MidSync's name of the field."""

    message: str = ""
    code: str = ""
    field: str | None = None


def read_reason(payload: object) -> Reason:
    """The reason in an answer or callback that is known to tell of a failure."""
    found = places(payload)
    message = code = ""
    field: str | None = None
    for place in found:
        part = _reason_of(place)
        message, code, field = message or part.message, code or part.code, field or part.field
    if not message or message in _HTTP_PHRASES:
        message = _plain(found) or message
    detail = _detail(found)
    if detail.message and detail.message not in message:
        message = f"{message}: {detail.message}" if message else detail.message
    if not code:
        outcome = body_code(found)
        code = str(outcome) if outcome not in (None, 0, names.CODE_SUCCESS) else ""
    return Reason(clean_message(message), code, field or detail.field or _field_in_text(message))


def _reason_of(place: Place) -> Reason:
    """The reason under the names that are only used for reasons."""
    reasons = [_read(place.fields.get(name)) for name in ("error", "errors", *names.REASON_NAMES)]
    status = place.fields.get("base_resp")
    if isinstance(status, dict) and status.get("status_code") not in (None, 0, "0"):
        reasons.append(
            Reason(clean_message(status.get("status_msg")), clean_word(status.get("status_code")))
        )
    codes = [reason.code for reason in reasons]
    codes += [clean_word(place.fields.get(name)) for name in names.REASON_CODE_NAMES]
    return Reason(
        next((reason.message for reason in reasons if reason.message), ""),
        next(filter(None, codes), ""),
        next((reason.field for reason in reasons if reason.field), None),
    )


def _plain(found: list[Place]) -> str:
    """`message` or `msg`, which also accompany success and so come last; may be a list."""
    messages = (_read(value).message for value in values(found, names.PLAIN_REASON_NAMES))
    return next(filter(None, messages), "")


def _detail(found: list[Place]) -> Reason:
    """FastAPI's and fal.ai's `detail`: text, or a list of entries with `loc` and `msg`."""
    details = (_read(value) for value in values(found, ("detail", "payload_error")))
    return next((detail for detail in details if detail.message), Reason())


def _read(value: object, depth: int = _DEPTH) -> Reason:
    """The reason in a text, an object, or a list of either."""
    if depth == 0:
        return Reason()
    if isinstance(value, str):
        return Reason(clean_message(value), "", None)
    if isinstance(value, list):
        return _joined([_read(entry, depth - 1) for entry in value[:_PARTS_MAX]])
    if not isinstance(value, dict):
        return Reason()
    parts = [_read(value.get(key), depth - 1) for key in _MESSAGE_KEYS]
    message = next((part.message for part in parts if part.message), "")
    inner = _joined([_read(value.get(key), depth - 1) for key in _LIST_KEYS if value.get(key)])
    by_field = _by_field(value, depth) if not message else Reason()
    code = next(filter(None, (clean_word(value.get(key)) for key in _CODE_KEYS)), "")
    fields = [*(_field(value.get(key)) for key in _FIELD_KEYS), inner.field, by_field.field]
    return Reason(
        message or inner.message or by_field.message,
        code,
        next((field for field in (*fields, *(part.field for part in parts)) if field), None),
    )


def _by_field(value: dict[str, object], depth: int) -> Reason:
    """Messages keyed by the field that they are about."""
    reasons = []
    for key, entry in list(value.items())[:50]:
        if field := _field(key):
            part = _read(entry, depth - 1)
            reasons.append(Reason(f"{field}: {part.message}" if part.message else "", "", field))
    return _joined(reasons)


def _joined(reasons: list[Reason]) -> Reason:
    messages = dict.fromkeys(reason.message for reason in reasons if reason.message)
    return Reason(
        "; ".join(messages),
        next((reason.code for reason in reasons if reason.code), ""),
        next((reason.field for reason in reasons if reason.field), None),
    )


def _field(value: object) -> str | None:
    """MidSync's name of the field that a path, a list of steps or a word points to."""
    steps = value if isinstance(value, list) else [value]
    for step in steps[:10]:
        if not isinstance(step, str):
            continue
        for word in re.split(r"[.\[\]/]+", step[:200]):
            if field := _FIELDS.get(word.strip().lower()):
                return field
    return None


def _field_in_text(message: str) -> str | None:
    """The field that a sentence begins with, as validators phrase it: "duration must be …"."""
    match = _FIRST_WORDS.match(message)
    return _FIELDS.get(match[1].lower()) if match else None
