"""What the account used: rows and totals.

An answer that cannot be read is an error, never an empty page: an empty page is evidence that
nothing was charged.
"""

from datetime import UTC, datetime
from decimal import Decimal

from .errors import MidSyncUnavailable
from .reader.values import (
    Place,
    as_object,
    first_text,
    places,
    read_count,
    read_id,
    read_number,
    read_points,
    values,
)
from .types import ModelUsage, UsageLog, UsagePage, UsageSummary

_ROWS_NAMES = ("logs", "items", "rows", "records")
_MILLISECONDS_FROM = 10**11  # a later moment in seconds than anyone will log


def read_usage_page(payload: object, page: int, limit: int) -> UsagePage:
    """A page of usage rows; raises `MidSyncUnavailable` if any of it cannot be read."""
    found = places(payload)
    rows = payload if isinstance(payload, list) else _rows(found)
    if rows is None or not all(isinstance(row, dict) for row in rows):
        raise MidSyncUnavailable(detail="usage logs in an unknown shape")
    paging = [*_objects(found, "pagination"), *found]
    return UsagePage(
        logs=tuple(_log(row) for row in rows),
        page=_count(paging, "page") or page,
        limit=_count(paging, "limit") or limit,
        total=_count(paging, "total"),
        raw=payload,
    )


def read_usage_summary(payload: object) -> UsageSummary:
    """The totals; raises `MidSyncUnavailable` if there are none to read."""
    found = places(payload)
    summary = UsageSummary(
        total_points_charged=_points(found, "totalPointsCharged"),
        total_requests=_count(found, "totalRequests"),
        total_input_tokens=_count(found, "totalInputTokens"),
        total_output_tokens=_count(found, "totalOutputTokens"),
        by_model=tuple(
            ModelUsage(
                video_model=first_text([row], ("model",)),
                requests=_count([row], "requests"),
                points_charged=_points([row], "pointsCharged"),
            )
            for row in _objects(found, "byModel")
        ),
        raw=payload,
    )
    if summary.total_points_charged is None and summary.total_requests is None:
        raise MidSyncUnavailable(detail="usage summary in an unknown shape")
    return summary


def _rows(found: list[Place]) -> list[dict[str, object]] | None:
    lists = [value for value in values(found, (*_ROWS_NAMES, "data")) if isinstance(value, list)]
    return lists[0] if lists else None


def _log(row: dict[str, object]) -> UsageLog:
    place = Place((), row)
    return UsageLog(
        log_id=read_id(row.get("id")),
        video_model=first_text([place], ("model",)),
        mode=first_text([place], ("mode",)),
        points_charged=_points([place], "pointsCharged"),
        created_at=_moment(row.get("createdAt") or row.get("created_at")),
        raw=row,
    )


def _objects(found: list[Place], name: str) -> list[Place]:
    """The objects under a name, be it one or a list of them."""
    for value in values(found, (name,)):
        entries = value if isinstance(value, list) else [value]
        return [Place((name,), fields) for entry in entries if (fields := as_object(entry))]
    return []


def _count(found: list[Place], name: str) -> int | None:
    counts = map(read_count, values(found, (name,)))
    return next((count for count in counts if count is not None), None)


def _points(found: list[Place], name: str) -> Decimal | None:
    amounts = map(read_points, values(found, (name,)))
    return next((points for points in amounts if points is not None), None)


def _moment(value: object) -> datetime | None:
    """A moment in UTC from ISO text or from seconds or milliseconds since 1970."""
    try:
        if isinstance(value, str) and not value.strip().isdecimal():
            moment = datetime.fromisoformat(value.strip())
            aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return aware.astimezone(UTC)
        number = read_number(value)
        if number is None:
            return None
        seconds = float(number) / (1000 if number >= _MILLISECONDS_FROM else 1)
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
