"""What keeps people out of a page: axe-core's rules of WCAG 2.2 A and AA, and a few of our own."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Page

WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
CONTRAST = "color-contrast"
NARROWEST = {"width": 320, "height": 640}  # pixels: 1280 at 400 % (WCAG 1.4.10)

# Each text two fifths longer, as in the longest languages that a button may have to hold.
LENGTHEN = """() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode())
        if (!walker.currentNode.parentElement.closest("script, style, textarea"))
            texts.push(walker.currentNode);
    for (const text of texts) {
        const words = text.data.trim();
        const more = words.slice(0, Math.ceil(words.length * 0.4));
        if (words) text.data = text.data.replace(words, `${words} ${more}`);
    }
}"""
# What sticks out of the page, and controls whose text sticks out of them.
OUT = """() => {
    const out = [];
    if (document.documentElement.scrollWidth > innerWidth) {
        for (const one of document.querySelectorAll("body *"))
            if (one.getBoundingClientRect().right > innerWidth + 1 && !one.closest(".only-read"))
                out.push("wide: " + one.tagName + "." + one.className);
        out.push(`page: ${document.documentElement.scrollWidth} of ${innerWidth}`);
    }
    for (const one of document.querySelectorAll("button, a.button, label, th, .status")) {
        const { display, textOverflow } = getComputedStyle(one);
        if (one.scrollWidth > one.clientWidth + 1 && display !== "inline"
                && textOverflow !== "ellipsis" && !one.closest(".only-read"))
            out.push(`cut: ${one.tagName}.${one.className} ${one.textContent.trim().slice(0, 40)}`);
    }
    return out.slice(0, 12);
}"""


@cache
def _axe() -> str:
    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()


def _run(page: Page, only: dict[str, Any], rules: dict[str, Any] | None = None) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(_axe())
    # Without preload: it would write a style element for what Django's sheets import, which our
    # policy reports; only a rule that is off, as it is experimental, wants it.
    options = json.dumps({"runOnly": only, "rules": rules or {}, "preload": False})
    found = page.evaluate(f"axe.run(document, {options}).then(({{ violations }}) => violations)")
    return [
        f"{rule['id']}: {node['target']} {node['any'][:1] and node['any'][0]['message']}"
        for rule in found
        for node in rule["nodes"]
    ]


def violations(page: Page, *, colors: bool = True) -> list[str]:
    """Each violation of WCAG 2.2 A and AA, by rule and place.

    With colors, contrast is looked at, too, in light and in dark; the rest has nothing to do with
    the theme.
    """
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    if not colors:
        return _run(page, {"type": "tag", "values": WCAG}, {CONTRAST: {"enabled": False}})
    found = _run(page, {"type": "tag", "values": WCAG})
    page.emulate_media(color_scheme="dark")
    dark = _run(page, {"type": "rule", "values": [CONTRAST]})
    return found + [f"dark: {one}" for one in dark]


def moving(page: Page) -> list[str]:
    """What moves on although the person asked for less motion."""
    return page.evaluate(
        """() => document.getAnimations()
            .filter((one) => one.effect.getComputedTiming().activeDuration > 10)
            .map((one) => `${one.effect.target.className} ${one.animationName ?? ""}`)"""
    )


def sticking_out(page: Page) -> list[str]:
    """What does not fit into the narrowest screen; then, with each text two fifths longer."""
    size = page.viewport_size
    page.set_viewport_size(NARROWEST)
    found = page.evaluate(OUT)
    page.set_viewport_size({"width": 390, "height": 844})
    page.evaluate(LENGTHEN)
    found += [f"longer: {one}" for one in page.evaluate(OUT)]
    if size:
        page.set_viewport_size(size)
    return found


# Controls that a person can use now; and how they look while none of them has the focus.
CONTROLS = """() => {
    const drawn = (one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    const words = (one) => one.getAttribute("href") || one.textContent.trim().slice(0, 30);
    document.activeElement?.blur();
    const controls = [...document.querySelectorAll(
        "a[href], button, input, select, textarea, summary")]
        .filter((one) => one.type !== "hidden" && !one.disabled && one.tabIndex >= 0
            && (drawn(one) || one.type === "radio" && drawn(one.parentElement)));
    window.around = (one) => [one, one.closest("label"), one.parentElement].filter(Boolean);
    window.shadows = new Map(
        controls.flatMap(around).map((at) => [at, getComputedStyle(at).boxShadow]));
    window.controlName = (one) => one.type === "radio" ? `radio ${one.name}`
        : `${one.tagName} ${one.id || one.name || words(one)} (${controls.indexOf(one)})`;
    return controls.map(controlName);
}"""
FOCUSED = """() => {
    const one = document.activeElement;
    if (!one || one === document.body) return null;
    const shows = (at) => {
        const { outlineStyle, boxShadow } = getComputedStyle(at);
        return outlineStyle !== "none" || shadows.has(at) && boxShadow !== shadows.get(at);
    };
    return [controlName(one), around(one).some(shows)];
}"""


def unreachable(page: Page) -> list[str]:
    """Controls that Tab never comes to, or that do not show that they have the focus."""
    controls = set(page.evaluate(CONTROLS))
    reached: dict[str, bool] = {}
    for _ in range(3 * len(controls) + 30):
        page.keyboard.press("Tab")
        now = page.evaluate(FOCUSED)
        if now:
            reached.setdefault(*now)
        if controls <= reached.keys():
            break
    return [
        *(f"never reached: {one}" for one in sorted(controls - reached.keys())),
        *(f"focus not shown: {one}" for one, shown in reached.items() if not shown),
    ]
