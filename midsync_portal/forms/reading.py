"""From the texts of a form to typed values. Nothing here raises.

Typed texts have the shape of their field: a str, a list of str, or for rows a list of dicts of
these; None where nothing was sent.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext

from midsync_portal.catalog.engine import Problem
from midsync_portal.catalog.fields import ROW_FIELDS
from midsync_portal.catalog.parameters import LISTS, NUMBERS, Parameter
from midsync_portal.catalog.words import in_words
from midsync_portal.links import LinkRefused, check_link
from midsync_portal.midsync.parameters_reader import read_flag, scalar_text

TEXT_MAX = 50_000  # characters kept of one input
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{0,15})?")
_NOT_TEXT = frozenset({"Cc", "Cs"})  # control characters, surrogates


def clean_text(text: str) -> str:
    """The text as it can be stored and sent: plain line ends, no control characters."""
    text = text[:TEXT_MAX].replace("\r\n", "\n").replace("\r", "\n")
    if text.isprintable():
        return text
    return "".join(
        character
        for character in text
        if character in "\n\t" or unicodedata.category(character) not in _NOT_TEXT
    )


def typed_from_value(parameter: Parameter, value: Any) -> Any:
    """The texts that a form shows for a value, of a request body or a default."""
    if parameter.kind in ROW_FIELDS:
        rows = value if isinstance(value, list | tuple) else []
        return [
            {one.name: typed_from_value(one, row.get(one.name)) for one in _fields(parameter)}
            for row in rows
            if isinstance(row, dict)
        ]
    if parameter.kind in LISTS:
        entries = value if isinstance(value, list | tuple) else []
        return [_text(entry) for entry in entries]
    return _text(value)


def _text(value: Any) -> str:
    match value:
        case float():
            return scalar_text(Decimal(str(value))) if value == value else ""
        case str() | bool() | int() | Decimal():
            return clean_text(scalar_text(value))
    return ""


def read_typed(
    parameter: Parameter, typed: Any, trusted_origins: Iterable[str]
) -> tuple[Any, list[Problem]]:
    """The value (None if there is none), and what cannot be understood about it."""
    if typed is None:
        return None, []
    if parameter.kind in ROW_FIELDS:
        return _read_rows(parameter, typed, trusted_origins)
    if parameter.kind in ("urls", "texts"):
        return _read_list(parameter, typed, trusted_origins)
    if parameter.kind == "choices":
        return _read_choices(parameter, typed)
    text = typed.strip()
    if not text:
        return None, []
    if parameter.kind == "choice":
        return _read_choice(parameter, text)
    if parameter.kind in NUMBERS:
        return _read_number(parameter, text)
    if parameter.kind == "boolean":
        flag = {"on": True, "off": False}.get(text.lower(), read_flag(text))
        said = gettext("Please choose on or off.")
        return flag, [] if flag is not None else [_problem(parameter, said)]
    if parameter.kind == "url":
        return text, [_problem(parameter, reason) for reason in _refusal(text, trusted_origins)]
    return (" ".join(text.split()) if parameter.kind == "text" else text), []


def _problem(parameter: Parameter, message: str, at: str = "") -> Problem:
    return Problem(parameter.name, message, at)


def _read_choice(parameter: Parameter, text: str) -> tuple[Any, list[Problem]]:
    for option in parameter.options:
        if option.text == text:
            return option.value, []
    return None, [_problem(parameter, _not_offered(parameter))]


def _read_choices(parameter: Parameter, typed: list[str]) -> tuple[Any, list[Problem]]:
    chosen = [option.value for option in parameter.options if option.text in typed]
    texts = {option.text for option in parameter.options}
    is_odd = any(text and text not in texts for text in typed)
    return chosen or None, [_problem(parameter, _not_offered(parameter))] if is_odd else []


def _not_offered(parameter: Parameter) -> str:
    labels = [in_words(option.label) for option in parameter.options[:12]]
    labels += [] if len(parameter.options) == len(labels) else ["…"]
    said = gettext("This is not offered here. Choose one of: %(options)s.")
    return said % {"options": ", ".join(labels)}


def _read_number(parameter: Parameter, text: str) -> tuple[Any, list[Problem]]:
    whole = parameter.kind == "integer"
    ask_for_whole = gettext("Please enter a whole number, like 5.")
    if not _NUMBER.fullmatch(text):
        said = ask_for_whole if whole else gettext("Please enter a number, like 0.5.")
        return None, [_problem(parameter, said)]
    number = Decimal(text)
    if parameter.clamped:
        if parameter.minimum is not None:
            number = max(number, Decimal(parameter.minimum))
        if parameter.maximum is not None:
            number = min(number, Decimal(parameter.maximum))
    if number == number.to_integral_value():
        return int(number), []
    if whole:
        return None, [_problem(parameter, ask_for_whole)]
    return number, []


def _read_list(
    parameter: Parameter, typed: list[str], trusted_origins: Iterable[str]
) -> tuple[Any, list[Problem]]:
    entries = [(place, text.strip()) for place, text in enumerate(typed) if text.strip()]
    problems = [
        _problem(parameter, reason, f"{parameter.name}-{place}")
        for place, text in entries
        if parameter.kind == "urls"
        for reason in _refusal(text, trusted_origins)
    ]
    return [text for _, text in entries] or None, problems


def _refusal(link: str, trusted_origins: Iterable[str]) -> list[str]:
    try:
        check_link(link, trusted_origins)
    except LinkRefused as refused:
        return [refused.reason]
    return []


def _read_rows(
    parameter: Parameter, typed: list[dict[str, Any]], trusted_origins: Iterable[str]
) -> tuple[Any, list[Problem]]:
    """Each row's values; rows without any are left out where nothing has to be in them."""
    rows, problems = [], []
    for place, texts in enumerate(typed):
        row = {}
        for one in _fields(parameter):
            value, found = read_typed(one, texts.get(one.name), trusted_origins)
            if value is not None:
                row[one.name] = value
            inside = f"{parameter.name}-{place}-"
            problems += [
                replace(problem, field=parameter.name, at=inside + (problem.at or problem.field))
                for problem in found
            ]
        rows.append(row)
    while rows and not rows[-1]:
        rows.pop()
    return rows or None, problems


def _fields(parameter: Parameter) -> tuple[Parameter, ...]:
    return ROW_FIELDS[parameter.kind]
