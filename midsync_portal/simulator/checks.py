"""Refuses what MidSync's rules refuse, and names the field.

``check`` answers the request with defaults filled in, ready for the price and the video.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .offer import Model, Parameter

#: Fields that every model takes.
COMMON = frozenset({"model", "projectId", "callbackUrl"})
NUMBER = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a request: the field and a sentence."""

    field: str
    message: str


class RequestRefused(Exception):
    """The request breaks a rule; ``problems`` says which, in the order of the fields."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems[0].message)
        self.problems = problems


def check(model: Model, body: Mapping[str, Any]) -> dict[str, Any]:
    """The request with defaults filled in. Raises RequestRefused."""
    problems: list[Problem] = []
    asked: dict[str, Any] = {}
    for name, value in body.items():
        parameter = model.parameter(name)
        if name in COMMON:
            if not isinstance(value, str) or not value:
                problems.append(Problem(name, f"{name} must be a non-empty string."))
            continue
        if parameter is None:
            problems.append(Problem(name, f"{model.id} does not take {name}."))
            continue
        try:
            asked[name] = _value(parameter, value)
        except ValueError as wrong:
            problems.append(Problem(name, f"{name} {wrong}"))
    wrong_already = {problem.field for problem in problems}
    for parameter in model.parameters:
        if parameter.name not in wrong_already:
            problems += _presence(parameter, asked)
    problems += [
        Problem(next(iter(blocked)), f"{_words(blocked)} cannot be combined.")
        for blocked in model.blocked
        if all(asked.get(name) == value for name, value in blocked.items())
    ]
    problems += SPECIAL.get(model.id, _nothing_special)(asked)
    if problems:
        raise RequestRefused(problems)
    defaults = {
        one.name: one.default
        for one in model.parameters
        if one.default is not None and not (one.not_with and asked.get(one.not_with))
    }
    return defaults | asked


def _presence(parameter: Parameter, asked: Mapping[str, Any]) -> list[Problem]:
    """Is it there when it must be, and absent when it must be?"""
    name, value = parameter.name, asked.get(parameter.name)
    missing = value is None or value == "" or value == []
    if parameter.required and missing:
        return [Problem(name, f"{name} is required.")]
    other = parameter.needed_without
    if other and missing and not asked.get(other):
        return [Problem(name, f"{name} is required without {other}.")]
    if parameter.not_with and not missing and asked.get(parameter.not_with):
        return [Problem(name, f"{name} cannot be sent together with {parameter.not_with}.")]
    return []


def _value(parameter: Parameter, value: Any) -> Any:
    """The value as the rules understand it. Raises ValueError with the rest of a sentence."""
    if value is None or value == "":
        raise ValueError("must not be empty; leave it out instead.")
    match parameter.kind:
        case "text":
            if not isinstance(value, str):
                raise ValueError("must be a string.")
            _within(parameter, len(value.strip()), "characters")
        case "choice":
            numeric = all(isinstance(option, int) for option in parameter.options)
            value = _number(value) if numeric else value
            if isinstance(value, bool) or value not in parameter.options:
                raise ValueError(f"must be one of {', '.join(map(str, parameter.options))}.")
        case "integer":
            value = _number(value)
            if value != int(value):
                raise ValueError("must be a whole number.")
            value = int(value)
            _within(parameter, value)
        case "number":
            value = _number(value)
            _within(parameter, value)
        case "boolean":
            if not isinstance(value, bool):
                raise ValueError("must be true or false.")
        case "urls":
            _urls(value)
            _within(parameter, len(value), "items")
        case "shots":
            _shots(value)
            _within(parameter, len(value), "shots")
        case "elements":
            _elements(value)
            _within(parameter, len(value), "elements")
        case "loose":
            if not isinstance(value, (str, bool)):
                raise ValueError("must be a string or a boolean.")
    return value


def _number(value: Any) -> int | float:
    """A number, also when it comes as a string: MidSync's pages say both."""
    if isinstance(value, str) and NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("must be a number.")
    return int(value) if value == int(value) else value


def _within(parameter: Parameter, amount: float, unit: str = "") -> None:
    unit = f" {unit}" if unit else ""
    if parameter.least is not None and amount < parameter.least:
        raise ValueError(f"must be at least {parameter.least}{unit}.")
    if parameter.most is not None and amount > parameter.most:
        raise ValueError(f"must be at most {parameter.most}{unit}.")


