"""From MidSync's list and the built-in rules to the models that can be ordered.

What MidSync says about a known model replaces what the rules say; what it leaves out, the rules
fill in. A model nobody has heard of consists of what MidSync says about it.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from midsync_portal.midsync.models_reader import OfferedModel, OfferedParameter
from midsync_portal.midsync.models_reader import Option as OfferedOption
from midsync_portal.midsync.parameters_reader import Scalar, read_flag, scalar_text
from midsync_portal.midsync.reader.values import read_number

from . import rules
from .fields import IMAGES_MAX, PROMPT_MAX, SHOTS_MAX
from .names import model_name, setting_name
from .parameters import LISTS, NUMBERS, TEXTS, Kind, Option, Parameter, VideoModel
from .reserved import is_reserved

# What even MidSync cannot raise: the form's size is limited.
TEXT_CEILING = 20_000  # characters
LIST_CEILING = 20
LONG_TEXT = 300  # characters; from here on a field has several lines

# What MidSync's own names mean, where the list only names them.
STANDARD_KINDS: dict[str, Kind] = {
    "prompt": "textarea",
    "negativePrompt": "textarea",
    "images": "urls",
    "referenceVideoUrls": "urls",
    "duration": "integer",
    "seeds": "integer",
    "cfgScale": "number",
    "generateAudio": "boolean",
    "fixedLens": "boolean",
    "nsfwChecker": "boolean",
    "enableTranslation": "boolean",
    "multiShots": "boolean",
    "multiPrompt": "shots",
    "klingElements": "elements",
    "watermark": "text",
}
# The order in which customers think of them; anything else follows as MidSync lists it.
FIRST_NAMES = (
    "prompt", "multiShots", "multiPrompt", "images", "referenceVideoUrls", "aspectRatio",
    "duration", "resolution", "quality", "mode", "generateAudio",
)  # fmt: skip
ADVANCED_NAMES = frozenset({"negativePrompt", "cfgScale", "seeds", "seed", "watermark",
                            "enableTranslation", "nsfwChecker", "fixedLens"})  # fmt: skip


def built_in_models() -> tuple[VideoModel, ...]:
    """The models to offer where MidSync's list cannot be had."""
    return tuple(_without_unlisted(known, ()) for known in rules.BUILT_IN)


def listed_models(listed: Iterable[OfferedModel]) -> tuple[VideoModel, ...]:
    """The models of MidSync's list that can be offered: those we know first, in our order."""
    known = {one.id: one for one in rules.BUILT_IN}
    found: dict[str, VideoModel] = {}
    for offered in listed:
        model_id = next((one for one in offered.ids if one in known), offered.id)
        if model_id in found:
            continue
        if model_id in known:
            found[model_id] = _merged(known[model_id], offered)
        elif (unknown := _from_list_alone(offered)).parameters:
            found[model_id] = unknown
    first = [found.pop(model_id) for model_id in known if model_id in found]
    return (*first, *found.values())


# --- a model we know -----------------------------------------------------------------------------


def _merged(known: VideoModel, offered: OfferedModel) -> VideoModel:
    own = {one.name: one for one in known.parameters}
    same = {plain_name(name): name for name in own}
    listed: dict[str, OfferedParameter] = {}
    added: list[Parameter] = []
    for parameter in (*offered.shared, *offered.parameters):
        name = same.get(plain_name(parameter.name))
        if name:
            listed[name] = parameter
        elif parameter in offered.parameters and (new := _parameter(parameter)):
            added.append(new)
    kept = _without_unlisted(known, listed).parameters
    parameters = [
        _overridden(one, listed[one.name]) if one.name in listed else one
        for one in kept
        if not (one.name in listed and listed[one.name].is_withdrawn)
    ]
    return replace(known, parameters=(*parameters, *added))


def plain_name(name: str) -> str:
    """aspect_ratio and aspectRatio are the same field."""
    return name.replace("_", "").replace("-", "").lower()


