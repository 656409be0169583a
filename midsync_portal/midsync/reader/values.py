"""Single facts out of foreign JSON: objects, ids, points, seconds. Nothing here raises."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from ..text import clean_word
from . import names
from .body import UnreadableBody, parse_json

POINTS_MAX = Decimal(10**9)
_POINTS_STEP = Decimal("0.0001")
_ESTIMATE_MAX = 86_400  # seconds
_NUMBER = re.compile(r"[+-]?\d{1,20}(?:\.\d{1,20})?")
_DURATION = re.compile(
    r"(\d{1,6}(?:\.\d{1,6})?)\s*(s|secs?|seconds?|m|mins?|minutes?)?", re.IGNORECASE
)
_LONGEST_JSON_STRING = 262_144  # characters
_DEPTH = 2  # containers below the top


@dataclass(frozen=True, slots=True)
class Place:
    """An object of the body in which facts are looked for; `path` is () for the top level."""

    path: tuple[str, ...]
    fields: dict[str, object]


def as_object(value: object) -> dict[str, object] | None:
    """The value as an object: itself, the only one of a list, or one written as JSON text."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        value = as_json(value)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, dict) else None


def as_json(value: object) -> object:
    """What a JSON text holds; None if it is none."""
    if not isinstance(value, str) or len(value) > _LONGEST_JSON_STRING:
        return None
    try:
        return parse_json(value)
    except UnreadableBody:
        return None


def places(payload: object) -> list[Place]:
    """The objects to look into, the top level first, echoes of the request left out."""
    top = as_object(payload)
    if top is None:
        return []
    found = [Place((), top)]
    for place in found:  # grows while it is walked: level by level
        if len(place.path) == _DEPTH:
            break
        for name in names.PLACES + names.MORE_PLACES:
            fields = as_object(place.fields.get(name))
            if fields is not None and not echoes_request(fields):
                found.append(Place((*place.path, name), fields))
    return found


def echoes_request(fields: dict[str, object]) -> bool:
    """Whether an inner object only repeats what was ordered: inputs, but no id and no state."""
    return (
        not names.REQUEST_NAMES.isdisjoint(fields)
        and ("prompt" in fields or "callbackUrl" in fields)
        and fields.keys().isdisjoint((*names.ID_NAMES, *names.STATE_NAMES))
    )


def values(found: Iterable[Place], wanted: Iterable[str]) -> Iterator[object]:
    """Every value under the wanted names: place by place, in each place in order of the names."""
    wanted = tuple(wanted)
    for place in found:
        for name in wanted:
            if place.fields.get(name) is not None:
                yield place.fields[name]


def read_id(value: object) -> str:
    """An id as text of visible ASCII characters; "" if the value is none."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return str(value) if value.bit_length() <= 256 else ""
    if not isinstance(value, str):
        return ""
    text = value.strip()
    usable = 0 < len(text) <= names.ID_MAX and text.isascii() and text.isprintable()
    return text if usable and text.strip(".") and " " not in text else ""


def first_id(found: Iterable[Place], wanted: Iterable[str]) -> str:
    """The first usable id under the wanted names."""
    return next(filter(None, map(read_id, values(found, wanted))), "")


def task_id(found: list[Place]) -> str:
    """The id of the task: the names that mean nothing else first, anywhere."""
    return first_id(found, names.TASK_ID_NAMES) or next(iter(_other_ids(found)), "")


def all_ids(found: list[Place]) -> tuple[str, ...]:
    """Every id in the body that could name the task, at MidSync or at its provider."""
    ids = [
        *map(read_id, values(found, names.TASK_ID_NAMES)),
        *_other_ids(found),
        *map(read_id, values(found, names.PROVIDER_ID_NAMES)),
    ]
    return tuple(dict.fromkeys(filter(None, ids)))


def _other_ids(found: list[Place]) -> list[str]:
    ids = []
    for place in found:
        for name in names.OTHER_ID_NAMES:
            is_file_id = name == "id" and not names_task(place)
            if not is_file_id and (text := read_id(place.fields.get(name))):
                ids.append(text)
    return ids


def names_task(place: Place) -> bool:
    """Whether an `id` in this place is that of a task, not of a file inside the result."""
    return not place.path or place.path[-1] not in names.PLACES_WITHOUT_ID


def read_number(value: object) -> Decimal | None:
    """A finite number of ordinary size, also when written as text; None otherwise."""
    match value:
        case bool():
            return None
        case int():
            return Decimal(value) if value.bit_length() <= 64 else None
        case float():
            number = Decimal(str(value))
        case Decimal():
            number = value
        case str() if len(value) <= 64 and _NUMBER.fullmatch(value.strip()):
            number = _decimal(value.strip())
        case _:
            return None
    return number if number.is_finite() and abs(number.adjusted()) <= 40 else None


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # digits of another script
        return Decimal("NaN")


def read_points(value: object) -> Decimal | None:
    """Points, at most four places; None for what cannot be an amount (below 0, above 10^9)."""
    if isinstance(value, dict):
        amounts = (read_points(value.get(name)) for name in names.AMOUNT_NAMES if name in value)
        return next((points for points in amounts if points is not None), None)
    number = read_number(value)
    if number is None or number < 0 or number > POINTS_MAX:
        return None
    exact = number.quantize(_POINTS_STEP, ROUND_HALF_UP).normalize()
    if exact.is_zero():
        return Decimal(0)
    exponent = exact.as_tuple().exponent
    return exact.quantize(Decimal(1)) if isinstance(exponent, int) and exponent > 0 else exact


def first_points(found: Iterable[Place], wanted: Iterable[str]) -> Decimal | None:
    """The first readable amount, name by name: a sure name further in beats a vague one."""
    found = list(found)
    for name in wanted:
        for value in values(found, (name,)):
            if (points := read_points(value)) is not None:
                return points
    return None


def read_count(value: object) -> int | None:
    """A whole number that is not negative."""
    number = read_number(value)
    if number is None or number < 0 or number > 10**18 or number != number.to_integral_value():
        return None
    return int(number)


def read_seconds(value: object) -> int | None:
    """A duration in seconds, at most a day; text may name seconds or minutes."""
    number = read_number(value)
    if number is None and isinstance(value, str):
        match = _DURATION.fullmatch(value.strip()[:40])
        if match and (number := read_number(match[1])) is not None:
            number *= 60 if (match[2] or "s").lower().startswith("m") else 1
    if number is None or not 0 < number <= _ESTIMATE_MAX:
        return None
    return max(1, int(number))


def read_progress(value: object) -> int | None:
    """Percent done, 0 to 100; a fraction below 1 is read as a share."""
    if isinstance(value, str):
        value = value.strip().removesuffix("%").rstrip()
    number = read_number(value)
    if number is None or not 0 <= number <= 100:
        return None
    share = number < 1 and number != number.to_integral_value()
    return int(number * 100 if share else number)


def first_text(found: Iterable[Place], wanted: Iterable[str], limit: int = 200) -> str:
    """The first word or name under the wanted names, cleaned."""
    words = (clean_word(value, limit) for value in values(found, wanted))
    return next(filter(None, words), "")


def body_code(found: Iterable[Place]) -> int | None:
    """The outcome code that the body itself carries (as HTTP does), None if there is none."""
    for value in values(found, names.CODE_NAMES):
        code = read_count(value)
        if code is not None and code < 1000:
            return code
    return None
