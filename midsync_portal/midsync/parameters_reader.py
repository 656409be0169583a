"""Reads how /models describes one parameter, in whatever words it does. Nothing here raises.

MidSync does not document the inside of its list: names and types below are what gateways like
it use, JSON Schema included.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from .reader.values import read_number
from .text import clean_message

Scalar = str | bool | int | Decimal
OfferedKind = Literal[
    "",  # named, but not described
    "text", "textarea", "url", "choice", "choices", "integer", "number", "boolean", "urls",
    "texts", "objects",
]  # fmt: skip

LABEL_MAX = 80  # characters
HELP_MAX = 300
OPTIONS_MAX = 100
VALUE_MAX = 200  # characters of an option
DEFAULT_MAX = 5000

LABELS = ("label", "title", "displayName", "display_name")
HELPS = ("description", "help", "helpText", "hint", "tooltip")
OPTIONS = ("options", "enum", "values", "allowedValues", "allowed_values", "allowed", "choices",
           "oneOf", "anyOf")  # fmt: skip
DEFAULTS = ("default", "defaultValue", "default_value", "initial")
ITEMS = ("items", "item", "itemType", "item_type", "of")
MINIMA = ("min", "minimum", "from")
MAXIMA = ("max", "maximum", "to")
SHORTEST = ("minLength", "min_length", "minlength", "minChars", *MINIMA)
LONGEST = ("maxLength", "max_length", "maxlength", "maxChars", *MAXIMA)
FEWEST = ("minItems", "min_items", "minCount", "minLength", *MINIMA)
MOST = ("maxItems", "max_items", "maxCount", "maxLength", *MAXIMA)

TYPE_WORDS: dict[str, OfferedKind] = {
    **dict.fromkeys(("string", "str", "text", "input", "varchar"), "text"),
    **dict.fromkeys(("textarea", "multiline", "longtext", "prompt"), "textarea"),
    **dict.fromkeys(("url", "uri", "link", "image", "imageurl", "video", "file"), "url"),
    **dict.fromkeys(("enum", "select", "choice", "radio", "dropdown", "option", "options"),
                    "choice"),
    **dict.fromkeys(("multiselect", "multichoice", "checkboxes"), "choices"),
    **dict.fromkeys(("integer", "int", "int32", "int64", "long", "seed"), "integer"),
    **dict.fromkeys(("number", "float", "double", "decimal", "numeric", "slider", "range"),
                    "number"),
    **dict.fromkeys(("boolean", "bool", "switch", "toggle", "checkbox", "flag"), "boolean"),
    **dict.fromkeys(("array", "list"), "texts"),
    **dict.fromkeys(("images", "urls", "files", "imagelist", "videos"), "urls"),
    **dict.fromkeys(("object", "json", "map", "dict"), "objects"),
}  # fmt: skip
_LIST_OF = re.compile(r"(?:array|list)[<\[(](\w+)[>\])]|(\w+)\[\]", re.IGNORECASE)
_LINK_NAME = re.compile(r"(url|uri|link)s?$", re.IGNORECASE)
_LIST_NAME = re.compile(r"(images|frames|pictures|videos|urls|uris|links)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Option:
    """One allowed value, as it goes over the wire, and how to call it ("" = not said)."""

    value: Scalar
    label: str = ""


@dataclass(frozen=True, slots=True)
class OfferedParameter:
    """One parameter as MidSync lists it; what it leaves out is None, "" or ().

    `minimum` and `maximum` bound the number, the characters of a text, the entries of a list.
    `is_withdrawn`: listed as not supported.
    """

    name: str
    kind: OfferedKind = ""
    label: str = ""
    help: str = ""
    options: tuple[Option, ...] = ()
    default: Scalar | tuple[Scalar, ...] | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    step: Decimal | None = None
    required: bool | None = None
    is_withdrawn: bool = False


def read_parameter(name: str, about: object) -> OfferedParameter | None:
    """What the list says about one parameter; None where it says nothing that can be read."""
    match about:
        case True:
            return OfferedParameter(name)
        case False | None:
            return None
        case int() | Decimal() | float():
            default = read_number(about)
            return OfferedParameter(name, "number", default=_scalar(default))
        case str():
            kind, _ = _kind_of_word(about)
            return OfferedParameter(name, kind) if kind and kind != "objects" else None
        case list():
            options = _options(about)
            return OfferedParameter(name, "choice", options=options) if options else None
        case dict():
            return _described(name, about)
    return None


def read_flag(value: object) -> bool | None:
    """Yes or no, also as a word or as 0 and 1; None for anything else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        value = value.strip().lower()
    if value in ("true", "yes", 1, "1"):
        return True
    return False if value in ("false", "no", 0, "0") else None


