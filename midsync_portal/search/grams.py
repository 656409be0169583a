"""Prompts and search terms as grams: short pieces of text that an index can hold as numbers.

Scripts that are written without spaces (Chinese, Japanese, Korean, Thai, …; signs and emoji, too)
give every character and every pair of characters; words of other scripts give their first two
letters and every three. So 動画, 猫 and "fox" are each found by a look-up. Without an extension:
PostgreSQL's pg_trgm sees no letters in Japanese where the database's ctype is C, and knows
nothing of two characters.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from zlib import crc32

PROMPT_READ = 8_000  # characters of a prompt that can be found
TERM_READ = 200  # characters of a search term
WORDS_READ = 8
TERM_GRAMS = 32

# From U+2E80 on almost all is written without spaces; before it, South-East Asia is.
_PACKED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2190-\u2bff\u2e80-\U0010ffff"
_PIECE = re.compile(f"(?P<packed>[{_PACKED}]+)|(?P<word>[^\\W_{_PACKED}]+)")


def plain(text: str) -> str:
    """Text as it is compared: one form of each character, without regard to case."""
    return unicodedata.normalize("NFKC", text).casefold()


@lru_cache(maxsize=1024)
def grams_of_prompt(prompt: str) -> tuple[int, ...]:
    """Every gram of a prompt, sorted."""
    found: set[str] = set()
    for kind, piece in _pieces(plain(prompt[:PROMPT_READ])):
        if kind == "packed":
            found.update(piece, _cut(piece, 2))
        else:
            found.update({f"^{piece[:2]}"}, _cut(piece, 3))
    return tuple(sorted(map(_number, found)))


def words_of_term(term: str) -> list[str]:
    """The words of a search term, each of which a prompt has to hold."""
    words = plain(term[:TERM_READ]).split()
    return list(dict.fromkeys(words))[:WORDS_READ]


def grams_of_words(words: list[str]) -> list[int]:
    """The grams that a prompt with all these words must have; empty: no index can help."""
    found: dict[str, None] = {}
    for word in words:
        for kind, piece in _pieces(word):
            if kind == "packed":
                found |= dict.fromkeys(_cut(piece, 2) or piece)
            elif len(piece) >= 3:
                found |= dict.fromkeys(_cut(piece, 3))
            elif len(piece) == 2 and word.startswith(piece):
                found[f"^{piece}"] = None
    return [_number(gram) for gram in list(found)[:TERM_GRAMS]]


def fits(prompt: str, words: list[str]) -> bool:
    """Whether a prompt holds all words; one or two letters count where a word begins."""
    text = plain(prompt)
    return all(word in text and _begins_right(word, text) for word in words)


def _begins_right(word: str, text: str) -> bool:
    if len(word) > 2 or not re.fullmatch(f"[^\\W_{_PACKED}]+", word):
        return True
    return bool(re.search(f"(?<![^\\W_{_PACKED}]){re.escape(word)}", text))


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    for match in _PIECE.finditer(text):
        yield str(match.lastgroup), match[0]


def _cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(len(text) - size + 1)]


def _number(gram: str) -> int:
    """A gram as a positive 32-bit number; two grams may share one, so hits are looked at again."""
    return crc32(gram.encode("utf-8", "surrogatepass")) >> 1
