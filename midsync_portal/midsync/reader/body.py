"""From bytes to JSON values, whatever the bytes are."""

import json
import re
from decimal import Decimal, InvalidOperation
from urllib.parse import parse_qsl

from .names import ID_NAMES, STATE_NAMES

_NUMBER_MAX = 64  # characters; a longer number is no id, no amount and no time
_EXPONENT_MAX = 300
_FORM_FIELDS_MAX = 100
_FORM_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\[\]-]{0,63}")


class UnreadableBody(ValueError):
    """The bytes are neither JSON nor a form that carries a report."""


def read_body(body: bytes) -> object:
    """The JSON value in the bytes (UTF-8, -16 or -32, with or without a byte order mark).

    Fractions become `Decimal`. NaN, infinities and absurdly long numbers become None, so that
    one silly number does not hide the rest. A form body counts when one of its fields holds
    JSON or is named like an id or a state. Raises only `UnreadableBody`.
    """
    try:
        text = bytes(body).decode(json.detect_encoding(body), "surrogatepass")
    except (UnicodeError, TypeError, ValueError) as error:
        raise UnreadableBody("not text") from error
    text = text.lstrip("\ufeff").strip().strip("\0")
    if not text:
        raise UnreadableBody("empty")
    try:
        return parse_json(text)
    except UnreadableBody:
        form = _read_form(text)
        if form is None:
            raise
        return form


def parse_json(text: str) -> object:
    """The JSON value in the text; raises only `UnreadableBody`."""
    try:
        value: object = json.loads(
            text, parse_int=_whole, parse_float=_fraction, parse_constant=lambda _: None
        )
    except (ValueError, RecursionError, MemoryError) as error:
        raise UnreadableBody("not JSON") from error
    return value


def _whole(digits: str) -> int | None:
    return int(digits) if len(digits) <= _NUMBER_MAX else None


def _fraction(digits: str) -> Decimal | None:
    """The fraction, if its size is one that arithmetic can afford."""
    if len(digits) > _NUMBER_MAX:
        return None
    try:
        value = Decimal(digits)
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value.adjusted()) <= _EXPONENT_MAX else None


def _read_form(text: str) -> dict[str, object] | None:
    """The fields of a form body, a JSON field as its value; None if this is no report."""
    if text[0] in '<{["' or "=" not in text:
        return None
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_FORM_FIELDS_MAX)
    except ValueError:
        return None
    fields: dict[str, object] = {}
    holds_json = False
    for name, value in pairs:
        if not _FORM_NAME.fullmatch(name):
            return None
        fields[name] = value
        if value.lstrip()[:1] in ("{", "["):
            try:
                fields[name] = parse_json(value)
                holds_json = True
            except UnreadableBody:
                continue
    telling = holds_json or any(name in fields for name in (*ID_NAMES, *STATE_NAMES))
    return fields if telling else None
