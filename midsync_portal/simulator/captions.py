"""Words on the video: a font that can draw them, and lines that fit."""

import unicodedata
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

Font = ImageFont.FreeTypeFont

#: Where Debian and macOS keep fonts with many scripts; the built-in one knows only Latin.
CANDIDATES = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/opentype/ipafont-gothic/ipag.ttf",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
    "/usr/share/fonts/truetype/unifont/unifont.ttf",
    "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
    "/System/Library/Fonts/Hiragino Sans GB.ttc",
    "/System/Library/Fonts/PingFang.ttc",
)


@lru_cache(maxsize=64)
def _font(path: str, size: int) -> Font | None:
    """The font of that file, the built-in one for an empty path, or None if it cannot be read."""
    try:
        font = ImageFont.truetype(path, size) if path else ImageFont.load_default(size)
    except OSError:
        return None
    return font if isinstance(font, Font) else None


@lru_cache(maxsize=4096)
def _draws(path: str, character: str) -> bool:
    """Whether that font has the character: it does not come out as the box for unknown ones."""
    font = _font(path, 24)
    if font is None:
        return False
    unknown = font.getmask("\U0010fffe")
    drawn = font.getmask(character)
    return drawn.size != unknown.size or bytes(drawn) != bytes(unknown)


def font_for(text: str, size: int) -> tuple[Font, str]:
    """The font that draws most of ``text``, and the text as far as it can be drawn.

    The built-in font wins if it can draw everything. Text that no font here can draw is replaced
    by a sentence that says so.
    """
    wanted = {one for one in text if not one.isspace()}
    paths = ["", *(path for path in CANDIDATES if Path(path).exists())]
    best, missing = "", wanted
    for path in paths:
        lacks = {one for one in wanted if not _draws(path, one)}
        if len(lacks) < len(missing) or (path == "" and not lacks):
            best, missing = path, lacks
        if not missing:
            break
    if wanted and len(missing) > len(wanted) / 2:
        best, text = "", f"A prompt of {len(text)} characters that no font here can draw"
    else:
        text = "".join(one for one in text if one not in missing)
    font = _font(best, size)
    if font is None:
        raise RuntimeError("Pillow comes without its built-in font.")
    return font, text


def _pieces(text: str) -> list[str]:
    """Where a line may break: after spaces, and around every ideograph or kana."""
    pieces: list[str] = []
    for character in text:
        wide = unicodedata.east_asian_width(character) in "WF"
        last = pieces[-1] if pieces else " "
        last_wide = unicodedata.east_asian_width(last[-1]) in "WF"
        if wide or last_wide or last[-1].isspace():
            pieces.append(character)
        else:
            pieces[-1] += character
    return pieces


def _broken(piece: str, font: Font, width: float) -> list[str]:
    """A piece that is wider than a whole line, cut into parts that fit."""
    parts = [""]
    for character in piece:
        if parts[-1] and font.getlength(parts[-1] + character) > width:
            parts.append("")
        parts[-1] += character
    return parts


def _lines(text: str, font: Font, width: float) -> list[str]:
    lines = [""]
    for piece in _pieces(text):
        for part in _broken(piece, font, width):
            if lines[-1] and font.getlength((lines[-1] + part).rstrip()) > width:
                lines.append("")
            lines[-1] += part if lines[-1] else part.lstrip()
    return [line.rstrip() for line in lines if line.strip()]


def fit(text: str, width: float, height: float, largest: int) -> tuple[Font, list[str], int]:
    """Font, lines and line height so that ``text`` fills, but never leaves, width x height.

    Text that does not even fit at the smallest size ends in an ellipsis.
    """
    text = " ".join(text.split())
    largest = max(largest, 8)
    smallest = max(8, largest // 3)
    for size in range(largest, smallest - 1, -max(1, largest // 16)):
        font, drawable = font_for(text, size)
        step = round(size * 1.3)
        lines = _lines(drawable, font, width)
        if len(lines) * step <= height:
            return font, lines, step
    room = max(1, int(height // step))
    shown = lines[:room]
    shown[-1] = shown[-1][:-1].rstrip() + "…" if _draws("", "…") else shown[-1][:-3] + "..."
    return font, shown, step
