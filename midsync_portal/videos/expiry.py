"""Until when a signed link works, where the link itself says so."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

# Signed at, and good for so many seconds: Amazon, Google, Volcengine, Alibaba.
DATED = (
    ("x-amz-date", "x-amz-expires"),
    ("x-goog-date", "x-goog-expires"),
    ("x-tos-date", "x-tos-expires"),
    ("x-oss-date", "x-oss-expires"),
)
# A moment in seconds since 1970: Amazon's and Google's older links, CloudFront, Alibaba, others.
MOMENTS = ("expires", "expire", "expires_at", "exp", "expiry")


def link_ends_at(url: str) -> datetime | None:
    """The end of a signed link; None where it does not say."""
    try:
        pairs = parse_qsl(urlsplit(url).query, max_num_fields=100)
    except ValueError:
        return None
    given = {name.lower(): value for name, value in pairs}
    try:
        return _end(given)
    except (ValueError, OverflowError, OSError):
        return None


def _end(given: Mapping[str, str]) -> datetime | None:
    for signed, seconds in DATED:
        if signed in given and seconds in given:
            begin = datetime.strptime(given[signed], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            return begin + timedelta(seconds=_whole(given[seconds]))
    if "se" in given and "sig" in given:  # Azure
        end = datetime.fromisoformat(given["se"])
        return end if end.tzinfo else end.replace(tzinfo=UTC)
    if "q-sign-time" in given:  # Tencent: from;to
        return _moment(given["q-sign-time"].partition(";")[2])
    return next((_moment(given[name]) for name in MOMENTS if name in given), None)


def _moment(text: str) -> datetime | None:
    """A moment of our days in seconds or milliseconds since 1970; None for any other number."""
    number = _whole(text)
    seconds = number // 1000 if number > 10**11 else number
    end = datetime.fromtimestamp(seconds, UTC)
    return end if 2020 <= end.year < 2100 else None


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise ValueError("not a whole number")
    return int(text)
