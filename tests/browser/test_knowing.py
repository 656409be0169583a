"""Hearing of the end of a task while one looks at something else."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from .conftest import Pair
from .test_live_rows import PLACES_TAKEN, order, set_hidden
from .visitor import Visitor

pytestmark = pytest.mark.browser

Open = Callable[..., Visitor]

# Notes what is shown, and shows it.
LISTEN = """
    window.notes = [];
    window.Notification = class extends Notification {
        constructor(title, options) { super(title, options); notes.push([this, options]); }
    };
"""


def bodies(visitor: Visitor) -> list[str]:
    """What the notifications of this page have said."""
    found: list[str] = visitor.page.evaluate("notes.map(([_, options]) => options.body)")
    return found


@pytest.mark.whole_browser
def test_a_hidden_tab_tells_of_the_end_by_its_title_and_a_notification(
    pair: Pair, open_window: Open
) -> None:
    ana = open_window(pair.portal)
    ana.page.context.grant_permissions(["notifications"])
    ana.page.add_init_script(LISTEN)
    ana.page.clock.install()
    ana.log_in("/notifications/")
    ana.page.get_by_role("button", name="Turn on In this browser").click()
    expect(ana.page.get_by_text("This browser shows notifications.")).to_be_visible()
    assert bodies(ana) == ["Notifications look like this one."]
    ana.page.goto(pair.portal.address + "/?model=kling-2.5-turbo")
    said = ana.page.locator("#said")
    failing, task = order(ana, "a sad fox"), order(ana, "a red fox")
    set_hidden(ana, True)
    ana.wait_until(lambda: bool(ana.page.evaluate(PLACES_TAKEN)))
    ana.page.clock.fast_forward(61_000)  # another hidden tab has given its stream back by now
    words = said.inner_text()
    pair.gateway.report(pair.gateway.orders[-1], status="processing", progress=10)
    ana.wait_for_status(task, "running")
    assert said.inner_text() == words  # progress is not spoken of
    expect(ana.page).to_have_title("Studio · Midsync Portal")
    pair.gateway.finish(pair.gateway.orders[-1])
    expect(ana.page).to_have_title("(1) Studio · Midsync Portal")
    expect(said).to_have_text("Ready: a red fox")
    pair.gateway.finish(pair.gateway.orders[-2], failed=True)
    expect(ana.page).to_have_title("(2) Studio · Midsync Portal")
    ana.wait_for_status(failing, "failed")
    assert bodies(ana)[0] == "Ready: a red fox"
    assert bodies(ana)[1].startswith("Failed: a sad fox · ")
    with ana.page.context.expect_page() as opened:
        ana.page.evaluate("notes[0][0].onclick()")
    opened.value.wait_for_url(f"**/tasks/{task}/")
    opened.value.close()
    set_hidden(ana, False)
    expect(ana.page).to_have_title("Studio · Midsync Portal")


def test_what_is_seen_in_one_tab_is_not_told_in_another(pair: Pair, open_window: Open) -> None:
    ana = open_window(pair.portal)
    ana.log_in("/?model=kling-2.5-turbo")
    task = order(ana, "seen at once")
    set_hidden(ana, True)
    looked_at = open_window(pair.portal, context=ana.page.context)
    looked_at.open_task(task)
    pair.gateway.finish(pair.gateway.orders[-1])
    ana.wait_for_status(task, "succeeded")
    looked_at.wait_for_status(task, "succeeded")
    expect(ana.page).to_have_title("Studio · Midsync Portal")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            "Object.defineProperty(Notification, 'permission', { get: () => 'denied' })",
            "was told not to show any",
        ),
        ("delete window.Notification", "cannot show any here"),
    ],
    ids=["denied", "unable"],
)
def test_a_browser_that_shows_none_says_so(
    pair: Pair, open_window: Open, script: str, said: str
) -> None:
    ana = open_window(pair.portal)
    ana.page.add_init_script(script)
    ana.log_in("/notifications/")
    expect(ana.page.get_by_text(said)).to_be_visible()
    expect(ana.page.locator("#notices-browser-choice")).to_be_hidden()
