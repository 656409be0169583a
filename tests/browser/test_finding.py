"""Finding old work and choosing among it, and what the studio knows from it."""

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from zipfile import ZipFile

import pytest
from playwright.sync_api import expect

from midsync_portal.finding.pages import PAGE_SIZE
from tests.dialects.gateways import KIE
from tests.dialects.server import Gateway

from .conftest import Pair
from .many_tasks import COUNT, MODEL, POINTS
from .portal import portal_at
from .test_live_rows import order
from .visitor import PATIENCE, Visitor

pytestmark = pytest.mark.browser

Open = Callable[..., Visitor]
JAPANESE = COUNT // 3
LAID_OUT = """[...document.querySelectorAll(".task-row > .task-row__status")]
    .map((part) => part.checkVisibility({ contentVisibilityAuto: true }))"""  # by row


@pytest.fixture(scope="module")
def busy(prepared, tmp_path_factory) -> Iterator[Pair]:
    """A portal with much work in it, and its gateway."""
    folder = tmp_path_factory.mktemp("busy")
    with (
        Gateway(KIE) as gateway,
        portal_at(gateway.origin, prepared, folder, seed="tests.browser.many_tasks") as portal,
    ):
        yield Pair(portal, gateway)


def fits(visitor: Visitor) -> bool:
    """Whether nothing has to be scrolled sideways."""
    wide: bool = visitor.page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return not wide


@pytest.mark.parametrize("width", [390, 1280], ids=["phone", "desktop"])
def test_old_work_is_found_added_up_and_taken_away(
    busy: Pair, open_window: Open, width: int
) -> None:
    ana = open_window(busy.portal, width=width)
    ana.log_in("/tasks/")
    page, totals = ana.page, ana.page.locator("#task-totals")
    page.get_by_role("searchbox").fill("中の狐")
    expect(totals).to_contain_text(f"{JAPANESE} tasks")
    expect(totals).to_contain_text(f"charged {JAPANESE * POINTS} points")
    page.locator(".finder__more summary").click()
    page.get_by_label("Status").select_option("succeeded")
    page.wait_for_url("**/tasks/?q=*&status=succeeded")
    page.get_by_label("At least").fill(str(POINTS + 1))
    expect(page.get_by_text("Nothing fits")).to_be_visible()
    page.get_by_label("At least").fill(str(POINTS))
    page.wait_for_url(f"**&status=succeeded&least={POINTS}")
    page.reload()
    expect(ana.rows()).to_have_count(JAPANESE)
    expect(page.get_by_role("searchbox")).to_have_value("中の狐")
    with page.expect_download() as taken:
        page.get_by_role("link", name="Export as CSV").click()
    assert taken.value.path().read_text("utf-8-sig").count("雪の中の狐") == JAPANESE
    assert fits(ana)


def test_pages_stay_put_while_new_work_arrives(busy: Pair, open_window: Open) -> None:
    ana = open_window(busy.portal)
    ana.log_in("/tasks/")
    ana.page.get_by_role("link", name="Older").click()
    ana.page.wait_for_url("**/tasks/?before=*")
    before = ana.tasks()
    assert len(before) == PAGE_SIZE
    orders = open_window(busy.portal, context=ana.page.context)
    orders.page.goto(f"{busy.portal.address}/?model={MODEL}")
    task = order(orders, "new work")
    expect(ana.page.locator("#task-news-line")).to_contain_text("1 new task")
    assert ana.tasks() == before
    ana.page.locator("#task-news-line a").click()
    expect(ana.row(task)).to_be_visible()
    assert ana.tasks()[0] == task


def test_what_new_work_pushes_off_is_on_the_next_page_and_totals_follow(
    busy: Pair, open_window: Open
) -> None:
    ana = open_window(busy.portal)
    ana.log_in("/tasks/")
    shown = ana.tasks()
    totals = ana.page.locator("#task-totals strong")
    expect(totals).to_contain_text("tasks")
    told = totals.inner_text()
    ana.page.locator(f"#task-{shown[-1]} input[type=checkbox]").check()
    orders = open_window(busy.portal, context=ana.page.context)
    orders.page.goto(f"{busy.portal.address}/?model={MODEL}")
    task = order(orders, "pushes another one off")
    expect(ana.row(task)).to_be_visible()
    assert ana.tasks() == [task, *shown]  # what is ticked stays
    expect(totals).not_to_have_text(told)
    ana.page.locator(f"#task-{shown[-1]} input[type=checkbox]").uncheck()
    another = order(orders, "and one more")
    expect(ana.row(another)).to_be_visible()
    ana.wait_until(lambda: len(ana.tasks()) == PAGE_SIZE)
    last = ana.tasks()[-1]
    assert last == shown[-3]
    ana.page.get_by_role("link", name="Older").click()
    ana.page.wait_for_url(f"**/tasks/?before={last}")
    assert ana.tasks()[:2] == shown[-2:]