def _without_unlisted(known: VideoModel, listed: Iterable[str]) -> VideoModel:
    """The model without the fields that are offered only where MidSync lists them."""
    kept = (one for one in known.parameters if not one.only_if_listed or one.name in listed)
    return replace(known, parameters=tuple(kept))


def _overridden(own: Parameter, offered: OfferedParameter) -> Parameter:
    """Our field with MidSync's options, limits, default and "required"."""
    merged = own
    if own.kind == "choice" or (offered.options and own.kind in {*TEXTS, *NUMBERS}):
        merged = _with_choice(own, offered)
    elif offered.kind == "number" and own.kind == "integer" and offered.step is not None:
        merged = replace(own, kind="number")
    minimum, maximum = _limits(merged.kind, offered)
    least = own.minimum if minimum is None else minimum
    most = own.maximum if maximum is None else maximum
    if least is not None and most is not None and least > most:
        least, most = minimum, maximum  # ours contradicts MidSync's
    if merged.kind != "boolean":
        step = merged.step if offered.step is None else _number(offered.step)
        merged = replace(merged, minimum=least, maximum=most, step=step)
    if offered.required is not None and not (offered.required is False and _is_conditional(own)):
        merged = replace(merged, required=offered.required)
    default = _default(merged, offered.default)
    if default is None and merged.options and merged.default is not None:
        default = _default(merged, merged.default)
        if default is None:  # our start is not among MidSync's options
            merged = replace(merged, default=merged.options[0].value)
    if merged.kind in NUMBERS and not _fits(merged, merged.default if default is None else default):
        default = merged.default if _fits(merged, merged.default) else merged.minimum
    return merged if default is None else replace(merged, default=default)


def _is_conditional(own: Parameter) -> bool:
    """A flat "not required" cannot speak against "required in some cases"."""
    return not isinstance(own.required, bool) or own.hidden_when is not None


def _with_choice(own: Parameter, offered: OfferedParameter) -> Parameter:
    """Our choice with MidSync's options, or as a range where MidSync gives only one."""
    if not offered.options:
        ranged = offered.minimum is not None and offered.maximum is not None
        numeric = all(isinstance(option.value, int) for option in own.options)
        if ranged and numeric and offered.kind in NUMBERS:
            return replace(own, kind="integer", options=(), step=1)
        return own
    ours = {scalar_text(option.value).lower(): option for option in own.options}
    numeric = own.kind in NUMBERS or all(isinstance(one.value, int) for one in own.options)
    options = []
    for one in offered.options:
        value = one.value
        if numeric and isinstance(value, str):
            # "5", "5s": MidSync wants JSON numbers of the models it documents.
            number = read_number(value.removesuffix("s").strip())
            value = value if number is None else _number(number)
        known = ours.get(scalar_text(value).lower())
        label = known.label if known else _option_label(own.name, one, value)
        options.append(
            replace(known, value=value if isinstance(value, str) else known.value)
            if known
            else Option(value, label)
        )
    return replace(own, kind="choice", options=tuple(options), step=None)


# --- a model that only MidSync knows -------------------------------------------------------------


def _from_list_alone(offered: OfferedModel) -> VideoModel:
    described = {one.name: one for one in offered.shared} if not offered.parameters else {}
    described |= {one.name: one for one in offered.parameters}
    parameters = [read for one in described.values() if (read := _parameter(one))]
    order = {name: place for place, name in enumerate(FIRST_NAMES)}
    parameters.sort(key=lambda one: order.get(one.name, len(order)))
    return VideoModel(offered.id, offered.label or model_name(offered.id), tuple(parameters))


