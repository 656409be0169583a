"""What an HTTP answer of MidSync means: a result, or one of our errors."""

import re
from dataclasses import replace
from datetime import UTC
from email.utils import parsedate_to_datetime

from .errors import (
    InsufficientPoints,
    InvalidRequest,
    MidSyncError,
    MidSyncMisconfigured,
    MidSyncRefused,
    MidSyncUnavailable,
    NotFound,
    TooManyRequests,
)
from .reader import UnreadableBody, names, read_body, read_report
from .reader.reasons import Reason, read_reason
from .reader.report import read_state, tells_state
from .reader.results import video_urls
from .reader.values import (
    Place,
    all_ids,
    body_code,
    first_id,
    first_points,
    first_text,
    places,
    read_seconds,
    task_id,
    values,
)
from .transport import Answer
from .types import Generation, PriceQuote, ReportedStatus, StatusReport

_RETRY_AFTER_MAX = 7 * 86_400  # seconds
_OUT_OF_POINTS = re.compile(
    r"\binsufficient\b(?!\W+(permission|scope|privilege|right|access|capacity|resource|data))"
    r"|\bbalance\b|\bcredits?\b(?!\W+cards?\b)|\bnot enough points\b|\bout of points\b"
    r"|\b(need|needs|have|has|only|requires?)\b.{0,40}\bpoints\b",
    re.IGNORECASE,
)
_NO_SUCH_TASK = re.compile(r"not[ _]?found|does not exist|no such|unknown task", re.IGNORECASE)
_BAD_CONTENT_CODES = (400, 422, 501)  # kie.ai: the making of the video failed


def read_generation(answer: Answer, now: float) -> Generation:
    """The accepted task, or the error that says what is known about the charge.

    A task id in a 2xx answer is acceptance, whatever else stands there. Only the listed
    refusals are refusals; everything else is `MidSyncUnavailable`: outcome unknown.
    """
    payload = _payload(answer)
    found = places(payload)
    reason = read_reason(payload)
    charged = (first_points(found, names.PROOF_OF_CHARGE_NAMES) or 0) > 0
    if not answer.is_success:
        tracing = set(map(str, values(found, names.TRACING_ID_NAMES)))
        named = any(known not in tracing for known in all_ids(found))
        if named and charged:
            raise _unknown(answer, reason, "refused, but names a task and a charge")
        if answer.status == 429 and (named or charged or answer.flaw):
            raise _unknown(answer, reason, "429 that may have been charged")
        raise _refusal(answer.status, answer, reason, now) or _unknown(answer, reason)
    accepted_id = task_id(found)
    code = _code(found, reason)
    refused = _says_no(found)
    doubtful = refused or _has_error(found) or (code or 0) >= 300
    if accepted_id and not (doubtful and _is_tracing_id(found, accepted_id)):
        return replace(_generation(found, accepted_id), http_status=answer.status)
    if not accepted_id and not charged and found:
        if error := _refusal(code, answer, reason, now):
            raise error
        if refused:
            raise _invalid(answer, reason)
    raise _unknown(answer, reason, answer.flaw or "2xx without a task id")


def _generation(found: list[Place], accepted_id: str) -> Generation:
    estimates = map(read_seconds, values(found, names.ESTIMATE_NAMES))
    status = read_state(found)[0] if tells_state(found) else None
    if status is ReportedStatus.SUCCEEDED and not video_urls(found):
        status = None  # "success" of the order, not of the video
    return Generation(
        midsync_task_id=accepted_id,
        provider_task_id=first_id(found, names.PROVIDER_ID_NAMES),
        video_model=first_text(found, names.MODEL_NAMES),
        provider_model=first_text(found, names.PROVIDER_MODEL_NAMES),
        points_charged=first_points(found, names.CHARGED_POINTS_NAMES),
        status=status,
        estimated_seconds=next((seconds for seconds in estimates if seconds), None),
        raw=found[0].fields,
    )


def read_quote(answer: Answer, now: float) -> PriceQuote:
    """The price preview; `points` is None if MidSync gave no readable figure."""
    found = places(read_answer(answer, now))
    return PriceQuote(
        points=first_points(found, names.QUOTE_POINTS_NAMES),
        model=first_text(found, names.MODEL_NAMES) or None,
        raw=found[0].fields if found else {},
    )


def read_answer(answer: Answer, now: float) -> object:
    """The payload of an answer to a question that charges nothing, or its error."""
    payload = _whole_payload(answer, now)
    found = places(payload)
    reason = read_reason(payload)
    code = _code(found, reason)
    if _says_no(found) or _has_error(found) or (code or 0) >= 300:
        raise _error_in_body(code, answer, reason, now)
    return payload


