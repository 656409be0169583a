"""The ten cases of docs/support.md, walked by Sam of support beside the simulator.

A word in a prompt starts each, an event that names Sam ends it. Cases that need time share one
jump of all clocks.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Locator, Page, expect

from .pictures import FOLDER, take
from .portal import OPERATOR, SUPPORT
from .simulated import Simulated, simulated
from .visitor import PATIENCE, Visitor

pytestmark = pytest.mark.browser

Open = Callable[..., Visitor]
HOSTILE = '<img src=x onerror="document.title = 1"><script>document.title = 2</script> \u202egnp'
LONG_AGO = 35 * 60  # seconds; makes a task late


@pytest.fixture(scope="module")
def office(prepared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    folder = tmp_path_factory.mktemp("office")
    with simulated(prepared, folder, video_height=360 if FOLDER else 90) as both:
        yield both


@pytest.fixture
def ana(office: Simulated, open_window: Open) -> Visitor:
    visitor = open_window(office.portal)
    visitor.expected_problems = ["status of 40[13]"]  # links that have expired, the key refused
    visitor.log_in("/?model=kling-2.5-turbo")
    return visitor


@pytest.fixture
def sam(office: Simulated, open_window: Open) -> Visitor:
    visitor = open_window(replace(office.portal, email=SUPPORT), width=1000)
    room = "localStorage.setItem('django.admin.navSidebarIsOpen', 'false')"
    visitor.page.add_init_script(room)
    visitor.log_in("/admin/")
    return visitor


def order(ana: Visitor, prompt: str, *statuses: str) -> str:
    """The number of a new task, as soon as it has one of these statuses."""
    ana.write_prompt(prompt)
    ana.wait_for_price()
    task = ana.generate()
    ana.wait_for_status(task, *statuses)
    return task


def status_of(page: Page) -> Locator:
    return page.locator("#record-head .status")


def history(page: Page, text: str) -> Locator:
    """The entry of the record's history with this text."""
    return page.locator("#record-history > li", has_text=text)


def parts(entry: Locator) -> tuple[Locator, Locator]:
    """Where an entry of the history begins and ends."""
    return entry.locator("> *").first, entry.locator("> *").last


def find(sam: Visitor, term: str) -> None:
    sam.page.locator(".find__box").fill(term)
    sam.page.keyboard.press("Enter")


def open_list(sam: Visitor, name: str) -> None:
    """Open a work list that is not empty, from the first page."""
    sam.page.goto(f"{sam.portal.address}/admin/")
    entry = sam.page.locator(f"#work-{name}")
    expect(entry.locator(".work__count")).not_to_have_text("0")
    entry.locator(".work__link").click()


def press(sam: Visitor, verb: str, reason: str, number: str = "") -> None:
    """Use a verb on the record; one is back there afterwards, and the history tells it."""
    sam.page.get_by_role("button", name=verb, exact=True).click()
    if number:
        sam.page.get_by_label("MidSync's number").fill(number)
    sam.page.get_by_label("Reason").fill(reason)
    sam.page.locator(".submit-row input").click()
    expect(history(sam.page, reason).last).to_contain_text(SUPPORT)


def test_support_explains_what_happened(ana: Visitor, sam: Visitor) -> None:
    page, status = sam.page, status_of(sam.page)
    record = [page.locator(".record__head"), page.locator(".record__verbs")]
    ready = ("succeeded",)
    twice = order(ana, "灯台の動画 [twice]", *ready)
    failed = order(ana, "a wolf at the door [fail]", "failed")
    dear = order(ana, "a paper boat [surprise-price]", *ready)
    expired = order(ana, "a snow globe [expired-link]", *ready)
    hostile = order(ana, f"{HOSTILE} [hostile-reason]", "failed")

    # 3. Everything came twice; it is one order and one charge.
    find(sam, "動画")
    page.locator(".hit__link").click()
    expect(page.locator("#record-ids")).to_contain_text(twice)
    came = history(page, "Callback received")
    expect(came).to_have_count(1)
    expect(came).to_contain_text("duplicate: came 2 times")
    take(sam, "support-twice", *parts(came))
    press(sam, "Add a note", "ticket 3: one order, charged once")

    # 4. It failed; who knows whether the points come back.
    open_list(sam, "failed")
    find(sam, failed)
    expect(status).to_have_text("Failed")
    take(sam, "support-failed", *record)
    page.goto(f"{sam.portal.address}/admin/midsync_portal/reconciliation/compare/")
    for day in ("From", "To and with"):
        page.get_by_label(day).fill(datetime.now(UTC).date().isoformat())
    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".fieldBox.field-returned .readonly")).to_have_text("0.0000")
    find(sam, failed)
    press(sam, "Dealt with", "ticket 4: answered, MidSync gives nothing back")
    expect(page.get_by_role("button", name="Dealt with")).to_have_count(0)

    # 5. The charge differs from the quote.
    open_list(sam, "differs")
    find(sam, dear)
    expect(page.locator("#record-points .mark--warn")).to_be_visible()
    answer = history(page, "Sending → in queue")
    answer.locator("summary").click()
    expect(answer).to_contain_text('"pointsCharged": "43.75"')
    take(sam, "support-charge-differs", *parts(answer))
    press(sam, "Dealt with", "ticket 5: MidSync's price has changed")

    # 7. The link had expired before our copy was made.
    find(sam, expired)
    video = page.locator("#record-video")
    expect(video).to_contain_text("403", timeout=PATIENCE)
    take(sam, "support-expired-link", video)
    press(sam, "Fetch the video again", "ticket 7: the link has expired")
    expect(video.locator("video")).to_be_visible(timeout=PATIENCE)

    # 8. Somebody else's number; neither prompt nor reason do anything to this page.
    find(sam, f"{sam.portal.address}/tasks/{hostile}/")
    expect(page.locator(".record__title")).to_contain_text("‹U+202E›gnp")
    expect(page.locator(".record__head")).to_contain_text("Ana's team")
    expect(page.locator(".record__head")).to_contain_text('document.title="owned" Failed')
    take(sam, "support-wrong-customer", page.locator(".record__head"))
    page.locator("#record-history details summary").last.click()
    press(sam, "Add a note", "ticket 8: asked by another team")
    assert page.locator("#content img, #content script").count() == 0
    assert page.title() not in ("1", "2", "owned")
    page.get_by_role("button", name="View as the customer sees it").click()
    expect(page.get_by_role("note").last).to_contain_text("Nothing can be changed here")
    assert page.locator("main form").count() == 0


