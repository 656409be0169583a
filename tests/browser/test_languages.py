"""The portal in Japanese and Chinese, as a person meets it on a phone."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.dialects.refusals import WHY

from .conftest import Pair
from .visitor import PATIENCE, Visitor

pytestmark = pytest.mark.browser

Open = Callable[..., Visitor]

WORD = re.compile(r"[A-Za-z]{3,}")
# Names, and what is not for reading: addresses, kinds of files, the switch itself.
NAMES = {"MidSync", "Midsync", "Portal", "Kling", "Turbo", "English", "UTC", "https", "CSV"}
MIDSYNCS = set(WORD.findall(WHY))  # what MidSync says stays as it is
PAGES = ("/", "/tasks/", "/accounts/2fa/", "/accounts/password/change/", "/accounts/logout/")


def english_words(visitor: Visitor) -> set[str]:
    """Words in Latin letters that the page shows, without names, numbers of tasks, the prompt."""
    text = visitor.page.evaluate(
        """() => {
            const OWN = "script, style, code, textarea, strong, video, .menu, #find-model, "
                + ".task-row__prompt, .task-row__link .only-read, .task-prompt, .timeline, "
                + ".page-head .soft";
            const words = [document.title];
            const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            while (walker.nextNode()) {
                const at = walker.currentNode.parentElement;
                if (!at.closest(OWN))
                    words.push(walker.currentNode.data);
            }
            for (const at of document.querySelectorAll("[aria-label]"))
                if (!at.closest(OWN)) words.push(at.getAttribute("aria-label"));
            for (const at of document.querySelectorAll("[placeholder]")) words.push(at.placeholder);
            return words.join("\\n");
        }"""
    )
    return set(WORD.findall(text)) - NAMES - MIDSYNCS


def on_a_phone(browser: Browser, pair: Pair, locale: str) -> BrowserContext:
    return browser.new_context(
        locale=locale,
        viewport={"width": 390, "height": 844},
        base_url=pair.portal.address,
        is_mobile=True,
        has_touch=True,
    )


def test_people_order_in_their_own_language_and_keep_what_they_choose(
    pair: Pair, browser: Browser, open_window: Open
) -> None:
    for locale, lang, studio, queued in (
        ("ja-JP", "ja", "スタジオ", "順番待ち"),
        ("zh-TW", "zh-hant", "工作室", "排隊中"),
    ):
        ana = open_window(pair.portal, context=on_a_phone(browser, pair, locale))
        ana.page.goto("/accounts/login/")
        expect(ana.page.locator("html")).to_have_attribute("lang", lang)
        assert english_words(ana) == set()
        ana.log_in("/?model=kling-2.5-turbo", anew=True)
        expect(ana.page.get_by_role("link", name=studio, exact=True)).to_be_visible()
        ana.write_prompt(f"狐 {studio}")
        ana.wait_for_price()
        ana.page.locator("#task-generate").click()
        row = ana.page.locator("#task-rows > [data-task]").filter(has_text=f"狐 {studio}")
        expect(row.locator(".status")).to_have_text(queued, timeout=PATIENCE)
        task = row.get_attribute("data-task") or ""
        for path in (*PAGES, f"/tasks/{task}/"):
            ana.page.goto(path)
            assert english_words(ana) == set(), path
            assert not ana.page.evaluate("document.documentElement.scrollWidth > innerWidth"), path
    ana.page.get_by_role("button", name="English").click()
    expect(ana.page.locator("html")).to_have_attribute("lang", "en")
    ana.page.goto("/")
    expect(ana.page.get_by_role("link", name="Studio", exact=True)).to_be_visible()
    elsewhere = open_window(pair.portal, context=on_a_phone(browser, pair, "ja-JP"))
    elsewhere.log_in(anew=True)
    elsewhere.page.goto("/")
    expect(elsewhere.page.get_by_role("link", name="Studio", exact=True)).to_be_visible()
