"""What goes wrong between a person and the portal, from no scripts to no network."""

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.dialects.gateways import POINTS, REASON
from tests.dialects.refusals import REFUSALS, WHY
from tests.proxy import Line

from .conftest import Pair
from .visitor import Visitor

pytestmark = pytest.mark.browser

Open = Callable[..., Visitor]
BROKEN = next(refusal for refusal in REFUSALS if refusal.name == "a proxy's page")
REFUSED = next(refusal for refusal in REFUSALS if refusal.name == "error as a string")


@pytest.fixture
def ana(pair: Pair, open_window: Open) -> Visitor:
    """Ana, logged in, with a model chosen."""
    visitor = open_window(pair.portal)
    visitor.log_in()
    visitor.choose_model("kling-2.5-turbo")
    return visitor


def test_everything_works_without_scripts(pair: Pair, open_window: Open) -> None:
    ana = open_window(pair.portal, scripts=False)
    ana.log_in("/?model=kling-2.5-turbo")
    ana.write_prompt("a video without scripts")
    ana.page.get_by_role("button", name=re.compile("price", re.IGNORECASE)).first.click()
    expect(ana.page.get_by_text("48.5").first).to_be_visible()
    expect(ana.field("prompt")).to_have_value("a video without scripts")
    orders = len(pair.gateway.orders)
    ana.generate_button.click()
    assert len(pair.gateway.orders) == orders + 1
    ana.page.goto(pair.portal.address + "/tasks/")
    row = ana.rows().first
    expect(row).to_contain_text("a video without scripts")
    expect(row).to_have_attribute("data-points-charged", re.compile(r"^48\.5"))
    pair.gateway.finish(pair.gateway.orders[-1])
    ana.page.reload()
    expect(ana.rows().first).to_have_attribute("data-status", "succeeded")
    ana.rows().first.get_by_role("link").first.click()
    expect(ana.page.locator("video").first).to_be_visible()


def test_a_double_click_makes_one_task(pair: Pair, ana: Visitor) -> None:
    ana.write_prompt("pressed twice")
    ana.wait_for_price()
    orders, before = len(pair.gateway.orders), set(ana.tasks())
    ana.generate_button.dblclick()
    ana.wait_for_new_row(before)
    ana.wait_until_quiet()
    ana.page.goto(pair.portal.address + "/tasks/")
    assert len([row for row in ana.rows().all() if "pressed twice" in row.inner_text()]) == 1
    assert len(pair.gateway.orders) == orders + 1


def test_back_and_reload_order_nothing_again(pair: Pair, ana: Visitor) -> None:
    ana.write_prompt("ordered once")
    ana.wait_for_price()
    orders = len(pair.gateway.orders)
    ana.generate()
    ana.page.reload()
    ana.page.goto(pair.portal.address + "/tasks/")
    ana.page.go_back()
    ana.page.reload()
    expect(ana.generate_button).to_be_visible()
    ana.wait_until_quiet()
    assert len(pair.gateway.orders) == orders + 1


