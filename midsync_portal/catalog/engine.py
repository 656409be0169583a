"""Applies a model's rules to typed values: what is shown, what is wrong, what is sent.

Values are what `forms.reading` makes of the texts: str, bool, int, Decimal, a list of links or
texts, or a list of rows (dicts of the same). A field without a value is absent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext, ngettext

from .conditions import Condition, Values
from .fields import ROW_FIELDS, ROW_LABELS
from .parameters import LISTS, NUMBERS, TEXTS, Option, Parameter, VideoModel
from .words import ASK_FOR_ONE, NONE_POSSIBLE, counted_things, in_words, started


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one field, as a sentence for the customer.

    `at` names the input inside the field ("multiPrompt-0-prompt"), empty for the field itself.
    """

    field: str
    message: str
    at: str = ""
    is_missing: bool = False


def visible_values(video_model: VideoModel, values: Values) -> dict[str, Any]:
    """The values without those of hidden fields; what a hidden value hid is shown again."""
    visible = dict(values)
    for _ in video_model.parameters:
        left = {
            one.name: values[one.name]
            for one in video_model.parameters
            if one.name in values and not holds(one.hidden_when, visible)
        }
        if left == visible:
            break
        visible = left
    return visible


def is_hidden(parameter: Parameter, visible: Values) -> bool:
    """Whether a rule hides the field."""
    return holds(parameter.hidden_when, visible)


def is_required(parameter: Parameter, visible: Values) -> bool:
    """Whether the field must have a value while it is shown."""
    if isinstance(parameter.required, bool):
        return parameter.required
    return parameter.required.holds(visible)


def holds(condition: Condition | None, values: Values) -> bool:
    """Whether there is a condition and it holds."""
    return condition is not None and condition.holds(values)


def is_possible(option: Option, visible: Values) -> bool:
    """Whether the option goes together with the other values."""
    return option.only_when is None or option.only_when.holds(visible)


def maximum_of(parameter: Parameter, visible: Values) -> tuple[int | Decimal | None, str]:
    """The maximum for these values, and what makes it tighter than usual ("" = nothing)."""
    maximum, reason = parameter.maximum, ""
    for limit in parameter.limits_when:
        if limit.condition.holds(visible) and (maximum is None or limit.maximum < maximum):
            maximum, reason = limit.maximum, limit.reason
    return maximum, reason


def default_of(parameter: Parameter, values: Values) -> Any:
    """Where the field starts for these values."""
    for condition, default in parameter.default_when:
        if condition.holds(values):
            return default
    return parameter.default


def problems_of(video_model: VideoModel, visible: Values) -> list[Problem]:
    """Everything that MidSync would refuse, as far as the rules know."""
    problems = []
    for parameter in video_model.parameters:
        if not is_hidden(parameter, visible):
            problems += _field_problems(parameter, visible.get(parameter.name), visible)
        elif parameter.total_of in visible:
            problems += _total_problems(parameter, visible[parameter.total_of])
    return problems


def values_to_send(video_model: VideoModel, visible: Values) -> dict[str, Any]:
    """The values as JSON takes them; hidden and absent fields left out, totals added."""
    sent = {}
    for parameter in video_model.parameters:
        name = parameter.name
        if not is_hidden(parameter, visible):
            value = visible.get(name)
            if value is None and is_required(parameter, visible):
                value = _only_option(parameter, visible)
            if value not in (None, "", [], ()):
                sent[name] = _as_json(value)
        elif parameter.total_of in visible:
            sent[name] = total_seconds(visible[parameter.total_of])
    return sent


def total_seconds(shots: Iterable[Mapping[str, Any]]) -> int:
    """The length of all shots, in seconds."""
    return sum(shot.get("duration") or 0 for shot in shots)


def _only_option(parameter: Parameter, visible: Values) -> Any:
    """The value of a choice that the other fields decide: only one of its options is possible."""
    if parameter.kind != "choice" or parameter.default is not None or not parameter.options[1:]:
        return None
    possible = [option for option in parameter.options if is_possible(option, visible)]
    return possible[0].value if len(possible) == 1 else None


def _as_json(value: Any) -> Any:
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case list() | tuple():
            return [_as_json(one) for one in value]
        case dict():
            return {name: _as_json(one) for name, one in value.items() if one is not None}
    return value


# --- what can be wrong ---------------------------------------------------------------------------


def _field_problems(parameter: Parameter, value: Any, visible: Values) -> list[Problem]:
    if value is None or value in ("", []):
        needed = is_required(parameter, visible)
        if needed and _only_option(parameter, visible) is None:
            return [Problem(parameter.name, ask_for(parameter), is_missing=True)]
        return []
    messages: list[str] = []
    is_missing = False
    if parameter.kind in TEXTS:
        messages = _length_messages(parameter, len(value), visible)
    elif parameter.kind in LISTS:
        messages = _count_messages(parameter, len(value), visible)
        is_missing = parameter.minimum is not None and len(value) < parameter.minimum
    elif parameter.kind in NUMBERS:
        messages = _range_messages(parameter, value, visible)
    elif parameter.kind == "choice":
        chosen = (option for option in parameter.options if option.value == value)
        messages = [in_words(one.reason) for one in chosen if not is_possible(one, visible)]
    problems = [Problem(parameter.name, one, is_missing=is_missing) for one in messages]
    if parameter.kind in ROW_FIELDS:
        problems += _row_problems(parameter, value)
    return problems