def _urls(value: Any) -> None:
    if not isinstance(value, list) or not all(isinstance(url, str) for url in value):
        raise ValueError("must be a list of URLs.")
    for url in value:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or len(url) > 2048:
            raise ValueError("must hold web addresses.")


def _shots(value: Any) -> None:
    if not isinstance(value, list) or not all(isinstance(shot, dict) for shot in value):
        raise ValueError("must be a list of shots.")
    for number, shot in enumerate(value, 1):
        if set(shot) != {"prompt", "duration"}:
            raise ValueError(f"needs prompt and duration, nothing else, in shot {number}.")
        text, length = shot["prompt"], _number(shot["duration"])
        if not isinstance(text, str) or not 1 <= len(text.strip()) <= 500:
            raise ValueError(f"needs a prompt of 1-500 characters in shot {number}.")
        if length != int(length) or not 1 <= length <= 12:
            raise ValueError(f"needs a duration of 1-12 whole seconds in shot {number}.")


def _elements(value: Any) -> None:
    """Elements have a name, a description and 2-4 images; the key of the images is not known."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ValueError("must be a list of elements.")
    for number, element in enumerate(value, 1):
        pictures = [one for one in element.values() if isinstance(one, list)]
        if not all(isinstance(element.get(key), str) for key in ("name", "description")):
            raise ValueError(f"needs a name and a description in element {number}.")
        if len(pictures) != 1 or not 2 <= len(pictures[0]) <= 4:
            raise ValueError(f"needs 2-4 images in element {number}.")
        _urls(pictures[0])


def _nothing_special(asked: dict[str, Any]) -> list[Problem]:
    return []


def _kling_turbo(asked: dict[str, Any]) -> list[Problem]:
    if asked.get("images") and len(asked.get("negativePrompt", "")) > 500:
        message = "negativePrompt must be at most 500 characters with an image."
        return [Problem("negativePrompt", message)]
    return []


def _kling_three(asked: dict[str, Any]) -> list[Problem]:
    """Several shots replace prompt and duration; their sum is the duration."""
    shots = asked.get("multiPrompt")
    if not asked.get("multiShots"):
        return [Problem("multiPrompt", "multiPrompt needs multiShots.")] if shots else []
    if not shots:
        return [Problem("multiPrompt", "multiPrompt is required with multiShots.")]
    total = sum(int(_number(shot["duration"])) for shot in shots)
    problems = []
    if not 3 <= total <= 15:
        problems.append(Problem("multiPrompt", "multiPrompt must last 3-15 seconds in all."))
    if asked.setdefault("duration", total) != total:
        problems.append(Problem("duration", f"duration must be the sum of the shots, {total}."))
    if len(asked.get("images", [])) > 1:
        problems.append(Problem("images", "images must be at most 1 with multiShots."))
    return problems


def _grok(asked: dict[str, Any]) -> list[Problem]:
    pictures, reference = asked.get("images"), asked.get("referenceTaskId")
    problems = []
    if pictures and reference:
        problems.append(Problem("referenceTaskId", "referenceTaskId excludes images."))
    if "referenceIndex" in asked and not reference:
        problems.append(Problem("referenceIndex", "referenceIndex needs referenceTaskId."))
    if pictures and asked.get("mode") == "spicy":
        problems.append(Problem("mode", "mode spicy cannot be used with images."))
    if not pictures and not reference and not asked.get("prompt"):
        problems.append(Problem("prompt", "prompt is required without an image."))
    return problems


def _veo(asked: dict[str, Any]) -> list[Problem]:
    """The mode decides how many images; without a mode the images decide."""
    count = len(asked.get("images", []))
    limits = {
        "TEXT_2_VIDEO": (0, 0),
        "FIRST_AND_LAST_FRAMES_2_VIDEO": (1, 2),
        "REFERENCE_2_VIDEO": (1, 3),
    }
    least, most = limits.get(asked.get("mode", ""), (0, 2))
    if not least <= count <= most:
        mode = asked.get("mode", "without a mode")
        return [Problem("images", f"images: {least} to {most} are allowed ({mode}).")]
    return []


def _words(blocked: Mapping[str, Any]) -> str:
    return " and ".join(f"{name} {value}" for name, value in blocked.items())


SPECIAL = {
    "kling-2.5-turbo": _kling_turbo,
    "kling-3.0": _kling_three,
    "grok-video": _grok,
    "veo-3.1-fast": _veo,
    "veo-3.1": _veo,
}