def read_status(answer: Answer, now: float) -> StatusReport:
    """What the status endpoint says about the task; an error if only the look-up failed.

    `success` speaks of the look-up. A failure is believed to be the video's when the answer
    names a task or gives a state of its own, not when it is an envelope around nothing.
    """
    payload = _whole_payload(answer, now)
    found = places(payload)
    report = read_report(payload)
    reason = read_reason(payload)
    code = _code(found, reason)
    if tells_state(found):
        only_envelope = report.status_word.strip().lower() in ("error", "fail")
        lookup_failed = not report.ids and (_says_no(found) or only_envelope)
    elif (code or 0) >= 300:
        lookup_failed = code not in _BAD_CONTENT_CODES or (code != 501 and not report.ids)
    else:
        lookup_failed = not report.video_urls and (_says_no(found) or _has_error(found))
    if not lookup_failed:
        return report
    if code is None and _NO_SUCH_TASK.search(f"{reason.code} {reason.message}"):
        raise NotFound(reason.message, code=reason.code, http_status=answer.status)
    error = _refusal(code, answer, reason, now) if code else None
    raise error or _unknown(answer, reason, "the look-up failed")


def _payload(answer: Answer) -> object:
    """The JSON of the answer, None if there is none."""
    try:
        return None if answer.flaw else read_body(answer.body)
    except UnreadableBody:
        return None


def _whole_payload(answer: Answer, now: float) -> object:
    """The JSON of a 2xx answer; every other answer raises its error."""
    payload = _payload(answer)
    if not answer.is_success:
        raise _error_in_body(answer.status, answer, read_reason(payload), now)
    if not isinstance(payload, dict | list | str):
        raise _unknown(answer, Reason(), answer.flaw or "not JSON")
    return payload


def _error_in_body(code: int | None, answer: Answer, reason: Reason, now: float) -> MidSyncError:
    """The error of a question that charges nothing: by code, then by words."""
    if error := _refusal(code, answer, reason, now):
        return error
    if _is_about_points(reason):
        return _out_of_points(answer, reason)
    if code is None or code < 300:
        return _invalid(answer, reason)
    return _unknown(answer, reason, f"code {code}", retry_after(answer, now))


def _refusal(code: int | None, answer: Answer, reason: Reason, now: float) -> MidSyncError | None:
    """The error that a code means beyond doubt, be it of HTTP or in the body; else None."""
    match code:
        case 401 | 403:
            return MidSyncMisconfigured(detail=reason.message, http_status=answer.status)
        case 402:
            return _out_of_points(answer, reason)
        case 404:
            return NotFound(reason.message, code=reason.code, http_status=answer.status)
        case 429:
            return TooManyRequests(
                code=reason.code,
                http_status=answer.status,
                retry_after=retry_after(answer, now),
                detail=reason.message,
            )
        case 400 | 409 | 413 | 422:
            return _invalid(answer, reason)
        case 405 | 415:
            return MidSyncRefused(
                detail=reason.message, code=reason.code, http_status=answer.status
            )
    return None


def _invalid(answer: Answer, reason: Reason) -> MidSyncRefused:
    if _is_about_points(reason):
        return _out_of_points(answer, reason)
    return InvalidRequest(
        reason.message, code=reason.code, http_status=answer.status, field=reason.field
    )


def _out_of_points(answer: Answer, reason: Reason) -> InsufficientPoints:
    """MidSync's words go to the operator: they speak of an account that is not the customer's."""
    return InsufficientPoints(detail=reason.message, code=reason.code, http_status=answer.status)


def _unknown(
    answer: Answer, reason: Reason, detail: str = "", wait: float | None = None
) -> MidSyncUnavailable:
    parts = (detail, reason.message)
    return MidSyncUnavailable(
        code=reason.code,
        http_status=answer.status,
        retry_after=wait,
        detail=": ".join(filter(None, parts)),
    )


def _is_about_points(reason: Reason) -> bool:
    return bool(_OUT_OF_POINTS.search(f"{reason.code} {reason.message}".replace("_", " ")))


def _says_no(found: list[Place]) -> bool:
    """Whether the outermost `success` is false."""
    for value in values(found, ("success",)):
        return value is False or (isinstance(value, str) and value.strip().lower() == "false")
    return False


def _has_error(found: list[Place]) -> bool:
    return any(bool(value) for value in values(found, ("error", "errors")))


def _is_tracing_id(found: list[Place], accepted_id: str) -> bool:
    """Whether an id is only known as that of the call, as error answers carry it."""
    return accepted_id in map(str, values(found, names.TRACING_ID_NAMES))


def _code(found: list[Place], reason: Reason) -> int | None:
    """The outcome code in the body, or the one inside its error object."""
    code = body_code(found)
    if code is None and len(reason.code) == 3 and reason.code.isascii() and reason.code.isdigit():
        code = int(reason.code)
    return code


def retry_after(answer: Answer, now: float) -> float | None:
    """Seconds to wait as the header says (seconds or a date); None if absent or unreadable."""
    text = (answer.headers.get("Retry-After") or "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text):
        return min(float(text), _RETRY_AFTER_MAX)
    try:
        moment = parsedate_to_datetime(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return min(max(moment.timestamp() - now, 0.0), _RETRY_AFTER_MAX)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
