"""What differs between two orders, in words."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from .catalog.names import model_name, setting_name
from .catalog.words import in_words
from .wording import setting_text


class Change(NamedTuple):
    """One setting that differs; an empty text: it was, or is, not set."""

    name: str
    label: str
    before: str
    after: str


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """What differs between two request bodies: model, prompt, then the settings as sent."""
    names = dict.fromkeys(("model", "prompt", *after, *before))
    found = (
        Change(name, in_words(setting_name(name)), _text(name, before), _text(name, after))
        for name in names
    )
    return [change for change in found if change.before != change.after]


def _text(name: str, body: Mapping[str, Any]) -> str:
    """A setting in words. One that is off says the same as one that was never there."""
    value = body.get(name)
    if value in (None, False, "", []):
        return ""
    return model_name(str(value)) if name == "model" else setting_text(name, value)
