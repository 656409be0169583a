"""Support's pages of tasks follow what happens, under the same strict policy as every page."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from .conftest import Pair
from .portal import SUPPORT
from .visitor import Visitor

pytestmark = pytest.mark.browser

Open = Callable[..., Visitor]
LIST = "/admin/midsync_portal/task/"


@pytest.fixture
def ana(pair: Pair, open_window: Open) -> Visitor:
    visitor = open_window(pair.portal)
    visitor.log_in("/?model=kling-2.5-turbo")
    return visitor


@pytest.fixture
def sam(pair: Pair, open_window: Open) -> Visitor:
    visitor = open_window(replace(pair.portal, email=SUPPORT))
    visitor.log_in(LIST)
    return visitor


def order(visitor: Visitor, prompt: str) -> str:
    visitor.write_prompt(prompt)
    visitor.wait_for_price()
    task = visitor.generate()
    visitor.wait_for_status(task, "queued")
    return task


def test_a_list_of_support_follows_its_rows_and_tells_of_others(
    pair: Pair, ana: Visitor, sam: Visitor
) -> None:
    order(ana, "watched by support")
    told = sam.page.locator("p.help[role=status]")
    expect(told).to_contain_text("new", timeout=15_000)
    told.get_by_role("link", name="Reload").click()
    row = sam.page.locator("#result_list tbody tr", has_text="watched by support")
    expect(row.locator(".field-status")).to_have_text("in queue")
    expect(told).to_have_text("")
    row.locator(".action-select").check()
    pair.gateway.finish(pair.gateway.orders[-1])
    expect(row.locator(".field-status")).to_have_text("ready")
    expect(row.locator(".action-select")).to_be_checked()


def test_a_page_of_support_says_that_one_is_logged_out(sam: Visitor, open_window: Open) -> None:
    sam.expected_problems = ["status of 401"]
    told = sam.page.locator("p.help[role=status]")
    other = open_window(sam.portal, context=sam.page.context)
    other.page.goto(f"{sam.portal.address}/admin/")
    other.page.get_by_role("button", name="Log out").click()
    expect(told).to_have_text("Not live: please log in again.", timeout=15_000)


def test_the_record_of_a_task_follows_it_with_its_history(
    pair: Pair, ana: Visitor, sam: Visitor
) -> None:
    task = order(ana, "read by support")
    sam.page.goto(f"{sam.portal.address}/admin/")
    sam.page.get_by_role("searchbox").fill(task)
    sam.page.keyboard.press("Enter")
    status = sam.page.locator("#record-head .status")
    expect(status).to_have_text("In queue")
    history = sam.page.locator("#record-history > li")
    before = history.count()
    pair.gateway.finish(pair.gateway.orders[-1])
    expect(status).to_have_text("Ready")
    expect(history).not_to_have_count(before)
    expect(sam.page.locator("#record-history")).to_contain_text("Callback received")
