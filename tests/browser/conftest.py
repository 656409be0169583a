"""A real Chromium, and portals of real processes for it to look at."""

import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from tests.dialects.gateways import KIE, POINTS
from tests.dialects.server import Gateway
from tests.prepared import once, sqlite_tables, static_files

from .portal import Portal, demo_in, portal_at, prepare
from .visitor import Visitor

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


def chromium_path(playwright: Playwright) -> str:
    """The Chromium of bin/test, else the first that is found. Fails where there is none."""
    named = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), "")
    path = named or playwright.chromium.executable_path
    if not Path(path).exists():
        pytest.fail("no Chromium: run bin/test, which installs one, or name it in CHROMIUM.")
    return path


# The scope ends Playwright's event loop before other tests of this process use the database.
@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@contextmanager
def launched(playwright: Playwright, path: str) -> Iterator[Browser]:
    """A browser of this program, which ends with the block."""
    flags = FLAGS + (["--no-sandbox"] if os.geteuid() == 0 else [])
    browser = playwright.chromium.launch(executable_path=path, args=flags)
    yield browser
    browser.close()


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium's headless shell where there is one, since it takes less time; else Chromium."""
    path = os.environ.get("CHROMIUM_SHELL") or chromium_path(playwright)
    with launched(playwright, path) as browser:
        yield browser


@pytest.fixture(scope="package")
def whole_browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium with what is around its pages, notifications for example."""
    with launched(playwright, chromium_path(playwright)) as browser:
        yield browser


@pytest.fixture(scope="package")
def prepared() -> Path:
    """What every portal of these tests begins with."""

    def make(folder: Path) -> None:
        shutil.copytree(static_files().parent, folder, dirs_exist_ok=True)
        shutil.copy(sqlite_tables(), folder)
        prepare(folder)

    return once("portal", make)


@pytest.fixture(scope="package")
def demo(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The demo with its simulator, which here makes its videos four times as fast."""
    with demo_in(tmp_path_factory.mktemp("demo"), prepared, speed=4) as portal:
        yield portal


@dataclass(frozen=True)
class Pair:
    """A portal, and the gateway it orders from."""

    portal: Portal
    gateway: Gateway


@pytest.fixture(scope="package")
def shared_pair(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with (
        Gateway(KIE) as gateway,
        portal_at(gateway.origin, prepared, tmp_path_factory.mktemp("pair")) as portal,
    ):
        yield Pair(portal, gateway)


@pytest.fixture
def pair(shared_pair: Pair) -> Iterator[Pair]:
    """A portal and a gateway that several tests use one after another."""
    yield shared_pair
    gateway = shared_pair.gateway
    gateway.refusal, gateway.refuses = None, frozenset({"generate"})
    gateway.points = POINTS
    gateway.hold_quotes.set()


@pytest.fixture
def open_window(request: pytest.FixtureRequest) -> Iterator[Callable[..., Visitor]]:
    """Opens a window at a portal: `open_window(portal, width=390, theme="dark")`.

    Of the headless shell, unless the test is marked `whole_browser`.

    At the end of the test, every window must have stayed without console errors and without
    violations of the content security policy; a failed test leaves pictures of them.
    """
    visitors: list[Visitor] = []
    is_whole = request.node.get_closest_marker("whole_browser")
    browser = request.getfixturevalue("whole_browser" if is_whole else "browser")

    def open_(
        portal: Portal,
        *,
        width: int = 1280,
        height: int = 900,
        theme: str = "light",
        scripts: bool = True,
        context: BrowserContext | None = None,
    ) -> Visitor:
        context = context or browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if theme == "dark" else "light",
            java_script_enabled=scripts,
            base_url=portal.address,
            is_mobile=width < 600,
            has_touch=width < 600,
        )
        visitor = Visitor(context.new_page(), portal)
        visitors.append(visitor)
        return visitor

    yield open_
    failed = getattr(request.node, "call_failed", True)
    try:
        if failed:
            _take_pictures(visitors, request.node.name)
        else:
            for visitor in visitors:
                assert visitor.problems() == []
    finally:
        for context in {visitor.page.context for visitor in visitors}:
            context.close()
        for folder in {visitor.portal.folder for visitor in visitors}:
            _forget_drafts(folder)


def _forget_drafts(folder: Path) -> None:
    """Tests share accounts: what one left in the form is not there for the next."""
    for file in folder.rglob("portal.sqlite3"):
        with closing(sqlite3.connect(file, timeout=10)) as database, database:
            database.execute("DELETE FROM midsync_portal_draft")


def _take_pictures(visitors: list[Visitor], name: str) -> None:
    folder = Path(tempfile.mkdtemp(prefix="browser-"))
    for number, visitor in enumerate(visitors):
        safe = "".join(c if c.isalnum() else "-" for c in name)
        picture = folder / f"{safe}-{number}.png"
        visitor.page.screenshot(path=picture, full_page=True)
        sys.stdout.write(f"picture: {picture}; problems: {visitor.problems()}\n")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if call.when == "call":
        item.call_failed = report.failed  # type: ignore[attr-defined]
    return report
