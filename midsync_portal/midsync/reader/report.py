"""From a callback or a status answer to a `StatusReport`."""

from ..text import clean_word
from ..types import ReportedStatus, StatusReport
from . import names, results
from .reasons import Reason, read_reason
from .values import (
    Place,
    all_ids,
    as_object,
    body_code,
    first_id,
    first_points,
    places,
    read_count,
    read_progress,
    read_seconds,
    task_id,
    values,
)

# The state, the word for it, and the path of the place that it stood in.
_FoundState = tuple[ReportedStatus | None, str, tuple[str, ...]]
_CHALLENGE_MAX = 2000  # characters
_CHALLENGE_COMPANIONS = frozenset({"challenge", "type", "event", "token", "timestamp"})


def read_report(payload: object) -> StatusReport:
    """What the payload says about a task; whatever cannot be read stays empty. Never raises."""
    found = places(payload)
    status, word = read_state(found)
    ended_badly = status in (ReportedStatus.FAILED, ReportedStatus.CANCELLED)
    reason = read_reason(payload) if ended_badly else Reason()
    estimates = map(read_seconds, values(found, names.ESTIMATE_NAMES))
    links = results.video_urls(found)
    if not links and status == ReportedStatus.SUCCEEDED:
        links = results.only_video_file(payload)
    progress = map(read_progress, values(found, names.PROGRESS_NAMES))
    return StatusReport(
        status=status,
        status_word=word,
        midsync_task_id=task_id(found),
        provider_task_id=first_id(found, names.PROVIDER_ID_NAMES),
        ids=all_ids(found),
        video_urls=links,
        cover_url=results.cover_url(found),
        failure_code=reason.code,
        failure_message=reason.message,
        points=first_points(found, names.REPORT_POINTS_NAMES),
        progress=next((percent for percent in progress if percent is not None), None),
        estimated_seconds=next((seconds for seconds in estimates if seconds), None),
        raw=payload,
    )


def is_challenge(payload: object) -> str | None:
    """The value to answer with, if the payload is nothing but a challenge; else None."""
    fields = as_object(payload)
    if fields is None or not _CHALLENGE_COMPANIONS.issuperset(fields):
        return None
    value = fields.get("challenge")
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 128:
        value = str(value)
    if not isinstance(value, str) or not 0 < len(value) <= _CHALLENGE_MAX:
        return None
    return value if value.isprintable() else None


def read_state(found: list[Place]) -> tuple[ReportedStatus | None, str]:
    """The state and the word for it, cleaned: by word, by known number, by code, by event."""
    outer = _first_state(found)
    if outer is None:
        return _by_event(found) or _by_code(found) or (None, _unknown_number(found))
    status, word, path = outer
    if not path and _normal(word) in names.ENVELOPE_WORDS:
        inner = _first_state([place for place in found if place.path])
        if inner is not None and inner[0] is not None:
            return inner[0], inner[1]
    return status, word


def tells_state(found: list[Place]) -> bool:
    """Whether the payload speaks of a state by more than an outcome code."""
    return _first_state(found) is not None or _by_event(found) is not None


def _first_state(found: list[Place]) -> _FoundState | None:
    for place in found:
        for name in names.STATE_NAMES:
            value = place.fields.get(name)
            word = clean_word(value)
            if isinstance(value, str) and word and not _is_number(word):
                return names.STATUS_WORDS.get(_normal(value)), word, place.path
            if (status := _pixverse(place, name)) is not None:
                return status, word, place.path
        for flag in values([place], names.SUCCESS_FLAG_NAMES):
            if (number := read_count(flag)) is not None:
                return names.SUCCESS_FLAGS.get(number), str(number), place.path
    return None


def _is_number(word: str) -> bool:
    return word.lstrip("+-").replace(".", "", 1).isdecimal()


def _unknown_number(found: list[Place]) -> str:
    """A state given as a number of an unknown scheme: for support to see, not to be read."""
    return next(filter(None, map(clean_word, values(found, names.STATE_NAMES))), "")


def _normal(word: str) -> str:
    return "_".join(word[:200].lower().replace("-", " ").replace("_", " ").split())


def _pixverse(place: Place, name: str) -> ReportedStatus | None:
    """PixVerse's number, in a body with the fields that PixVerse sends beside it."""
    if name != "status" or names.PIXVERSE_SIGNS.isdisjoint(place.fields):
        return None
    number = read_count(place.fields.get(name))
    return names.PIXVERSE_STATUSES.get(number) if number is not None else None


def _by_code(found: list[Place]) -> tuple[ReportedStatus | None, str] | None:
    code = body_code(found)
    if code is None:
        return None
    word = str(code)
    if code == names.CODE_SUCCESS:
        return ReportedStatus.SUCCEEDED, word
    return (ReportedStatus.FAILED, word) if code >= 300 else (None, word)


def _by_event(found: list[Place]) -> tuple[ReportedStatus | None, str] | None:
    """The state at the end of an event's name, as in "video.completed"; only a known word."""
    for value in values(found, names.EVENT_NAMES):
        word = clean_word(value)
        last = _normal(word.replace(":", ".").rpartition(".")[2])
        if "." in word.replace(":", ".") and last in names.STATUS_WORDS:
            return names.STATUS_WORDS[last], word
    return None
