"""Foreign text made safe to store and to show: no markup, no control characters, no links."""

import re
import unicodedata

MESSAGE_MAX = 500  # characters
WORD_MAX = 64

_TAG = re.compile(r"</?[a-zA-Z!?][^<>]{0,2000}>")
_LINK = re.compile(r"(?:\b[a-z][a-z0-9+.-]{1,20}:)?//[^\s\"'<>]+|\bdata:[^\s\"'<>]+", re.IGNORECASE)
_CREDENTIAL = re.compile(
    r"\b(?:bearer|basic)\s+[\w.~+/=-]{8,}|\b(?:sk|pk|key)[-_][\w-]{8,}", re.IGNORECASE
)
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # control, bidi and zero width, surrogates
_SEPARATORS = frozenset("\t\n\r\v\f\x85\u2028\u2029")
_EXAMINED = 20_000  # characters; nobody reads the rest, and it must not cost time


def clean_message(value: object, limit: int = MESSAGE_MAX) -> str:
    """A sentence from outside as plain text of at most `limit` characters; "" if it is no text.

    Links are replaced, because a query or a path may carry a secret (ours included).
    """
    if not isinstance(value, str):
        return ""
    text = _visible(value[:_EXAMINED])
    text = _LINK.sub("[link]", text)
    text = _TAG.sub(" ", text)
    text = _CREDENTIAL.sub("[secret]", text)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def clean_word(value: object, limit: int = WORD_MAX) -> str:
    """A code or status word as plain text, cut at `limit` characters; numbers are accepted."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 128:
        value = str(value)
    if not isinstance(value, str):
        return ""
    return " ".join(_visible(value[:_EXAMINED]).split())[:limit].rstrip()


def _visible(text: str) -> str:
    """The text with unseen characters removed; those that separate become a space."""
    spaced = (" " if character in _SEPARATORS else character for character in text)
    return "".join(
        character for character in spaced if unicodedata.category(character) not in _UNSEEN
    )
