"""From a parameter and what was typed to what a template draws."""

from collections.abc import Sequence
from typing import Any, Literal

from django.utils.translation import gettext

from midsync_portal.catalog import Parameter
from midsync_portal.catalog.conditions import Values
from midsync_portal.catalog.engine import (
    Problem,
    default_of,
    is_possible,
    is_required,
    maximum_of,
    thing_of,
)
from midsync_portal.catalog.fields import ROW_FIELDS, ROW_LABELS
from midsync_portal.catalog.parameters import LISTS, NUMBERS, TEXTS
from midsync_portal.catalog.reserved import WAS
from midsync_portal.catalog.words import ADD_ONE, in_words
from midsync_portal.midsync.parameters_reader import scalar_text

from .reading import typed_from_value
from .shown import ChoiceStyle, ShownField, ShownInput, ShownKind, ShownOption, ShownRow
from .typed import ROWS_MAX, empty_row

SEGMENTS_MAX = 4  # options that stand side by side
SEGMENT_LENGTH = 16  # characters of each

SHOWN_KINDS: dict[str, ShownKind] = {
    "text": "text", "url": "text", "textarea": "textarea", "choice": "choice",
    "choices": "choice", "integer": "integer", "number": "number", "boolean": "boolean",
    "urls": "urls", "texts": "urls", "shots": "shots", "elements": "elements",
}  # fmt: skip


