"""Nobody is kept out: every page in each of its states, light and dark, in three languages."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from django.conf import settings
from playwright.sync_api import Browser, expect

from tests.dialects.refusals import REFUSALS

from . import accessibility
from .conftest import Pair
from .portal import NEW, SUPPORT
from .visitor import PATIENCE, Visitor

pytestmark = pytest.mark.browser

Open = Callable[..., Visitor]
BROKEN = next(refusal for refusal in REFUSALS if refusal.name == "a proxy's page")
ACCOUNT = {
    "notifications": "/notifications/",
    "password": "/accounts/password/change/",
    "e-mail addresses": "/accounts/email/",
    "second factor": "/accounts/2fa/",
    "no such page": "/nothing/",
    "log-out": "/accounts/logout/",
}
PICTURE = "https://pictures.example.com/first-frame.png"


@dataclass
class Look:
    """What was found on the pages that were looked at, by the name of their state."""

    visitor: Visitor
    colors: bool = True
    found: dict[str, list[str]] = field(default_factory=dict)

    def __call__(self, state: str, path: str = "") -> None:
        """Look at the page as it is, or at another one."""
        page = self.visitor.page
        if path:
            page.goto(self.visitor.portal.address + path)
        self.found[state] = [
            *accessibility.violations(page, colors=self.colors),
            *(f"moving: {one}" for one in accessibility.moving(page)),
        ]

    def report(self, record: Callable[[str, object], None]) -> None:
        """Show the states, and fail for what was found in any."""
        record("figures", f"axe, WCAG 2.2 A and AA: {'; '.join(self.found)}")
        assert {state: found for state, found in self.found.items() if found} == {}


@pytest.mark.parametrize("language", [code for code, _ in settings.LANGUAGES])
def test_axe_finds_nothing_on_any_page_in_any_state(
    pair: Pair, open_window: Open, record_property: Callable[[str, object], None], language: str
) -> None:
    gateway = pair.gateway
    new = open_window(replace(pair.portal, email=NEW), width=390, height=844)
    new.page.context.add_cookies(
        [{"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": pair.portal.address}]
    )
    new.expected_problems = ["status of 4", "net::ERR_", "pictures.example.com"]
    look, page = Look(new, colors=language == "en"), new.page

    look("log-in", "/accounts/login/")
    page.fill("input[name=login]", NEW)
    page.fill("input[name=password]", "wrong")
    page.press("input[name=password]", "Enter")
    expect(page.locator("[aria-invalid=true], .errorlist, [role=alert]").first).to_be_visible()
    look("log-in, refused")
    look("forgotten password", "/accounts/password/reset/")
    new.log_in("/?model=kling-2.5-turbo")
    look("studio")
    page.locator("#model-now").click()
    look("studio, list of models open")
    page.keyboard.press("Escape")
    new.write_prompt("long " * 2000)
    look("studio, invalid")
    gateway.hold_quotes.clear()
    new.write_prompt(f"a lighthouse in {language}")
    expect(new.price_in_question).to_have_count(1)
    look("studio, busy")
    gateway.hold_quotes.set()
    new.wait_for_price()
    look("studio, with its price")
    queued = new.generate()
    new.wait_for_status(queued, "queued")
    look("studio, task queued")
    look("task, queued", f"/tasks/{queued}/")
    gateway.finish(gateway.orders[-1])
    new.wait_for_status(queued, "succeeded")
    look("task, finished")
    page.context.set_offline(True)
    expect(new.line_badge).to_be_visible(timeout=PATIENCE)
    look("task, offline")
    page.context.set_offline(False)

    new.page.goto(f"{pair.portal.address}/?model=veo-3.1-fast")
    new.write_prompt(f"from a picture, {language}")
    new.field("images").first.fill(PICTURE)
    new.field("images").first.blur()
    new.wait_for_price()
    look("studio, with a picture")
    failed = new.generate()
    gateway.finish(gateway.orders[-1], failed=True)
    new.wait_for_status(failed, "failed")
    look("studio, task failed")
    look("task, failed", f"/tasks/{failed}/")
    look("studio, used again", f"/?from={failed}")
    new.wait_for_price()
    new.generate_button.click()
    expect(page.get_by_role("alert").first).to_be_visible()
    look("studio, the same a second time")
    new.write_prompt(f"nobody knows whether this was ordered, {language}")
    new.wait_for_price()
    gateway.refusal = BROKEN
    unconfirmed = new.generate()
    new.wait_for_status(unconfirmed, "unconfirmed")
    gateway.refusal = None
    look("studio, task unconfirmed")
    look("task, unconfirmed", f"/tasks/{unconfirmed}/")
    look("tasks", "/tasks/")
    page.get_by_role("checkbox").first.check()
    look("tasks, one ticked")
    look("tasks, none found", "/tasks/?q=nothing-of-that")
    look("tasks, odd filter", "/tasks/?status=odd&points_from=x")
    look("compare", "/compare/")
    look("compare, results", f"/compare/{queued},{failed}/")
    for state, path in ACCOUNT.items():
        look(state, path)
    look.report(record_property)


def test_everything_fits_and_is_reached_by_keyboard(pair: Pair, open_window: Open) -> None:
    ana = open_window(pair.portal)
    ana.expected_problems = ["status of 404"]
    ana.log_in("/?model=kling-2.5-turbo")
    ana.write_prompt("a-very-long-word-without-any-place-to-break-it " * 3)
    ana.wait_for_price()
    task = ana.generate()
    pair.gateway.finish(pair.gateway.orders[-1])
    ana.wait_for_status(task, "succeeded")
    found = {}
    for path in (
        "/",
        "/tasks/",
        f"/tasks/{task}/",
        "/compare/",
        f"/compare/{task}/",
        *ACCOUNT.values(),
    ):
        ana.page.goto(pair.portal.address + path)
        found[path] = accessibility.unreachable(ana.page) + accessibility.sticking_out(ana.page)
    assert {path: one for path, one in found.items() if one} == {}


def test_support_is_not_kept_out_either(
    pair: Pair, open_window: Open, record_property: Callable[[str, object], None]
) -> None:
    ana = open_window(pair.portal)
    ana.log_in("/?model=kling-2.5-turbo")
    ana.write_prompt("read by support with other eyes")
    ana.wait_for_price()
    ana.generate()
    sam = open_window(replace(pair.portal, email=SUPPORT))
    sam.log_in("/admin/")
    look = Look(sam)
    for state, path in {
        "first page": "/admin/",
        "tasks": "/admin/midsync_portal/task/",
        "search": "/admin/midsync_portal/task/search/?q=lighthouse",
        "callbacks": "/admin/midsync_portal/callbackdelivery/",
    }.items():
        look(state, path)
    sam.page.goto(f"{pair.portal.address}/admin/midsync_portal/customer/")
    sam.page.locator("#result_list tbody th a").first.click()
    look("team")
    sam.page.goto(f"{pair.portal.address}/admin/midsync_portal/task/")
    sam.page.locator("#result_list tbody th a").first.click()
    look("record")
    look.report(record_property)


def test_these_eyes_see(browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_content(
        "<title>No</title><style>@keyframes off { to { opacity: 0 } }</style>"
        "<style>i { animation: off 9s }</style>"
        "<main><h1>No</h1><button></button><i>moves</i>"
        "<p style='color: #999; background: #fff; width: 500px'>pale and wide</p>"
        "<div style='box-shadow: 0 0 3px'><a href='/x' style='outline: none'>x</a></div></main>"
    )
    found = " ".join(accessibility.violations(page))
    assert "button-name" in found
    assert "color-contrast" in found
    assert "html-has-lang" in found
    assert accessibility.moving(page) == [" off"]
    assert any("page: 500" in one or "wide: P" in one for one in accessibility.sticking_out(page))
    assert any("not shown: A" in one for one in accessibility.unreachable(page))
    page.close()