def first(about: dict[str, object], names: Iterable[str]) -> object:
    """The first value under one of the names that is not null."""
    return next((about[name] for name in names if about.get(name) is not None), None)


def read_label(about: dict[str, object]) -> str:
    """How the list calls a thing; a label may be an object of languages."""
    label = first(about, LABELS)
    if isinstance(label, dict):
        label = first(label, ("en", "en-US", "en_US", "default"))
    return clean_message(label, LABEL_MAX)


def _described(name: str, about: dict[str, object]) -> OfferedParameter | None:
    if any(read_flag(about.get(word)) is False for word in ("supported", "enabled", "available")):
        return OfferedParameter(name, is_withdrawn=True)
    about = _flat(about)
    kind, item = _kind(about)
    options = _options(first(about, OPTIONS))
    item_options: tuple[Option, ...] = ()
    items = first(about, ITEMS)
    if isinstance(items, dict):
        item_options = _options(first(items, OPTIONS))
        item = item or _kind(items)[0]
        if items.get("format") in ("uri", "url"):
            item = "url"
    elif isinstance(items, str):
        item = item or _kind_of_word(items)[0]
    if not kind:
        kind = _guess(about, options)
    is_list = kind in ("texts", "urls", "choices")
    if is_list and item == "objects":
        kind = "objects"
    elif is_list:
        options = options or item_options
        kind = "choices" if options and kind != "urls" else kind
        if kind == "texts" and (item == "url" or (not item and _LIST_NAME.search(name))):
            kind = "urls"
        elif kind == "texts" and item not in ("", "text", "textarea"):
            return None
    elif kind == "boolean" or (options and all(isinstance(one.value, bool) for one in options)):
        kind, options = "boolean", ()
    elif options:
        kind = "choice"
    elif kind == "choice":
        return None  # a choice of nothing
    elif kind == "text" and (about.get("format") in ("uri", "url") or _LINK_NAME.search(name)):
        kind = "url"
    return _with_limits(name, kind, options, about)


def _flat(about: dict[str, object]) -> dict[str, object]:
    """With what a nested schema says, and the first alternative that is not null."""
    inner = [about.get("schema"), about.get("validation"), about.get("constraints")]
    for name in ("anyOf", "oneOf"):
        alternatives = about.get(name)
        if isinstance(alternatives, list):
            inner += [
                one for one in alternatives
                if isinstance(one, dict) and one.get("type") not in (None, "null")
            ][:1]  # fmt: skip
    for schema in inner:
        if isinstance(schema, dict):
            about = {**schema, **about}
    return about


def _with_limits(
    name: str, kind: OfferedKind, options: tuple[Option, ...], about: dict[str, object]
) -> OfferedParameter:
    bounds = about.get("range") or about.get("limits")
    if isinstance(bounds, list) and len(bounds) == 2:
        bounds = {"min": bounds[0], "max": bounds[1]}
    if isinstance(bounds, dict):
        about = {**bounds, **about}
    lowest: tuple[str, ...] = MINIMA
    highest: tuple[str, ...] = MAXIMA
    if kind in ("text", "textarea", "url"):
        lowest, highest = SHORTEST, LONGEST
    elif kind in ("urls", "texts", "choices", "objects"):
        lowest, highest = FEWEST, MOST
    minimum, maximum = read_number(first(about, lowest)), read_number(first(about, highest))
    if minimum is not None and maximum is not None and minimum > maximum:
        minimum = maximum = None
    step = read_number(first(about, ("step", "multipleOf")))
    step = step if step is not None and step > 0 else None
    if kind == "number" and step is not None and step == step.to_integral_value():
        kind = "integer"
    required = read_flag(about.get("required"))
    if required is None and (optional := read_flag(about.get("optional"))) is not None:
        required = not optional
    return OfferedParameter(
        name,
        kind,
        label=read_label(about),
        help=clean_message(first(about, HELPS), HELP_MAX),
        options=options,
        default=_default(first(about, DEFAULTS)),
        minimum=minimum,
        maximum=maximum,
        step=step,
        required=required,
    )


