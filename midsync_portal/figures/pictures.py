"""Small pictures of the last hour: numbers that a template draws as SVG."""

from collections.abc import Iterable
from dataclasses import dataclass

from .reading import Minute

WIDTH, HEIGHT = 305, 60  # units of the picture: 61 minutes of 5 each
STEP = 5


@dataclass(frozen=True)
class Bar:
    """One minute: its place, the height of the good part and of the bad part on top of it."""

    x: int
    y: float
    height: float
    bad_y: float
    bad_height: float
    title: str


@dataclass(frozen=True)
class Picture:
    """Bars of an hour; `most` is what the highest one stands for."""

    bars: list[Bar]
    most: float
    width: int = WIDTH
    height: int = HEIGHT


def bars(minutes: Iterable[tuple[Minute, float, float]], unit: str = "") -> Picture:
    """A picture of (minute, good, bad), where bad is drawn on top of good."""
    rows = list(minutes)
    most = max((good + bad for _, good, bad in rows), default=0)
    scale = HEIGHT / most if most else 0
    drawn = []
    for place, (minute, good, bad) in enumerate(rows):
        top = round(HEIGHT - (good + bad) * scale, 1)
        good_top = round(HEIGHT - good * scale, 1)
        said = f"{minute.at:%H:%M} UTC: {good:.0f}{unit}" + (f" + {bad:.0f}" if bad else "")
        drawn.append(
            Bar(
                x=place * STEP,
                y=good_top,
                height=round(HEIGHT - good_top, 1),
                bad_y=top,
                bad_height=round(good_top - top, 1),
                title=said,
            )
        )
    return Picture(drawn, most)


def of_requests(minutes: Iterable[Minute]) -> Picture:
    """Requests to MidSync, errors on top."""
    return bars((minute, minute.calls - minute.errors, minute.errors) for minute in minutes)


def of_callbacks(minutes: Iterable[Minute]) -> Picture:
    """Callbacks, the refused ones on top."""
    return bars((minute, minute.callbacks, minute.refused) for minute in minutes)


def of_waiting(minutes: Iterable[Minute]) -> Picture:
    """Milliseconds within which 95 of 100 requests were answered."""
    return bars(((minute, minute.p95 or 0, 0) for minute in minutes), unit=" ms")
