"""Ordering as people do it: what was typed is never lost, and what is asked for is seen."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.ordering import PICTURES

from .conftest import Pair
from .visitor import Visitor

pytestmark = pytest.mark.browser

Open = Callable[..., Visitor]


def test_a_draft_is_there_on_the_phone_and_after_a_log_out(pair: Pair, open_window: Open) -> None:
    ana = open_window(pair.portal)
    ana.log_in("/?model=runway")
    ana.write_prompt("begun at the desk")
    ana.wait_for_price()
    phone = open_window(pair.portal, width=390, height=844)
    phone.log_in(anew=True)
    expect(phone.field("prompt")).to_have_value("begun at the desk")
    phone.write_prompt("begun at the desk, ended on the sofa")
    phone.wait_for_price()
    ana.page.locator("summary[aria-label^=Account]").click()
    ana.page.get_by_role("button", name="Log out").click()
    ana.page.wait_for_url("**/accounts/login/**")
    ana.log_in(anew=True)
    expect(ana.field("prompt")).to_have_value("begun at the desk, ended on the sofa")
    ana.page.get_by_role("button", name="Start over").click()
    expect(ana.field("prompt")).to_have_value("")
    ana.page.get_by_role("button", name="Bring back").click()
    expect(ana.field("prompt")).to_have_value("begun at the desk, ended on the sofa")


@pytest.mark.parametrize("width", [390, 1280], ids=["phone", "desktop"])
def test_links_are_put_in_order_by_keyboard_and_the_prompt_counts(
    pair: Pair, open_window: Open, width: int
) -> None:
    ana = open_window(pair.portal, width=width)
    ana.expected_problems = ["Failed to load resource"]
    ana.log_in("/?model=veo-3.1-fast")
    ana.write_prompt("a red fox")
    expect(ana.page.locator("#id_prompt-count")).to_have_text("9 of 5000 characters")
    for place, picture in enumerate(PICTURES[:2]):
        if place:
            ana.page.get_by_role("button", name="Add image").click()
        ana.field("images").nth(place).fill(picture)
        with ana.page.expect_response("**/parameters/"):
            ana.field("images").nth(place).blur()
    expect(ana.page.get_by_text("Last frame", exact=True)).to_be_visible()
    ana.page.get_by_role("button", name="Move Image 1 down").focus()
    for order in (PICTURES[1::-1], PICTURES[:2]):  # the focus goes along with the image
        with ana.page.expect_response("**/parameters/"):
            ana.page.keyboard.press("Enter")
        ana.wait_until_quiet()
        assert [one.input_value() for one in ana.field("images").all()] == order
    assert not ana.page.evaluate("document.documentElement.scrollWidth > innerWidth")
