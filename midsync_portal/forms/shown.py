"""What a template needs to draw one field of the form; plain data, no rules."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

ShownKind = Literal[
    "text", "textarea", "choice", "integer", "number", "boolean", "urls", "shots", "elements"
]
ChoiceStyle = Literal["segments", "select", "checkboxes"]


class ShownOption(NamedTuple):
    """One option of a choice; `disabled` ones say in `reason` what stands in their way.

    The selected option is never disabled, so that what was typed is also what is sent.
    """

    value: str
    label: str
    selected: bool = False
    disabled: bool = False
    reason: str = ""


class Dropped(NamedTuple):
    """A value of a draft that the model does not take any more, and what stands there now."""

    label: str
    text: str
    instead: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownInput:
    """One input of a list: `<input type="{{ field.input_type }}" name id value>`.

    `remove` is the value of the submit button named `remove` that takes it away, `up` and `down`
    of those named `move`; empty where there is none. `mark` says what the entry is for: "First
    frame".
    """

    name: str
    id: str
    label: str
    value: str = ""
    remove: str = ""
    up: str = ""
    down: str = ""
    mark: str = ""
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRow:
    """One shot or element: its fields are drawn like any other field."""

    label: str
    fields: tuple["ShownField", ...]
    remove: str = ""
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownField:
    """One field, drawn by `kind`:

    text       `<input type="{{ input_type }}" name value minlength maxlength>`
    textarea   `<textarea name minlength maxlength>{{ value }}</textarea>`
    choice     `options`; `choice_style` "segments" = radio buttons named `name`, "select",
               "checkboxes" = several may be chosen, all named `name`
    integer    `<input type="number" name value min max step>`
    number     the same, with fractions (`step` is "any" or a fraction)
    boolean    `<input type="checkbox" name value="true" {% if checked %}checked{% endif %}>`
    urls       `inputs`, one per link (or text, see `input_type`); `previews` says whether they
               are pictures or videos to show; a submit button named `add` with the value `add`
               appends one
    shots, elements
               `rows`, each a fieldset with fields of its own; `add` appends a row

    For every kind: draw `hidden_inputs` as hidden inputs beside the control (they tell a box
    that was unticked from one that was never shown). `add` and the `remove` of inputs and rows
    are values of submit buttons named `add` and `remove` that ask for the fields again
    (POST /parameters/); empty means no button. `errors` are sentences for the customer; those
    of one input or row stand there instead. `min` to `max_length` are texts for attributes,
    empty where there is no limit. `advanced` fields stand behind a disclosure, which is open
    where one of them has errors or is `changed`: not what a fresh form
    starts with.
    """

    name: str
    kind: ShownKind
    id: str
    label: str
    help: str = ""
    unit: str = ""  # of numbers, for reading: "seconds"
    value: str = ""
    checked: bool = False
    options: tuple[ShownOption, ...] = ()
    choice_style: ChoiceStyle = "select"
    inputs: tuple[ShownInput, ...] = ()
    rows: tuple[ShownRow, ...] = ()
    input_type: Literal["text", "url"] = "text"
    previews: Literal["", "picture", "video"] = ""
    add: str = ""
    add_label: str = ""
    min: str = ""
    max: str = ""
    step: str = ""
    min_length: str = ""
    max_length: str = ""
    required: bool = False
    advanced: bool = False
    changed: bool = False
    errors: tuple[str, ...] = ()
    hidden_inputs: tuple[tuple[str, str], ...] = field(default=())

    @property
    def values(self) -> tuple[str, ...]:
        """The texts of a list, as typed."""
        return tuple(shown.value for shown in self.inputs)

    @property
    def has_errors(self) -> bool:
        """Whether the field or anything inside it has an error."""
        return bool(
            self.errors
            or any(shown.errors for shown in self.inputs)
            or any(row.errors or any(one.has_errors for one in row.fields) for row in self.rows)
        )