def _parameter(offered: OfferedParameter) -> Parameter | None:
    """A field as MidSync describes it; None if it cannot be drawn."""
    kind = _kind(offered)
    if kind is None or offered.is_withdrawn or is_reserved(offered.name):
        return None
    minimum, maximum = _limits(kind, offered)
    if kind in TEXTS:
        maximum = PROMPT_MAX if maximum is None else maximum
        if kind == "text" and (maximum >= LONG_TEXT and "prompt" in offered.name.lower()):
            kind = "textarea"
    elif kind in ("urls", "texts", "shots", "elements") and maximum is None:
        maximum = SHOTS_MAX if kind == "shots" else IMAGES_MAX
    options = tuple(
        Option(one.value, _option_label(offered.name, one, one.value)) for one in offered.options
    )
    unit = "seconds" if offered.name == "duration" else ""
    parameter = Parameter(
        offered.name,
        kind,
        offered.label or setting_name(offered.name),
        help=offered.help,
        unit=unit,
        options=options if kind in ("choice", "choices") else (),
        minimum=minimum,
        maximum=maximum,
        step=None if offered.step is None else _number(offered.step),
        required=bool(offered.required),
        advanced=offered.name in ADVANCED_NAMES and not offered.required,
    )
    default = _default(parameter, offered.default)
    if default is None and kind == "boolean":
        default = False
    return replace(parameter, default=default)


def _kind(offered: OfferedParameter) -> Kind | None:
    standard = STANDARD_KINDS.get(offered.name)
    match offered.kind:
        case "":
            return standard
        case "objects" | "texts" if standard in ("shots", "elements"):
            return standard
        case "objects":
            return None
        case "texts" if standard == "urls":
            return "urls"
        case "number" if standard == "integer" and _all_whole(offered):
            return "integer"
        case "text" | "textarea" if standard == "textarea":
            return "textarea"
        case "text" if offered.maximum is not None and offered.maximum >= LONG_TEXT:
            return "textarea"
        case kind:
            return kind


def _all_whole(offered: OfferedParameter) -> bool:
    figures = (offered.minimum, offered.maximum, offered.step, read_number(offered.default))
    return all(one is None or one == one.to_integral_value() for one in figures)


# --- values --------------------------------------------------------------------------------------


def _limits(
    kind: Kind, offered: OfferedParameter
) -> tuple[int | Decimal | None, int | Decimal | None]:
    """The limits that MidSync states, cut at what our form can carry."""
    minimum, maximum = offered.minimum, offered.maximum
    if kind in TEXTS | LISTS:
        ceiling = TEXT_CEILING if kind in TEXTS else LIST_CEILING
        least = None if minimum is None else min(max(int(minimum), 0), ceiling)
        return least, None if maximum is None else min(max(int(maximum), 0), ceiling)
    if kind not in NUMBERS:
        return None, None
    return (
        None if minimum is None else _number(minimum),
        None if maximum is None else _number(maximum),
    )


def _number(number: Decimal) -> int | Decimal:
    return int(number) if number == number.to_integral_value() else number


def _option_label(name: str, option: OfferedOption, value: Scalar) -> str:
    text = scalar_text(value)
    if option.label and option.label != text:
        return option.label
    if name == "duration" and not isinstance(value, str):
        return f"{text} s"
    return text if len(text) < 3 or not text.islower() else text.replace("_", " ").capitalize()


def _default(
    parameter: Parameter, listed: Scalar | tuple[Scalar, ...] | None
) -> Scalar | tuple[Scalar, ...] | None:
    """MidSync's default as this kind of field takes it; None if it does not fit."""
    if listed is None:
        return None
    if isinstance(listed, tuple):
        return listed if parameter.kind in ("urls", "texts", "choices") else None
    match parameter.kind:
        case "choice":
            text = scalar_text(listed)
            values = (one.value for one in parameter.options)
            return next((one for one in values if scalar_text(one) == text), None)
        case "boolean":
            return read_flag(listed)
        case "integer" | "number":
            number = read_number(listed)
            return None if number is None or not _fits(parameter, number) else _number(number)
        case "text" | "textarea" | "url":
            return listed if isinstance(listed, str) else None
    return None


def _fits(parameter: Parameter, value: object) -> bool:
    number = read_number(value)
    if number is None:
        return value is None
    if parameter.kind == "integer" and number != number.to_integral_value():
        return False
    above = parameter.minimum is None or number >= parameter.minimum
    return above and (parameter.maximum is None or number <= parameter.maximum)