def test_a_form_sent_again_by_reload_or_back_orders_nothing_again(
    pair: Pair, open_window: Open
) -> None:
    ana = open_window(pair.portal, scripts=False)
    ana.expected_problems = ["status of 422"]
    ana.log_in("/?model=kling-2.5-turbo")
    ana.write_prompt("ordered once without scripts")
    orders = len(pair.gateway.orders)
    ana.generate_button.click()  # no price was seen: it is shown first
    expect(ana.page.get_by_text("48.5").first).to_be_visible()
    assert len(pair.gateway.orders) == orders
    with ana.page.expect_request(lambda request: request.method == "POST") as sent:
        ana.generate_button.click()
    expect(ana.rows().first).to_have_attribute("data-status", "queued")
    for _ in range(2):  # what a browser does on reload, or on back and yes
        again = ana.page.request.post(
            sent.value.url,
            data=sent.value.post_data,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert again.url == ana.page.url
    assert len(pair.gateway.orders) == orders + 1


def test_the_keyboard_is_enough(pair: Pair, ana: Visitor) -> None:
    ana.write_prompt("by keyboard")
    ana.wait_for_price()
    before = set(ana.tasks())
    ana.generate_button.focus()
    ana.page.keyboard.press("Enter")
    task = ana.wait_for_new_row(before)
    has_focus = "row => row.contains(document.activeElement)"
    ana.wait_until(lambda: bool(ana.row(task).evaluate(has_focus)))


def test_after_a_cut_network_the_rows_are_right_again(pair: Pair, open_window: Open) -> None:
    port = urlsplit(pair.portal.address).port
    assert port
    with Line(port) as line:
        ana = open_window(replace(pair.portal, address=line.address))
        ana.expected_problems = ["net::ERR_"]
        ana.log_in("/?model=kling-2.5-turbo")
        ana.write_prompt("the line goes down")
        ana.wait_for_price()
        task = ana.generate()
        line.cut()
        expect(ana.line_badge).to_be_visible(timeout=30_000)
        pair.gateway.finish(pair.gateway.orders[-1])
        expect(ana.row(task)).not_to_have_attribute("data-status", "succeeded")
        line.repair()
        ana.wait_for_status(task, "succeeded")
        expect(ana.line_badge).to_be_hidden(timeout=30_000)
        ana.page.close()


def test_a_playing_video_plays_on_while_its_page_changes(pair: Pair, ana: Visitor) -> None:
    ana.write_prompt("watched while the page changes")
    ana.wait_for_price()
    task = ana.generate()
    pair.gateway.finish(pair.gateway.orders[-1])
    ana.wait_for_status(task, "succeeded")
    ana.open_task(task)
    expect(ana.page.locator(".player__saved")).to_be_visible()  # which changes the page, too
    video = ana.page.locator("video")
    video.evaluate("v => { v.muted = v.loop = v.watched = true; return v.play() }")
    changes = ana.page.locator(".timeline li")
    before = changes.count()
    ana.page.get_by_role("button", name="Check with MidSync now").click()
    expect(changes).to_have_count(before + 1)
    assert video.evaluate("v => v.watched && !v.paused")


def test_an_expired_log_in_leads_back_to_the_filled_form(pair: Pair, ana: Visitor) -> None:
    orders = len(pair.gateway.orders)
    ana.write_prompt("written before the log-in expired")
    ana.wait_for_price()
    ana.expected_problems = [r"status of 40[13]"]
    ana.page.context.clear_cookies()
    ana.generate_button.click()
    ana.page.wait_for_url("**/accounts/login/**")
    expect(ana.page.locator("input[name=password]")).to_have_count(1)
    ana.enter_password()
    expect(ana.field("prompt")).to_have_value("written before the log-in expired")
    expect(ana.chosen_model).to_have_value("kling-2.5-turbo")
    assert len(pair.gateway.orders) == orders


def test_only_the_last_price_counts_and_an_old_one_is_greyed_at_once(
    pair: Pair, ana: Visitor
) -> None:
    gateway = pair.gateway
    ana.write_prompt("the price changes")
    assert ana.wait_for_price() == Decimal(str(POINTS))
    gateway.hold_quotes.clear()
    gateway.points, asked = 11.0, gateway.quotes_asked
    ana.give("duration", "10")
    ana.wait_until(lambda: gateway.quotes_asked == asked + 1)
    expect(ana.price_in_question).to_have_count(1)
    gateway.points = 22.0
    ana.give("duration", "5")
    ana.write_prompt("the price changes twice")
    ana.wait_until(lambda: gateway.quotes_asked >= asked + 2)
    expect(ana.price_in_question).to_have_count(1)
    gateway.hold_quotes.set()
    assert ana.wait_for_price() == Decimal(22)
    ana.wait_until_quiet()
    assert ana.wait_for_price() == Decimal(22)


def test_without_a_price_the_form_says_so_and_a_refusal_keeps_what_was_typed(
    pair: Pair, ana: Visitor
) -> None:
    gateway = pair.gateway
    gateway.refusal, gateway.refuses = BROKEN, frozenset({"quote"})
    ana.write_prompt("nobody knows the price")
    expect(ana.page.get_by_text(re.compile("price shown after submit", re.I)).first).to_be_visible(
        timeout=30_000
    )
    gateway.refusal, gateway.refuses = REFUSED, frozenset({"quote", "generate"})
    ana.expected_problems = [r"status of 422"]
    orders = len(gateway.orders)
    ana.generate_button.click()
    expect(ana.page.get_by_text(WHY).first).to_be_visible(timeout=30_000)
    expect(ana.field("prompt")).to_have_value("nobody knows the price")
    assert len(gateway.orders) == orders


def test_an_invalid_form_is_refused_at_its_field_and_keeps_what_was_typed(
    pair: Pair, ana: Visitor
) -> None:
    ana.expected_problems = [r"status of 422"]
    long = "a very long story " * 300  # of 5,000 characters at most
    ana.write_prompt("short")
    ana.wait_for_price()
    asked = pair.gateway.quotes_asked
    ana.write_prompt(long)
    expect(ana.generate_button).to_be_disabled()
    ana.wait_until_quiet()
    expect(ana.generate_button).to_be_disabled()
    expect(ana.field("prompt")).to_have_value(long)
    assert pair.gateway.quotes_asked == asked


def test_a_failure_is_told_with_its_reason_and_the_settings_can_be_used_again(
    pair: Pair, open_window: Open
) -> None:
    ana = open_window(pair.portal)
    ana.log_in()
    ana.choose_model("kling-2.5-turbo")
    ana.write_prompt("a video that will fail")
    ana.wait_for_price()
    task = ana.generate()
    pair.gateway.finish(pair.gateway.orders[-1], failed=True)
    ana.wait_for_status(task, "failed")
    ana.open_task(task)
    expect(ana.page.get_by_text(REASON).first).to_be_visible()
    ana.page.get_by_role("link", name="Use these settings again").first.click()
    expect(ana.field("prompt")).to_have_value("a video that will fail")