def test_support_settles_what_was_left_open(office: Simulated, ana: Visitor, sam: Visitor) -> None:
    page, status = sam.page, status_of(sam.page)
    record = [page.locator(".record__head"), page.locator(".record__verbs")]
    banner = page.locator(".messagelist .error")
    office.portal.kill_worker()
    silent = order(ana, "a lighthouse at dawn [silent]", "queued", "running")
    lost = order(ana, "a red kite [lost-answer] [silent]", "unconfirmed")
    never = order(ana, "a blue kite [http-408]", "unconfirmed")
    orphan = order(ana, "a paper crane [lost-answer] [account-only]", "unconfirmed")
    asked = order(ana, "two swans [empty-callback]", "queued", "running")
    office.jump(LONG_AGO)

    # 9. The worker is dead: what needs it waits, and goes on when it is back.
    page.goto(f"{sam.portal.address}/admin/")
    expect(banner).to_contain_text("No worker is running")
    take(sam, "support-dead-worker", banner, page.locator(".work"))
    open_list(sam, "late")
    page.locator("#result_list a", has_text="two swans").click()
    expect(page.locator("#record-ids")).to_contain_text(asked)
    press(sam, "Add a note", "ticket 9: an operator starts the worker")
    office.portal.start_worker()
    expect(status).to_have_text("Ready", timeout=PATIENCE)

    # 1. The callback was lost: MidSync knows the end.
    open_list(sam, "silent")
    find(sam, silent)
    expect(status).to_have_text("In queue")
    take(sam, "support-lost-callback", *record)
    press(sam, "Ask MidSync now", "ticket 1: it never came")
    expect(status).to_have_text("Ready")

    # 2. Unconfirmed, and MidSync's own pages have the order; or have not.
    midsync = page.context.new_page()
    midsync.goto(office.midsync)
    ordered = midsync.locator(".order")
    for task, words in ((lost, "a red kite"), (never, "a blue kite")):
        open_list(sam, "unconfirmed")
        find(sam, task)
        expect(page.locator(".record__head")).to_contain_text("Needs review", timeout=PATIENCE)
        found = ordered.filter(has_text=words)
        if found.count():
            take(sam, "support-unconfirmed", *record)
            number = found.locator("code").first.inner_text()
            press(sam, "Link to MidSync's number", "ticket 2: MidSync has it", number)
            expect(status).to_have_text("Ready")
        else:
            press(sam, "No charge found", "ticket 2: MidSync has no such order")
            expect(status).to_have_text("Refused")

    # 6. A callback fits no task, until the one that it names knows its number.
    open_list(sam, "orphans")
    page.locator("#result_list tbody th a").first.click()
    body = page.locator(".field-body_as_text")
    number = ordered.filter(has_text="a paper crane").locator("code").first.inner_text()
    expect(body).to_contain_text(number)
    take(sam, "support-orphan", body)
    find(sam, orphan)
    press(sam, "Link to MidSync's number", "ticket 6: the callback names it", number)
    expect(status).to_have_text("Ready")
    office.jump(11)  # until the worker looks at such callbacks again
    came = history(page, "account-wide URL")
    sam.wait_until(lambda: came.count() > 0 or not page.reload())


def test_an_operator_resumes_after_the_key_was_revoked(
    office: Simulated, ana: Visitor, sam: Visitor, open_window: Open
) -> None:
    olga = open_window(replace(office.portal, email=OPERATOR), width=1000)
    order(ana, "a red balloon [key-revoked]", "queued", "running", "succeeded")
    before = set(ana.tasks())
    ana.write_prompt("a green balloon")
    ana.press_generate_until_ordered(lambda: bool(set(ana.tasks()) - before))
    task = ana.wait_for_new_row(before)

    # 10. Sending is paused; the order waits, and an operator lets it go on.
    page = sam.page
    page.goto(f"{sam.portal.address}/admin/")
    banner = page.locator(".messagelist .error").first
    expect(banner).to_contain_text("Sending is paused")
    find(sam, task)
    expect(history(page, "Not sent")).to_contain_text("refuses our API key (401)")
    take(sam, "support-key-revoked", banner, page.locator(".record__verbs"))
    press(sam, "Add a note", "ticket 10: an operator has been told")

    office.choose(outage="none")
    olga.log_in("/admin/midsync_portal/midsyncgate/")
    olga.page.locator(".action-select").check()
    olga.page.locator("select[name=action]").select_option(label="Resume sending")
    olga.page.get_by_role("button", name="Go").click()
    olga.page.get_by_label("Reason").fill("MidSync has restored the key")
    olga.page.locator(".submit-row input").click()
    expect(olga.page.locator(".messagelist").last).to_contain_text("1 order waited for it")

    ana.wait_for_status(task, "succeeded")
    expect(history(page, "MidSync has restored the key")).to_contain_text(OPERATOR)
    expect(history(page, "ticket 10")).to_contain_text(SUPPORT)
