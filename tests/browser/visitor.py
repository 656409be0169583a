"""A person at a window of the portal, in the words of what people do there."""

import re
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Locator, Page, Request, expect

from tests.codes import fresh_code

from .portal import Portal

# htmx writes this to the console whenever it drops a superseded request, as it is asked to.
ABORTED_QUOTE = r"^htmx:(afterRequest|sendAbort), \[object HTMLDivElement\]"
SESSION = "portal_session"  # the cookie, on plain http
_opened: dict[tuple[str, str], list[Any]] = {}  # cookies of sessions, by portal and address
PATIENCE = 30_000  # milliseconds; for what takes a simulated while


class Visitor:
    """Wraps a page; remembers each request and everything the console complains about."""

    def __init__(self, page: Page, portal: Portal) -> None:
        self.page = page
        self.portal = portal
        self.requests: list[Request] = []
        self.expected_problems: list[str] = []
        self._problems: list[str] = []
        page.set_default_timeout(15_000)
        self._under_way: set[Request] = set()
        page.on("request", self._asked)
        page.on("requestfinished", self._answered)
        page.on("requestfailed", self._answered)
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self._problems.append(f"script: {error}"))
        page.add_init_script(
            "addEventListener('securitypolicyviolation',"
            " e => console.error('CSP: ' + e.violatedDirective + ' ' + e.blockedURI))"
        )

    def _asked(self, request: Request) -> None:
        self.requests.append(request)
        if urlsplit(request.url).path != "/stream/":
            self._under_way.add(request)

    def _answered(self, request: Request) -> None:
        self._under_way.discard(request)

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._problems.append(f"{message.text} ({message.location.get('url', '')})")

    def problems(self) -> list[str]:
        """Console errors and CSP violations, but for those that the test provoked itself."""
        expected = [ABORTED_QUOTE, *self.expected_problems]
        return [
            problem
            for problem in self._problems
            if not any(re.search(pattern, problem) for pattern in expected)
        ]

    # --- what a person does ---------------------------------------------------------------------

    def log_in(self, path: str = "/", *, anew: bool = False) -> None:
        """Go to a page, be sent to the log-in, come back to the page; staff also give a code.

        A window that comes later goes on with that session unless it is to begin `anew`: checking a
        password takes as long as a dozen pages, and a code counts once.
        """
        who = (self.portal.address, self.portal.email)
        if who in _opened and not anew:
            self.page.context.add_cookies(_opened[who])
        self.page.goto(self.portal.address + path)
        if urlsplit(self.page.url).path == urlsplit(path).path:
            return
        self.page.wait_for_url("**/accounts/login/**")
        self.enter_password()
        arrived = re.compile(rf"{re.escape(urlsplit(path).path)}($|\?)|/2fa/authenticate/")
        self.page.wait_for_url(lambda url: bool(arrived.search(url)))
        if "/2fa/" in self.page.url:
            self.page.fill("input[name=code]", fresh_code(str(self.portal.folder), who[1]))
            self.page.press("input[name=code]", "Enter")
            self.page.wait_for_url(lambda url: urlsplit(url).path == urlsplit(path).path)
        cookies = self.page.context.cookies()
        _opened[who] = [one for one in cookies if one["name"] == SESSION]

    def enter_password(self) -> None:
        """Fill in the log-in page that is shown."""
        self.page.fill("input[name=login]", self.portal.email)
        self.page.fill("input[name=password]", self.portal.password)
        self.page.press("input[name=password]", "Enter")

    def choose_model(self, model: str) -> None:
        """Choose in the list of models and wait until its fields are there."""
        if self.chosen_model.get_attribute("value") != model:
            with self.page.expect_response("**/parameters/"):
                self.page.locator("#model-now").click()
                self.page.locator(f"label:has([name=model][value='{model}'])").click()
        expect(self.chosen_model).to_have_value(model)
        expect(self.page.locator("form [name='fields-of']")).to_have_value(model)

    @property
    def chosen_model(self) -> Locator:
        return self.page.locator("[name=model]:checked")

    def field(self, name: str) -> Locator:
        """The field, or the fields, with MidSync's name."""
        return self.page.locator(f"form [name='{name}']")

    def write_prompt(self, text: str) -> None:
        self.field("prompt").fill(text)

    def give(self, name: str, value: str) -> None:
        """Set a field of whatever kind it is drawn as."""
        field = self.field(name)
        kind = field.first.evaluate("e => e.tagName === 'SELECT' ? 'select' : e.type")
        if kind == "select":
            field.first.select_option(value)
        elif kind == "radio":
            self.page.locator(f"label:has([name='{name}'][value='{value}'])").first.click()
        else:
            field.first.fill(value)
            field.first.blur()

    @property
    def generate_button(self) -> Locator:
        return self.page.locator("#task-generate")

    def wait_for_price(self) -> Decimal:
        """Wait until a price that was asked for what is typed now stands by the button; points."""
        settled = self.page.locator("#task-order:is([data-price=''], [data-price=lost])")
        expect(settled.locator(".quote__points")).to_be_visible(timeout=PATIENCE)
        shown = settled.locator(".quote__points span").inner_text()
        return Decimal(shown.replace(",", ""))

    @property
    def price_in_question(self) -> Locator:
        """The price while it is asked for again."""
        return self.page.locator("#task-order:is([data-price=stale], [data-price=asking])")

    @property
    def line_badge(self) -> Locator:
        """What says that the page is not told of changes right now."""
        return self.page.locator("#live")

    def reload_until_offered(self, model: str) -> None:
        """The list of models is fetched by the worker, just after it started."""
        option = self.page.locator(f"[name=model][value='{model}']")
        self.wait_until(lambda: option.count() > 0 or not self.page.reload())

    def wait_until(self, condition: Callable[[], bool], seconds: float = 30) -> None:
        """Wait for something outside the page."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "this did not happen in time"
            self.page.wait_for_timeout(50)

    def wait_until_quiet(self) -> None:
        """Wait until the page waits for no answer, nor is about to ask for a price (an open
        stream does not count).
        """
        self.wait_until(lambda: not self._under_way)
        working = self.page.locator(".htmx-request, .htmx-swapping, .htmx-settling")
        expect(working.or_(self.price_in_question)).to_have_count(0, timeout=PATIENCE)
        self.wait_until(lambda: not self._under_way)

    def requests_for_data(self) -> list[str]:
        """All requests since the list was cleared, but for pictures and videos that are shown."""
        return [
            f"{request.method} {request.url}"
            for request in self.requests
            if request.resource_type not in {"image", "media"}
        ]

    def press_generate_until_ordered(self, ordered: Callable[[], bool]) -> None:
        """Press Generate; once more if a price has to be confirmed first."""
        for _ in range(2):
            self.generate_button.click()
            self.wait_until_quiet()
            if ordered():
                return
        raise AssertionError("nothing was ordered")

    def rows(self) -> Locator:
        return self.page.locator("[data-task]")

    def row(self, task: str) -> Locator:
        return self.page.locator(f"[data-task='{task}']").first

    def generate(self) -> str:
        """Press Generate once and wait for the answer; the id of the new row."""
        before = set(self.tasks())
        self.generate_button.click()
        task = self.wait_for_new_row(before)  # which the stream may bring before the answer
        self.wait_until_quiet()
        return task

    def tasks(self) -> list[str]:
        found: list[str] = self.rows().evaluate_all("rows => rows.map(row => row.dataset.task)")
        return found

    def wait_for_new_row(self, before: set[str]) -> str:
        self.wait_until(lambda: bool(set(self.tasks()) - before))
        return next(task for task in self.tasks() if task not in before)

    def wait_for_status(self, task: str, *statuses: str) -> None:
        pattern = re.compile("^(" + "|".join(statuses) + ")$")
        expect(self.row(task)).to_have_attribute("data-status", pattern, timeout=PATIENCE)

    def remember_statuses(self) -> None:
        """From now on, until it is left, the page keeps what `statuses_seen` gives."""
        self.page.evaluate(
            """() => {
                window.seen = {};
                const look = () => document.querySelectorAll("[data-task]").forEach((row) => {
                    const statuses = (window.seen[row.dataset.task] ??= []);
                    if (statuses.at(-1) !== row.dataset.status) statuses.push(row.dataset.status);
                });
                new MutationObserver(look).observe(
                    document.body, { subtree: true, childList: true, attributes: true });
            }"""
        )

    def statuses_seen(self, task: str) -> list[str]:
        """What the row has shown, however short, one after another."""
        seen: list[str] = self.page.evaluate("task => window.seen[task] ?? []", task)
        return seen

    def points_charged(self, task: str) -> Decimal:
        """What the row says was charged, which must also be readable on it."""
        row = self.row(task)
        expect(row).to_have_attribute("data-points-charged", re.compile(r"\d"), timeout=PATIENCE)
        return Decimal(row.get_attribute("data-points-charged") or "")

    def open_task(self, task: str) -> None:
        self.page.goto(f"{self.portal.address}/tasks/{task}/")

    def play_video(self) -> float:
        """Play the video of the detail page until it has moved; its duration in seconds."""
        video = self.page.locator("video").first
        expect(video).to_be_visible(timeout=PATIENCE)
        # In one step: the page may put our saved copy in the place of MidSync's before it plays.
        self.page.evaluate(
            """() => {
                const video = document.querySelector("video");
                video.muted = true;
                video.preload = "auto";
                return video.play();
            }"""
        )
        plays = "v => v.readyState >= 2 && v.currentTime > 0.2 && v.videoWidth > 0"
        self.wait_until(lambda: bool(video.evaluate(plays)))
        return float(video.evaluate("v => v.duration"))
