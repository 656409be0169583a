"""Pictures for the documents, taken while a test walks; `bin/pictures` asks for them."""

import io
import os
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page

from .visitor import Visitor

FOLDER = os.environ.get("PICTURES", "")  # empty: none are taken
MARGIN = 10  # pixels around what is shown
EXACT, NEAR = 96, 160  # colours: those that cover most, and those for all others


def take(visitor: Visitor, name: str, *shown: Locator) -> None:
    """Keep what a window shows as `name`.png: all of it, or what lies around these parts.

    Nothing happens unless PICTURES names a folder.
    """
    if not FOLDER:
        return
    page = visitor.page
    visitor.wait_until_quiet()
    page.evaluate("document.activeElement?.blur()")
    page.mouse.move(0, 0)
    clip = _around(page, *shown) if shown else None
    taken = page.screenshot(clip=clip, full_page=bool(shown), animations="disabled", caret="hide")
    Path(FOLDER).mkdir(parents=True, exist_ok=True)
    small = _with_few_colours(Image.open(io.BytesIO(taken)).convert("RGB"))
    small.save(Path(FOLDER) / f"{name}.png", optimize=True)


def _with_few_colours(picture: Image.Image) -> Image.Image:
    """A third of the bytes: the page's colours stay what they are, videos lose some."""
    counted = picture.getcolors(picture.width * picture.height)
    exact = [colour for _, colour in sorted(counted, reverse=True)[:EXACT]]
    near = picture.quantize(NEAR).getpalette()[: 3 * NEAR]
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in exact for part in colour] + near)
    return picture.quantize(palette=palette, dither=Image.Dither.NONE)


def _around(page: Page, *shown: Locator) -> dict[str, float]:
    """The smallest box that holds all of them, with a margin, in pixels of the whole page."""
    boxes = []
    for one in shown:
        box = one.evaluate(
            """one => {
                const { left, top, right, bottom } = one.getBoundingClientRect();
                return [left + scrollX, top + scrollY, right + scrollX, bottom + scrollY];
            }"""
        )
        boxes.append(box)
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    width, height = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    )
    left, top = max(0, min(lefts) - MARGIN), max(0, min(tops) - MARGIN)
    right, bottom = min(width, max(rights) + MARGIN), min(height, max(bottoms) + MARGIN)
    return {"x": left, "y": top, "width": right - left, "height": bottom - top}
