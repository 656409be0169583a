"""Rows in the browser while tabs hide, laptops sleep and lines fail."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.dialects.gateways import KIE
from tests.dialects.server import ENDED, Gateway
from tests.proxy import Line

from .conftest import Pair
from .portal import portal_at
from .visitor import Visitor

pytestmark = pytest.mark.browser

Open = Callable[..., Visitor]


@pytest.fixture
def ana(pair: Pair, open_window: Open) -> Visitor:
    """Ana, logged in, on a page whose clock the test can move."""
    visitor = open_window(pair.portal)
    visitor.page.clock.install()
    visitor.log_in("/?model=kling-2.5-turbo")
    return visitor


@pytest.fixture
def line(pair: Pair) -> Iterator[Line]:
    """The line to the portal."""
    port = urlsplit(pair.portal.address).port
    assert port
    with Line(port) as line:
        yield line


@pytest.fixture
def far_ana(pair: Pair, line: Line, open_window: Open) -> Visitor:
    """Ana behind that line."""
    visitor = open_window(replace(pair.portal, address=line.address))
    visitor.page.clock.install()
    visitor.expected_problems = ["net::ERR_"]
    visitor.log_in("/?model=kling-2.5-turbo")
    return visitor


def order(visitor: Visitor, prompt: str) -> str:
    visitor.write_prompt(prompt)
    visitor.wait_for_price()
    task = visitor.generate()
    visitor.wait_for_status(task, "queued")
    return task


PLACES_TAKEN = "navigator.locks.query().then(({ held }) => held.length)"  # by tabs that wait


def set_hidden(visitor: Visitor, hidden: bool) -> None:
    visitor.page.evaluate(
        "value => { Object.defineProperty(document, 'hidden', { value, configurable: true });"
        " document.dispatchEvent(new Event('visibilitychange')); }",
        hidden,
    )


def test_a_hidden_tab_gives_its_stream_back_and_is_right_when_shown(
    pair: Pair, ana: Visitor
) -> None:
    for others in pair.gateway.orders:  # nothing else is waited for
        if others.stage < ENDED:
            pair.gateway.finish(others)
    task = order(ana, "watched in a hidden tab")

    def hide(how_long: str, places_taken: int) -> None:
        set_hidden(ana, True)
        ana.wait_until(lambda: ana.page.evaluate(PLACES_TAKEN) == places_taken)
        with ana.page.expect_event("requestfailed", lambda request: "/stream/" in request.url):
            ana.page.clock.fast_forward(how_long)

    hide("01:01:00", places_taken=1)  # for a task of one's own it waits, but not for ever
    pair.gateway.finish(pair.gateway.orders[-1])
    expect(ana.row(task)).to_have_attribute("data-status", "queued")
    set_hidden(ana, False)
    ana.wait_for_status(task, "succeeded")
    hide("01:01", places_taken=0)  # nothing is under way any more


def test_a_tab_that_is_shown_again_soon_keeps_its_stream(pair: Pair, ana: Visitor) -> None:
    task = order(ana, "hidden for a moment")
    ana.requests.clear()
    set_hidden(ana, True)
    set_hidden(ana, False)
    ana.page.clock.fast_forward(3_000)
    pair.gateway.finish(pair.gateway.orders[-1])
    ana.wait_for_status(task, "succeeded")
    assert ana.requests_for_data() == []


def test_after_an_hour_asleep_on_a_dead_line_the_row_is_right(
    pair: Pair, line: Line, far_ana: Visitor
) -> None:
    task = order(far_ana, "the laptop sleeps")
    line.go_dead()
    pair.gateway.finish(pair.gateway.orders[-1])
    expect(far_ana.row(task)).to_have_attribute("data-status", "queued")
    far_ana.page.clock.fast_forward("01:00:00")
    far_ana.wait_for_status(task, "succeeded")
    expect(far_ana.line_badge).to_be_hidden()
    far_ana.page.close()


def test_a_line_that_carries_nothing_any_more_is_noticed_by_its_silence(
    pair: Pair, line: Line, far_ana: Visitor
) -> None:
    task = order(far_ana, "nobody hears anything")
    line.go_dead()
    pair.gateway.finish(pair.gateway.orders[-1])
    for _ in range(11):  # no jump that could be taken for sleep
        far_ana.page.clock.run_for(4_000)
    far_ana.wait_for_status(task, "succeeded")
    far_ana.page.close()


def test_without_a_network_a_badge_says_so_and_afterwards_the_row_is_right(
    pair: Pair, far_ana: Visitor
) -> None:
    task = order(far_ana, "the network goes and comes")
    far_ana.page.context.set_offline(True)
    expect(far_ana.line_badge).to_be_visible()
    pair.gateway.finish(pair.gateway.orders[-1])
    far_ana.page.context.set_offline(False)
    far_ana.wait_for_status(task, "succeeded")
    expect(far_ana.line_badge).to_be_hidden()
    far_ana.page.close()


def test_a_burst_of_fifty_changes_to_one_row_ends_in_the_last_state(
    pair: Pair, ana: Visitor
) -> None:
    task = order(ana, "fifty changes")
    ordered = pair.gateway.orders[-1]
    for percent in range(1, 51):
        pair.gateway.report(ordered, status="processing", progress=percent)
    bar = ana.row(task).locator("progress")
    expect(bar).to_have_attribute("value", "50")
    pair.gateway.finish(ordered)
    ana.wait_for_status(task, "succeeded")
    expect(bar).to_have_count(0)


def test_a_row_that_has_left_the_page_may_still_change(pair: Pair, ana: Visitor) -> None:
    ana.page.evaluate("document.getElementById('task-rows').dataset.pageSize = 1")
    order(ana, "pushed out")
    task = order(ana, "stays")
    expect(ana.rows()).to_have_count(1)
    for ordered in pair.gateway.orders[-2:]:
        pair.gateway.finish(ordered)
    ana.wait_for_status(task, "succeeded")  # and no error in the console


def test_focus_in_a_row_survives_even_the_change_of_its_own_cell(pair: Pair, ana: Visitor) -> None:
    task = order(ana, "focus stays")
    title = ana.row(task).get_by_role("link", name="focus stays", exact=True)
    title.focus()
    pair.gateway.report(pair.gateway.orders[-1], status="processing", progress=10)
    ana.wait_for_status(task, "running")
    expect(title).to_be_focused()
    ana.row(task).get_by_role("link", name="Details").focus()
    pair.gateway.finish(pair.gateway.orders[-1])
    ana.wait_for_status(task, "succeeded")
    expect(ana.row(task).get_by_role("link", name="Watch")).to_be_focused()


def test_selected_text_of_another_cell_survives(pair: Pair, ana: Visitor) -> None:
    task = order(ana, "selected words")
    ana.row(task).get_by_role("link", name="selected words", exact=True).evaluate(
        "link => getSelection().selectAllChildren(link)"
    )
    pair.gateway.finish(pair.gateway.orders[-1])
    ana.wait_for_status(task, "succeeded")
    assert ana.page.evaluate("getSelection().toString()") == "selected words"


def test_with_six_tabs_two_are_paused_and_right_when_they_are_shown(
    prepared: Path, open_window: Open, tmp_path: Path
) -> None:
    with (
        Gateway(KIE) as gateway,
        portal_at(gateway.origin, prepared, tmp_path, WEB_CONCURRENCY="1") as portal,
    ):
        ana = open_window(portal)
        ana.log_in("/?model=kling-2.5-turbo")
        task = order(ana, "six tabs")
        set_hidden(ana, True)  # and waits for the end of its task
        ana.wait_until(lambda: ana.page.evaluate(PLACES_TAKEN) == 1)
        tabs = [ana]
        for _ in range(5):
            tab = open_window(portal, context=ana.page.context)
            tab.page.goto(portal.address + "/tasks/")
            expect(tab.row(task)).to_be_visible()
            tabs.append(tab)
        paused, active = tabs[:2], tabs[2:]
        for tab in paused:
            expect(tab.line_badge).to_contain_text("too many open tabs")
        ana.wait_until(lambda: ana.page.evaluate(PLACES_TAKEN) == 0)  # who hears nothing waits not
        gateway.finish(gateway.orders[-1])
        for tab in active:
            tab.wait_for_status(task, "succeeded")
        expect(ana.row(task)).to_have_attribute("data-status", "queued")
        set_hidden(ana, False)
        for tab in paused:
            tab.page.evaluate("window.dispatchEvent(new Event('focus'))")
            tab.wait_for_status(task, "succeeded")
            expect(tab.line_badge).to_be_hidden()


def test_after_a_restart_of_the_server_the_rows_are_right(
    prepared: Path, open_window: Open, tmp_path: Path
) -> None:
    with (
        Gateway(KIE) as gateway,
        portal_at(gateway.origin, prepared, tmp_path, WEB_CONCURRENCY="1") as portal,
    ):
        ana = open_window(portal)
        ana.expected_problems = ["net::ERR_"]
        ana.log_in("/?model=kling-2.5-turbo")
        task = order(ana, "the server restarts")
        portal.restart_web()
        gateway.finish(gateway.orders[-1])
        ana.wait_for_status(task, "succeeded")
        expect(ana.line_badge).to_be_hidden()
