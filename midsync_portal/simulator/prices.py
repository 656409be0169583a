"""What a video costs, in points.

Documented prices are as MidSync publishes them; those marked "made up" exist only so that every
model can be tried. Prices are decimals throughout.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

KLING_25 = {5: Decimal(35), 10: Decimal(70)}
KLING_26 = {
    (5, False): Decimal(46),
    (10, False): Decimal(92),
    (5, True): Decimal(92),
    (10, True): Decimal(184),
}
#: Per second: MidSync's page names no unit, and the duration is free.
KLING_30_PER_SECOND = {
    ("std", False): Decimal(12),
    ("std", True): Decimal(17),
    ("pro", False): Decimal(15),
    ("pro", True): Decimal(23),
}
RUNWAY = {(5, "720p"): Decimal(10), (5, "1080p"): Decimal(25), (10, "720p"): Decimal(25)}
#: For 6 seconds; every further second costs two points more.
GROK_AT_SIX_SECONDS = {"480p": Decimal(9), "720p": Decimal(17)}
VEO_FAST = Decimal(17)

# Made up: no price of these was published.
SEEDANCE_PER_SECOND = {"480p": Decimal("2.4"), "720p": Decimal("5.2"), "1080p": Decimal("11.5")}
SEEDANCE_AUDIO_FACTOR = 2
VEO = Decimal("62.5")
KLING_26_TEXT = KLING_26
AURORA_PER_SECOND = Decimal("3.25")


def price_of(model: str, asked: Mapping[str, Any]) -> Decimal:
    """The price in points of a checked request whose defaults are filled in.

    Raises LookupError for a model or combination that has no price.
    """
    audio = bool(asked.get("generateAudio", False))
    match model:
        case "kling-2.5-turbo":
            return KLING_25[asked["duration"]]
        case "kling-2.6-i2v":
            return KLING_26[asked["duration"], audio]
        case "kling-2.6-t2v":
            return KLING_26_TEXT[asked["duration"], audio]
        case "kling-3.0":
            return KLING_30_PER_SECOND[asked["mode"], audio] * int(asked["duration"])
        case "runway":
            return RUNWAY[asked["duration"], asked["quality"]]
        case "grok-video":
            return GROK_AT_SIX_SECONDS[asked["resolution"]] + 2 * (int(asked["duration"]) - 6)
        case "veo-3.1-fast":
            return VEO_FAST
        case "veo-3.1":
            return VEO
        case "seedance-1.5-pro":
            base = SEEDANCE_PER_SECOND[asked["resolution"]] * int(asked["duration"])
            return base * SEEDANCE_AUDIO_FACTOR if audio else base
        case "aurora-1":
            return AURORA_PER_SECOND * int(asked["duration"])
    raise LookupError(f"no price for {model}")


def surprise_price(price: Decimal) -> Decimal:
    """What the surprise-price scenario charges instead: a quarter more than was quoted."""
    return (price * Decimal("1.25")).quantize(Decimal("0.01"))


def as_number(points: Decimal) -> int | float:
    """Points as a JSON number: 35, not 35.0; 9.6, not "9.6"."""
    return int(points) if points == points.to_integral_value() else float(points)


PRICING_HINTS: dict[str, dict[str, Any]] = {
    "kling-2.5-turbo": {"unit": "video", "examples": {"5 s": 35, "10 s": 70}},
    "kling-2.6-i2v": {
        "unit": "video",
        "examples": {"5 s": 46, "10 s": 92, "5 s with audio": 92, "10 s with audio": 184},
    },
    "kling-2.6-t2v": {"unit": "video", "examples": {"5 s": 46, "10 s": 92}, "madeUp": True},
    "kling-3.0": {
        "unit": "second",
        "examples": {"std": 12, "std with audio": 17, "pro": 15, "pro with audio": 23},
    },
    "runway": {"unit": "video", "examples": {"5 s 720p": 10, "5 s 1080p": 25, "10 s 720p": 25}},
    "grok-video": {"unit": "video", "examples": {"6 s 480p": 9, "6 s 720p": 17, "more": "2 per s"}},
    "veo-3.1-fast": {"unit": "video", "examples": {"any": 17}},
    "veo-3.1": {"unit": "video", "examples": {"any": 62.5}, "madeUp": True},
    "seedance-1.5-pro": {
        "unit": "second",
        "examples": {"480p": 2.4, "720p": 5.2, "1080p": 11.5, "with audio": "double"},
        "madeUp": True,
    },
    "aurora-1": {"unit": "second", "examples": {"any": 3.25}, "madeUp": True},
}
