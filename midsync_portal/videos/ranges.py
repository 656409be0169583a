"""Which bytes of a file a request asks for (RFC 9110, section 14); one range at most."""

import re
from dataclasses import dataclass

BYTES = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)", re.IGNORECASE | re.ASCII)
DIGITS_MAX = 18


class NoSuchPart(Exception):
    """The file has no byte of what is asked for: 416."""


@dataclass(frozen=True)
class Part:
    """`length` bytes from `start` on."""

    start: int
    length: int

    @property
    def last(self) -> int:
        """The last byte."""
        return self.start + self.length - 1


def wanted_part(header: str, size: int) -> Part | None:
    """The part of a file of `size` bytes; None for all of it.

    Several ranges, another unit and whatever cannot be read are answered with the whole file, as
    the standard allows. Raises NoSuchPart.
    """
    match = BYTES.fullmatch(header.strip())
    if match is None or match[1] == match[2] == "":
        return None
    first, last = (_number(text) for text in match.groups())
    if first is None:  # the last so many bytes
        length = min(last or 0, size)
        if length == 0:
            raise NoSuchPart
        return Part(size - length, length)
    if last is not None and last < first:
        return None
    if first >= size:
        raise NoSuchPart
    end = size - 1 if last is None else min(last, size - 1)
    return Part(first, end - first + 1)


def _number(text: str) -> int | None:
    if not text:
        return None
    return int(text) if len(text.lstrip("0")) <= DIGITS_MAX and len(text) < 1000 else 10**DIGITS_MAX