def _length_messages(parameter: Parameter, length: int, visible: Values) -> list[str]:
    maximum, reason = maximum_of(parameter, visible)
    if maximum is not None and length > maximum:
        said = gettext(
            "at most %(maximum)s characters are possible; these are %(length)s. Please shorten it."
        )
        return [started(reason, said % {"maximum": f"{maximum:,}", "length": f"{length:,}"})]
    if parameter.minimum is not None and length < parameter.minimum:
        said = gettext("At least %(minimum)s characters are needed. Please write more.")
        return [said % {"minimum": f"{parameter.minimum:,}"}]
    return []


def _count_messages(parameter: Parameter, count: int, visible: Values) -> list[str]:
    maximum, reason = maximum_of(parameter, visible)
    thing = thing_of(parameter)
    if maximum is not None and count > maximum:
        if maximum == 0:
            return [started(reason, gettext(NONE_POSSIBLE[thing]))]
        said = ngettext(
            "at most %(things)s is possible; these are %(count)d. Please remove %(extra)d.",
            "at most %(things)s are possible; these are %(count)d. Please remove %(extra)d.",
            int(maximum),
        )
        things = counted_things(int(maximum), thing)
        figures = {"things": things, "count": count, "extra": count - int(maximum)}
        return [started(reason, said % figures)]
    if parameter.minimum is not None and count < parameter.minimum:
        things = counted_things(int(parameter.minimum), thing)
        return [gettext("At least %(things)s are needed.") % {"things": things}]
    return []


def _range_messages(parameter: Parameter, value: int | Decimal, visible: Values) -> list[str]:
    maximum, reason = maximum_of(parameter, visible)
    minimum = parameter.minimum
    if (minimum is None or value >= minimum) and (maximum is None or value <= maximum):
        return []
    unit = f" {in_words(parameter.unit)}" if parameter.unit else ""
    if minimum is not None and maximum is not None:
        said = gettext("choose a number from %(minimum)s to %(maximum)s%(unit)s.")
    elif minimum is not None:
        said = gettext("choose %(minimum)s%(unit)s or more.")
    else:
        said = gettext("choose %(maximum)s%(unit)s or less.")
    return [started(reason, said % {"minimum": minimum, "maximum": maximum, "unit": unit})]


def _row_problems(parameter: Parameter, rows: list[dict[str, Any]]) -> list[Problem]:
    return [
        replace(problem, field=parameter.name, at=f"{parameter.name}-{place}-{problem.field}")
        for place, row in enumerate(rows)
        for one in ROW_FIELDS[parameter.kind]
        for problem in _field_problems(one, row.get(one.name), row)
    ]


def _total_problems(parameter: Parameter, shots: list[dict[str, Any]]) -> list[Problem]:
    """The sum of the shots has to be a length that the model can make."""
    total = total_seconds(shots)
    least, most = parameter.minimum, parameter.maximum
    if parameter.options:
        lengths = [one.value for one in parameter.options]
        possible = total in lengths
        wanted = ", ".join(map(str, lengths))
    else:
        possible = (least is None or total >= least) and (most is None or total <= most)
        wanted = gettext("%(least)s to %(most)s") % {"least": least, "most": most}
    if possible or not all(shot.get("duration") for shot in shots):
        return []
    said = ngettext(
        "The shots last %(total)d second together; %(wanted)s seconds are possible. "
        "Please change their lengths.",
        "The shots last %(total)d seconds together; %(wanted)s seconds are possible. "
        "Please change their lengths.",
        total,
    )
    return [Problem(parameter.total_of, said % {"total": total, "wanted": wanted})]


# --- words ---------------------------------------------------------------------------------------


def ask_for(parameter: Parameter) -> str:
    """What to do about a field that has to be filled in."""
    label = in_words(parameter.label)
    said = {"label": label[:1].lower() + label[1:]}
    match parameter.kind:
        case "text" | "textarea" if parameter.label == "Prompt":
            return gettext("Please write a prompt.")
        case "text" | "textarea":
            return gettext("Please fill in “%(label)s”.") % said
        case "choice" | "choices":
            return gettext("Please choose: %(label)s.") % said
        case "urls" | "texts" | "shots" | "elements":
            return gettext(ASK_FOR_ONE[thing_of(parameter)])
        case _:
            return gettext("Please enter: %(label)s.") % said


def thing_of(parameter: Parameter) -> str:
    """What one entry of a list is: a word of `words.ADD_ONE`."""
    if parameter.kind in ROW_LABELS:
        return ROW_LABELS[parameter.kind].lower()
    if parameter.name.lower().endswith("images"):
        return "image"
    return "link" if parameter.kind == "urls" else "entry"