@pytest.mark.parametrize("width", [390, 1280], ids=["phone", "desktop"])
def test_rows_far_down_are_laid_out_when_they_come_near(
    busy: Pair, open_window: Open, width: int
) -> None:
    ana = open_window(busy.portal, width=width)
    ana.log_in("/tasks/")
    tall = "document.documentElement.scrollHeight"
    is_laid_out = ana.page.evaluate(LAID_OUT)
    assert all(is_laid_out[:5])
    assert not is_laid_out[-1]
    guessed = ana.page.evaluate(tall)
    for _ in range(PAGE_SIZE):
        ana.page.keyboard.press("PageDown")
    ana.wait_until(lambda: ana.page.evaluate(LAID_OUT)[-1])
    assert abs(ana.page.evaluate(tall) / guessed - 1) < 0.05  # so the scroll bar tells the truth


@pytest.mark.parametrize("width", [390, 1280], ids=["phone", "desktop"])
def test_ticked_tasks_are_used_again_compared_and_downloaded(
    busy: Pair, open_window: Open, width: int
) -> None:
    ana = open_window(busy.portal, width=width)
    ana.log_in(f"/?model={MODEL}")
    for prompt in (f"beside on {width}", f"saved on {width}"):
        task = order(ana, prompt)
        busy.gateway.finish(busy.gateway.orders[-1])
    ana.page.goto(f"{busy.portal.address}/tasks/{task}/")
    expect(ana.page.locator(".player__saved")).to_be_visible(timeout=PATIENCE)
    ordered = len(busy.gateway.orders)
    ana.page.goto(f"{busy.portal.address}/tasks/")
    ticks, chosen = ana.rows().get_by_role("checkbox"), ana.page.locator("#task-chosen")
    expect(chosen).to_be_hidden()
    ticks.nth(0).check()
    ticks.nth(1).check()
    expect(chosen).to_contain_text("2 chosen")
    expect(chosen.get_by_role("button", name="Use again")).to_be_disabled()
    assert fits(ana)
    with ana.page.expect_download() as taken:
        chosen.get_by_role("button", name="Download").click()
    with ZipFile(taken.value.path()) as found:
        assert found.testzip() is None
        assert found.namelist()[0] == f"saved-on-{width}-{task[:8]}.webm"
    chosen.get_by_role("button", name="Side by side").click()
    ana.page.wait_for_url(f"**/compare/{task},*/")
    ana.page.go_back()
    ana.page.reload()
    ticks.nth(0).check()
    chosen.get_by_role("button", name="Use again").click()
    ana.page.wait_for_url(f"**/?from={task}")
    expect(ana.field("prompt")).to_have_value(f"saved on {width}")
    ana.wait_for_price()
    assert len(busy.gateway.orders) == ordered  # nothing is ordered without Generate


def test_the_studio_says_from_what_models_cost_and_how_long_tasks_take(
    busy: Pair, open_window: Open
) -> None:
    ana = open_window(busy.portal)
    ana.page.clock.install()
    ana.log_in("/")
    price = ana.page.locator(f".picker__item:has([value='{MODEL}']) .picker__price")
    ana.wait_until(lambda: price.count() > 0 or not ana.page.reload())  # the worker asks at start
    ana.page.locator("#model-now").click()
    expect(price).to_have_text("from 48.5 points")
    ana.page.keyboard.press("Escape")
    ana.choose_model(MODEL)
    waiting = ana.row(order(ana, "how long?")).locator(".waiting")
    expect(waiting).to_contain_text(re.compile(r"Usually 70–140 s · \d+ s so far"))
    ana.page.clock.fast_forward(150_000)
    expect(waiting).to_contain_text(re.compile(r"1[5-9]\d s so far"))


def test_a_draft_that_fits_no_more_says_what_was_dropped(busy: Pair, open_window: Open) -> None:
    ana = open_window(busy.portal)
    ana.log_in("/tasks/")
    form = {"model": [MODEL], "prompt": ["begun long ago"], "duration": ["7"]}
    with closing(sqlite3.connect(busy.portal.folder / "portal.sqlite3", timeout=10)) as database:
        database.execute(
            "INSERT INTO midsync_portal_draft (user_id, customer_id, form, earlier, updated_at)"
            " SELECT user_id, customer_id, ?, '{}', '2026-01-01' FROM midsync_portal_membership",
            [json.dumps(form)],
        )
        database.commit()
    ana.page.goto(busy.portal.address)
    dropped = ana.page.locator("#task-dropped")
    expect(dropped).to_contain_text("“7” is not offered; it is 5 now")
    expect(ana.field("prompt")).to_have_value("begun long ago")
