"""Cases of docs/support.md, walked by Sam of support; each ends with an event that names him."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from .conftest import Pair
from .portal import SUPPORT
from .visitor import Visitor

pytestmark = pytest.mark.browser

Open = Callable[..., Visitor]
HOSTILE = '<img src=x onerror="document.title = 1"><script>document.title = 2</script> \u202egnp'


def order(visitor: Visitor, prompt: str) -> str:
    visitor.write_prompt(prompt)
    visitor.wait_for_price()
    task = visitor.generate()
    visitor.wait_for_status(task, "queued")
    return task


def find(page: Page, term: str) -> None:
    page.locator(".find__box").fill(term)
    page.keyboard.press("Enter")


def press(page: Page, verb: str, reason: str) -> None:
    """Use a verb on the record; one is back there afterwards, and the history tells it."""
    page.get_by_role("button", name=verb, exact=True).click()
    page.get_by_label("Reason").fill(reason)
    page.locator(".submit-row input").click()
    entry = page.locator("#record-history > li", has_text=reason)
    expect(entry).to_contain_text(SUPPORT)


def test_support_walks_its_cases(pair: Pair, open_window: Open) -> None:
    ana, sam = open_window(pair.portal), open_window(replace(pair.portal, email=SUPPORT))
    ana.log_in("/?model=kling-2.5-turbo")
    sam.log_in("/admin/")
    page, gateway = sam.page, pair.gateway
    status = page.locator("#record-head .status")

    # The callback was lost: found by MidSync's id, settled by asking.
    order(ana, "a lighthouse whose callback was lost")
    gateway.orders[-1].stage = 1000  # made, and nobody was told
    find(page, gateway.orders[-1].task_id)
    expect(status).to_have_text("In queue")
    press(page, "Ask MidSync now", "ticket 1: it never came")
    expect(status).to_have_text("Ready")

    # It failed: on today's list until it was dealt with; each callback came twice.
    order(ana, "灯台の動画")
    gateway.finish(gateway.orders[-1], failed=True)
    gateway.finish(gateway.orders[-1], failed=True)
    page.goto(f"{sam.portal.address}/admin/")
    expect(page.locator("#work-failed .work__count")).not_to_have_text("0")
    find(page, "動画")
    page.locator(".hit__link").first.click()
    expect(status).to_have_text("Failed")
    expect(page.locator("#record-history")).to_contain_text("duplicate: came 2 times")
    press(page, "Dealt with", "ticket 2: told the customer")
    expect(page.get_by_role("button", name="Dealt with")).to_have_count(0)

    # Somebody else's number, and text that would like to be a page: a note, and nothing runs.
    task = order(ana, HOSTILE)
    gateway.report(gateway.orders[-1], status="processing", message=HOSTILE)
    find(page, f"{sam.portal.address}/tasks/{task}/")
    expect(page.locator(".record__title")).to_contain_text("‹U+202E›gnp")
    page.locator("#record-history details summary").last.click()
    press(page, "Add a note", "ticket 3: asked by another team")
    assert page.locator("#content img, #content script").count() == 0
    assert page.title() not in ("1", "2")
    page.get_by_role("button", name="View as the customer sees it").click()
    expect(page.get_by_role("note").last).to_contain_text("Nothing can be changed here")
    assert page.locator("main form").count() == 0