def _kind(about: dict[str, object]) -> tuple[OfferedKind, OfferedKind]:
    """What the type's word says: the kind, and for a list the kind of its entries."""
    words = first(about, ("type", "kind", "inputType", "dataType", "component", "widget"))
    for word in words if isinstance(words, list) else [words]:
        if isinstance(word, str) and word.lower() != "null":
            return _kind_of_word(word)
    return "", ""


def _kind_of_word(word: str) -> tuple[OfferedKind, OfferedKind]:
    if (match := _LIST_OF.fullmatch(word.strip()[:40])) is not None:
        item = TYPE_WORDS.get((match[1] or match[2]).lower(), "text")
        return ("urls" if item == "url" else "texts"), item
    plain = re.sub(r"[^a-z0-9]", "", word[:40].lower())
    return TYPE_WORDS.get(plain, ""), ""


def _guess(about: dict[str, object], options: tuple[Option, ...]) -> OfferedKind:
    """The kind where no type is named, from what else is said."""
    default = first(about, DEFAULTS)
    if options:
        return "choice"
    if isinstance(default, bool):
        return "boolean"
    if isinstance(default, list) or first(about, ("maxItems", "minItems", *ITEMS)) is not None:
        return "texts"
    if first(about, ("maxLength", "minLength", "maxlength")) is not None:
        return "text"
    if first(about, (*MINIMA, *MAXIMA, "step", "range")) is not None:
        return "number"
    if isinstance(default, str):
        return "text"
    return "number" if read_number(default) is not None else ""


def _options(listed: object) -> tuple[Option, ...]:
    """Plain values, or objects with value and label; or an object from value to label."""
    if isinstance(listed, dict):
        listed = [{"value": value, "label": label} for value, label in listed.items()]
    if not isinstance(listed, list):
        return ()
    options: dict[str, Option] = {}
    for entry in listed[:OPTIONS_MAX]:
        label = ""
        if isinstance(entry, dict):
            label = read_label(entry) or clean_message(entry.get("name"), LABEL_MAX)
            if read_flag(entry.get("disabled")) or read_flag(entry.get("enabled")) is False:
                continue
            entry = first(entry, ("value", "const", "id", "key", "name"))
        value = _scalar(entry)
        if value is not None and value != "":
            options.setdefault(scalar_text(value), Option(value, label))
    return tuple(options.values())


def _default(value: object) -> Scalar | tuple[Scalar, ...] | None:
    if isinstance(value, list):
        values = tuple(one for one in map(_scalar, value[:OPTIONS_MAX]) if one is not None)
        return values or None
    if isinstance(value, str):
        return value if value and len(value) <= DEFAULT_MAX and _is_plain(value) else None
    return _scalar(value)


def _scalar(value: object) -> Scalar | None:
    """A value that can stand in a form and go over the wire; None for any other."""
    match value:
        case bool():
            return value
        case str():
            return value if len(value) <= VALUE_MAX and _is_plain(value) else None
        case int() | float() | Decimal():
            number = read_number(value)
            if number is None or number.as_tuple().exponent == 0 or number == int(number):
                return None if number is None else int(number)
            return number
    return None


def _is_plain(text: str) -> bool:
    return text.replace("\n", "").isprintable()


def scalar_text(value: Scalar) -> str:
    """The value as a form shows and sends it back."""
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value.normalize(), "f")
    return str(value)