class Drawing:
    """Draws fields for these values; `prefix` is that of the row in which they stand."""

    def __init__(self, visible: Values, problems: Sequence[Problem], prefix: str = "") -> None:
        self._visible = visible
        self._problems = problems
        self._prefix = prefix

    def field(self, parameter: Parameter, typed: Any) -> ShownField:
        """One field with what was typed into it."""
        name = self._prefix + parameter.name
        maximum, _ = maximum_of(parameter, self._visible)
        is_text, is_number = parameter.kind in TEXTS, parameter.kind in NUMBERS
        is_list = parameter.kind in LISTS
        inputs = self._inputs(parameter, typed) if parameter.kind in ("urls", "texts") else ()
        rows = self._rows(parameter, typed) if parameter.kind in ROW_FIELDS else ()
        has_room = len(inputs or rows) < min(ROWS_MAX, int(maximum or 0)) and is_list
        text = typed if isinstance(typed, str) else ""
        options = self._options(parameter, typed)
        return ShownField(
            name=name,
            kind=SHOWN_KINDS[parameter.kind],
            id=f"id_{name}",
            label=in_words(parameter.label.removesuffix("s") if maximum == 1 else parameter.label),
            help=in_words(parameter.help),
            unit=in_words(parameter.unit),
            value=text,
            checked=parameter.kind == "boolean" and text.lower() in ("true", "on", "1", "yes"),
            options=options,
            choice_style=_style(parameter, options),
            inputs=inputs,
            rows=rows,
            input_type="url" if parameter.kind in ("url", "urls") else "text",
            previews=_previews(parameter),
            add=name if has_room and parameter.kind != "choices" else "",
            add_label=gettext(ADD_ONE[thing_of(parameter)]) if is_list else "",
            min=_figure(parameter.minimum) if is_number else "",
            max=_figure(maximum) if is_number else "",
            step=_step(parameter) if is_number else "",
            min_length=_figure(parameter.minimum) if is_text else "",
            max_length=_figure(maximum) if is_text else "",
            required=is_required(parameter, self._visible),
            advanced=parameter.advanced,
            changed=self._is_changed(parameter, typed),
            errors=self._errors(name, parameter.name),
            hidden_inputs=self._hidden_inputs(parameter, name),
        )

    def _is_changed(self, parameter: Parameter, typed: Any) -> bool:
        default = typed_from_value(parameter, default_of(parameter, self._visible))
        entries = [one for one in typed if one] if isinstance(typed, list) else typed
        if parameter.kind == "boolean":
            default, entries = default or "false", entries or "false"
        return (entries or "") != (default or "")

    def _errors(self, path: str, field: str) -> tuple[str, ...]:
        """The sentences for the field itself, or for the input at a path inside it."""
        at = path if self._prefix or path != field else ""
        found = (one.message for one in self._problems if one.at == at and self._is_of(one, field))
        return tuple(dict.fromkeys(found))

    def _is_of(self, problem: Problem, field: str) -> bool:
        return bool(self._prefix) or problem.field == field

    def _hidden_inputs(self, parameter: Parameter, name: str) -> tuple[tuple[str, str], ...]:
        if parameter.kind == "choices":
            return ((WAS + name, ""),)
        if parameter.kind != "boolean":
            return ()
        default = typed_from_value(parameter, default_of(parameter, self._visible))
        return ((WAS + name, default or "false"),)

    def _options(self, parameter: Parameter, typed: Any) -> tuple[ShownOption, ...]:
        chosen = typed if isinstance(typed, list) else [typed]
        shown = []
        for option in parameter.options:
            selected = option.text in chosen
            possible = is_possible(option, self._visible)
            reason = "" if possible else in_words(option.reason)
            label = in_words(option.label)
            shown.append(
                ShownOption(option.text, label, selected, not possible and not selected, reason)
            )
        nothing = not any(option.selected for option in shown)
        if parameter.kind == "choice" and not is_required(parameter, self._visible):
            if parameter.default is None or nothing:
                shown.insert(0, ShownOption("", in_words(parameter.blank_label), nothing))
        elif nothing and _style(parameter, tuple(shown)) == "select":
            shown.insert(0, ShownOption("", gettext("Please choose"), selected=True))
        return tuple(shown)

    def _inputs(self, parameter: Parameter, typed: Any) -> tuple[ShownInput, ...]:
        """An input for each entry, and as many empty ones as are needed at least."""
        name = self._prefix + parameter.name
        texts = list(typed or [])
        texts += [""] * (max(1, int(parameter.minimum or 0)) - len(texts))
        if parameter.maximum == 0:
            texts = [text for text in texts if text]
        label = in_words(parameter.label.removesuffix("s"))
        is_marked = not (parameter.unmarked_when and parameter.unmarked_when.holds(self._visible))
        marks = dict(enumerate(parameter.marks if is_marked else ()))
        last = len(texts) - 1
        return tuple(
            ShownInput(
                name=name,
                id=f"id_{name}" if place == 0 else f"id_{name}_{place}",
                label=f"{label} {place + 1}" if len(texts) > 1 else label,
                value=text,
                remove=f"{name}-{place}" if text or len(texts) > 1 else "",
                up=f"{name}-{place}-up" if place > 0 else "",
                down=f"{name}-{place}-down" if place < last else "",
                mark=in_words(marks.get(place, "")),
                errors=self._errors(f"{name}-{place}", parameter.name),
            )
            for place, text in enumerate(texts)
        )

    def _rows(self, parameter: Parameter, typed: Any) -> tuple[ShownRow, ...]:
        """A row for each entry; a list that needs some starts with one."""
        entries = list(typed or [])
        if not entries and is_required(parameter, self._visible):
            entries = [empty_row(parameter)]
        rows = []
        for place, texts in enumerate(entries):
            prefix = f"{parameter.name}-{place}-"
            inside = [one for one in self._problems if one.at.startswith(prefix)]
            drawing = Drawing({}, inside, prefix)
            label = f"{in_words(ROW_LABELS[parameter.kind])} {place + 1}"
            fields = tuple(
                drawing.field(one, texts.get(one.name)) for one in ROW_FIELDS[parameter.kind]
            )
            is_only = len(entries) == 1 and is_required(parameter, self._visible)
            remove = "" if is_only else f"{parameter.name}-{place}"
            rows.append(ShownRow(label=label, fields=fields, remove=remove))
        return tuple(rows)


def _previews(parameter: Parameter) -> Literal["", "picture", "video"]:
    """What the links of a list show, as far as its name says it."""
    name = parameter.name.lower()
    if parameter.kind != "urls":
        return ""
    if name.endswith("images"):
        return "picture"
    return "video" if "video" in name else ""


def _style(parameter: Parameter, options: tuple[ShownOption, ...]) -> ChoiceStyle:
    if parameter.kind == "choices":
        return "checkboxes"
    is_short = all(len(option.label) <= SEGMENT_LENGTH for option in options)
    return "segments" if len(options) <= SEGMENTS_MAX and is_short else "select"


def _figure(number: Any) -> str:
    return "" if number is None else scalar_text(number)


def _step(parameter: Parameter) -> str:
    if parameter.step is not None:
        return scalar_text(parameter.step)
    return "1" if parameter.kind == "integer" else "any"
