"""Live rows: who hears what, nothing lost, nothing said to strangers."""

import asyncio
import time
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from midsync_portal.live import datagrams, subscriber
from midsync_portal.live.access import end_sessions
from midsync_portal.middleware import SESSION_BEGAN, SESSION_SEEN
from midsync_portal.models import Membership, TaskEvent
from midsync_portal.models.status import Status
from tests.conftest import make_customer, make_user
from tests.serving import PATIENCE, in_thread, request

from .people import browser_of, row, run_on

pytestmark = pytest.mark.django_db(transaction=True)


# --- Rows arrive ----------------------------------------------------------------------------------


def test_every_connection_begins_with_the_rows_as_they_are(make_task, anas_browser, open_page):
    task = make_task()
    page = open_page(anas_browser, rows=[task])
    came = page.wait_for(row(task, "queued"))
    assert page.answer.status == 200
    assert page.answer.headers["content-type"].startswith("text/event-stream")
    assert page.answer.headers["cache-control"] == "no-store, no-transform"
    assert page.answer.headers["x-accel-buffering"] == "no"
    assert came.startswith("retry: ")
    assert 'hx-swap-oob="true"' in came
    assert "event:" not in came


def test_a_change_made_in_another_thread_arrives(make_task, anas_browser, open_page):
    task = make_task()
    page = open_page(anas_browser, rows=[task])
    page.wait_for(row(task, "queued"))
    in_thread(run_on, task)
    page.wait_for(row(task, "running"))


def test_a_change_that_is_rolled_back_wakes_nobody(make_task, anas_browser, open_page, site):
    task, other = make_task(), make_task()
    page = open_page(anas_browser, rows=[task, other])
    page.wait_for(row(task, "queued"), row(other, "queued"))
    with transaction.atomic():
        run_on(task)
        transaction.set_rollback(True)
    run_on(other)
    page.wait_for(row(other, "running"))
    assert row(task, "running") not in page.text


def test_a_change_whose_wake_up_got_lost_arrives_all_the_same(make_task, anas_browser, open_page):
    task = make_task()
    page = open_page(anas_browser, rows=[task])
    page.wait_for(row(task, "queued"))
    lose_wake_ups()
    in_thread(run_on, task)
    page.wait_for(row(task, "running"))


def lose_wake_ups() -> None:
    """What a restart does to PostgreSQL's listeners, and a full disk to SQLite's mailboxes."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'portal-live'"
            )
            assert cursor.fetchall() == [(True,)]
    else:
        for mailbox in Path(datagrams.folder_of(connection.settings_dict["NAME"])).iterdir():
            mailbox.unlink()


async def until_it_waits(hub, text: str) -> None:
    """Return as soon as a message with this text waits for a page that does not read."""
    async with asyncio.timeout(PATIENCE):
        while not any(
            text.encode() in frame
            for stream in hub.audience.streams
            for frame in stream._pending.values()
        ):
            await asyncio.sleep(0.01)


def test_fifty_changes_while_a_page_does_not_read_end_in_the_last_one(
    make_task, anas_browser, open_page, loop, site
):
    task = make_task()
    page = open_page(anas_browser, rows=[task])
    page.wait_for(row(task, "queued"))
    page.stop_reading()
    run_on(task, progress=1)
    for progress in range(2, 50):
        task.progress = progress
        task.save(update_fields=["progress"])
        task.record(TaskEvent.Kind.PROGRESS, "callback")
    task.move_to(
        Status.SUCCEEDED, "callback", source_url="https://cdn.example.com/v.mp4", progress=100
    )
    loop.run(until_it_waits(site.hub, row(task, "succeeded")))
    page.read_on()
    came = page.wait_for(row(task, "succeeded"))
    assert came.count("data-task=") <= 2  # what was under way, and the last
    assert came.rindex(row(task, "succeeded")) > came.rfind(row(task, "running"))


def test_a_row_that_looks_the_same_is_not_sent_again(make_task, anas_browser, open_page):
    task, other = make_task(), make_task()
    page = open_page(anas_browser, rows=[task, other])
    page.wait_for(row(task, "queued"), row(other, "queued"))
    task.record(TaskEvent.Kind.CHECK, "status")
    run_on(other)
    came = page.wait_for(row(other, "running"))
    assert str(task.public_id) not in came


def test_who_looks_at_other_rows_hears_nothing(make_task, anas_browser, open_page):
    task, other = make_task(), make_task()
    page = open_page(anas_browser, rows=[other])
    page.wait_for(row(other, "queued"))
    run_on(task)
    run_on(other)
    page.wait_for(row(other, "running"))
    assert str(task.public_id) not in page.text


def test_the_page_of_a_task_hears_of_status_video_and_timeline(make_task, anas_browser, open_page):
    task = make_task()
    page = open_page(anas_browser, detail=task)
    parts = [f'id="task-{task.public_id}-{part}"' for part in ("status", "video", "timeline")]
    page.wait_for(*parts)
    task.move_to(Status.SUCCEEDED, "callback", source_url="https://cdn.example.com/v.mp4")
    came = page.wait_for(row(task, "succeeded"), *parts)
    assert "https://cdn.example.com/v.mp4" in came
    assert 'class="task-row"' not in came


def test_tasks_next_to_each_other_hear_of_row_and_video(make_task, anas_browser, open_page):
    left, right = make_task(), make_task()
    page = open_page(anas_browser, rows=[left, right], kind="columns")
    page.wait_for(*(f'id="task-{task.public_id}-video"' for task in (left, right)))
    right.move_to(Status.SUCCEEDED, "callback", source_url="https://cdn.example.com/v.mp4")
    came = page.wait_for(row(right, "succeeded"), f'id="task-{right.public_id}-player"')
    assert str(left.public_id) not in came


# --- New tasks ------------------------------------------------------------------------------------


def order(make_task, **fields):
    """A new task with its event, as `submission` makes it."""
    task = make_task(**fields)
    task.record(TaskEvent.Kind.CREATED, "customer")
    return task


def test_a_new_task_is_put_on_top_of_the_list_and_followed_from_then_on(
    make_task, anas_browser, open_page
):
    old = make_task()
    page = open_page(anas_browser, rows=[old], new=True)
    page.wait_for(row(old, "queued"))
    task = order(make_task)
    assert "afterbegin:" in page.wait_for(row(task, "queued"))
    run_on(task)
    came = page.wait_for(row(task, "running"))
    assert "afterbegin:" not in came
    assert page.text.count("afterbegin:") == 1


def test_an_empty_list_hears_of_the_first_task(make_task, anas_browser, open_page):
    page = open_page(anas_browser, new=True)
    page.wait_for("retry:")
    task = order(make_task)
    page.wait_for("afterbegin:", row(task, "queued"))


def test_a_page_that_shows_no_list_hears_of_no_new_tasks(make_task, anas_browser, open_page):
    old = make_task()
    page = open_page(anas_browser, rows=[old])
    page.wait_for(row(old, "queued"))
    task = order(make_task)
    run_on(old)
    page.wait_for(row(old, "running"))
    assert str(task.public_id) not in page.text


def test_nobody_hears_of_new_tasks_of_others(make_task, ben, open_page):
    bens = make_task(customer=ben.customers.first(), ordered_by=ben)
    page = open_page(browser_of(ben), rows=[bens], new=True)
    page.wait_for(row(bens, "queued"))
    anas = order(make_task)
    run_on(bens)
    page.wait_for(row(bens, "running"))
    assert str(anas.public_id) not in page.text


def test_new_tasks_of_the_gap_between_page_and_stream_are_announced_oldest_first(
    make_task, anas_browser, open_page
):
    older, shown, new, newer = (make_task() for _ in range(4))
    page = open_page(anas_browser, rows=[shown], new=True)
    came = page.wait_for(row(new, "queued"), row(newer, "queued"))
    assert came.index(str(new.public_id)) < came.index(str(newer.public_id))
    assert came.count("afterbegin:") == 2
    assert str(older.public_id) not in came


def test_a_narrowed_page_is_only_told_how_many_tasks_are_new(make_task, anas_browser, open_page):
    older, newest, missed = (make_task() for _ in range(3))
    page = open_page(anas_browser, rows=[older], counts_from=newest.public_id)
    page.wait_for(row(older, "queued"), ">1 new task<")  # the one of the gap
    task = order(make_task)
    page.wait_for(">2 new tasks<")
    for each in (task, missed):
        assert str(each.public_id) not in page.text
    assert "afterbegin:" not in page.text


def test_a_page_without_any_task_counts_from_none(make_task, anas_browser, open_page):
    page = open_page(anas_browser, counts_from=0)
    page.wait_for("retry:")
    order(make_task)
    page.wait_for('id="task-news" hx-swap-oob="true"><span>1 new task<')


def test_nobody_counts_from_a_task_of_others(make_task, ben, ask):
    assert ask(browser_of(ben), f"rows=&list={make_task().public_id}").status == 404


# --- Who may listen -------------------------------------------------------------------------------


def test_strangers_are_sent_to_log_in(ask, make_task):
    answer = ask(Client(), f"rows={make_task().public_id}")
    assert answer.status == 401
    forged = Client()
    forged.cookies["portal_session"] = "a" * 32
    assert ask(forged, "list=1").status == 401
    forged.cookies["portal_session"] = "'\x00"
    assert ask(forged, "list=1").status == 401


def test_a_foreign_task_is_answered_like_one_that_never_existed(
    ask, loop, site, make_task, anas_browser, ben
):
    foreign = make_task(customer=ben.customers.first(), ordered_by=ben)
    own = make_task()
    never = request(loop, site, "/never/", headers={"cookie": ""})
    assert never.status == 404
    for query in (
        f"rows={foreign.public_id}",
        f"rows={own.public_id},{foreign.public_id}",
        f"detail={foreign.public_id}",
        f"columns={own.public_id},{foreign.public_id}",
        f"rows={uuid4()}",
        f"detail={uuid4()}&list=1",
    ):
        answer = ask(anas_browser, query)
        assert (answer.status, answer.body) == (404, never.body)


def test_a_page_hears_of_its_own_team_whichever_is_active(
    ask, make_task, anas_browser, open_page, ana, ben
):
    own, second = ana.customers.get(), make_customer("Second", ana)
    task = make_task()
    assert anas_browser.post("/team/", {"customer": second.pk}).status_code == 302
    page = open_page(anas_browser, rows=[task], new=True, team=own)
    page.wait_for(row(task, "queued"))
    new = order(make_task)
    page.wait_for(row(new, "queued"))
    for team in (ben.customers.get().pk, 0, "", "x", "9" * 40):
        assert ask(anas_browser, f"list=1&team={team}").status == 404


def test_support_without_a_customer_sees_no_rows(ask, make_task, sam):
    assert ask(browser_of(sam), f"rows={make_task().public_id}").status == 404


def test_rows_of_a_team_are_watched_by_its_members_as_long_as_they_are(
    ask, open_page, make_task, ana
):
    second = make_customer("Zelkova", ana)
    task, browser = make_task(customer=second), browser_of(ana)
    assert ask(browser, f"rows={task.public_id}").status == 404  # of a page of the other team
    page = open_page(browser, rows=[task], team=second)
    page.wait_for(row(task, "queued"))
    detail = open_page(browser, detail=task, team=second)
    detail.wait_for("retry:")
    Membership.objects.filter(user=ana, customer=second).delete()
    page.wait_for_end()
    detail.wait_for_end()
    assert ask(browser, f"team={second.pk}&rows={task.public_id}").status == 404


@pytest.mark.parametrize(
    "query",
    [
        "rows=1",
        "rows=x,y",
        "detail=abc",
        "columns=abc",
        "colour=red",
        "rows=&rows=&rows=&rows=",
        "rows=%ff",
        "rows=" + ",".join(str(uuid4()) for _ in range(201)),
    ],
)
def test_a_query_that_no_page_asks_is_refused(ask, anas_browser, query):
    assert ask(anas_browser, query).status == 400


def test_only_get_is_answered(ask, anas_browser):
    answer = ask(anas_browser, "list=1", method="POST")
    assert (answer.status, answer.headers["allow"]) == (405, "GET")


def test_the_fifth_stream_of_a_person_pauses_the_oldest(make_task, anas_browser, open_page, ben):
    task = make_task()
    bens = open_page(browser_of(ben), new=True)
    pages = []
    for _ in range(5):
        pages.append(open_page(anas_browser, rows=[task]))
        pages[-1].wait_for(row(task, "queued"))
    assert pages[0].wait_for_end() == "event: paused\ndata: paused\n\n"
    assert pages[0].answer.is_complete
    run_on(task)
    for page in pages[1:]:
        page.wait_for(row(task, "running"))
    assert not bens.done.done()


def test_log_out_ends_the_streams_of_that_session_at_once(make_task, ana, open_page):
    task = make_task()
    here, there = browser_of(ana), browser_of(ana)
    page, other = open_page(here, rows=[task]), open_page(there, rows=[task])
    page.wait_for(row(task, "queued"))
    other.wait_for(row(task, "queued"))
    in_thread(here.post, reverse("account_logout"))
    page.wait_for_end()
    assert page.answer.is_complete
    run_on(task)
    other.wait_for(row(task, "running"))


def test_the_end_of_all_sessions_of_a_person_ends_their_streams_at_once(
    make_task, ana, ben, open_page
):
    task = make_task()
    anas, bens = open_page(browser_of(ana), rows=[task]), open_page(browser_of(ben), new=True)
    anas.wait_for(row(task, "queued"))
    in_thread(end_sessions, ana)
    anas.wait_for_end()
    assert anas.answer.is_complete
    assert not bens.done.done()


def test_log_out_ends_the_streams_of_that_session_at_the_next_heartbeat(
    loop, site, make_task, ana, open_page
):
    task = make_task()
    here, there = browser_of(ana), browser_of(ana)
    page, other = open_page(here, rows=[task]), open_page(there, rows=[task])
    page.wait_for(row(task, "queued"))
    other.wait_for(row(task, "queued"))
    here.session.flush()
    loop.run(site.hub.beat())
    page.wait_for_end()
    assert page.answer.is_complete
    other.wait_for("event: beat")
    assert not other.done.done()


def test_who_is_no_member_any_more_hears_nothing_more(
    loop, site, make_task, ana, anas_browser, open_page
):
    page = open_page(anas_browser, rows=[make_task()])
    page.wait_for("data-task")
    Membership.objects.filter(user=ana).delete()
    loop.run(site.hub.beat())
    page.wait_for_end()


def test_a_new_password_ends_the_streams_of_the_old_one(
    loop, site, make_task, ana, anas_browser, open_page
):
    page = open_page(anas_browser, rows=[make_task()])
    page.wait_for("data-task")
    ana.set_password("quite another password")
    ana.save(update_fields=["password"])
    loop.run(site.hub.beat())
    page.wait_for_end()


def test_a_person_who_was_switched_off_hears_nothing_more(
    loop, site, make_task, ana, anas_browser, open_page, ask
):
    page = open_page(anas_browser, rows=[make_task()])
    page.wait_for("data-task")
    ana.is_active = False
    ana.save(update_fields=["is_active"])
    loop.run(site.hub.beat())
    page.wait_for_end()
    assert ask(anas_browser, "list=1").status == 401


@pytest.mark.parametrize(
    ("is_staff", "began", "seen"),
    [(False, 31 * 86_400, 60), (False, 9 * 86_400, 8 * 86_400), (True, 60, 3_600)],
)
def test_a_session_that_is_over_ends_its_streams(
    loop, site, make_task, ana, open_page, ask, is_staff, began, seen
):
    ana.is_staff = is_staff
    ana.save(update_fields=["is_staff"])
    browser = browser_of(ana)
    page = open_page(browser, rows=[make_task()])
    page.wait_for("data-task")
    session = browser.session
    session.update({SESSION_BEGAN: time.time() - began, SESSION_SEEN: time.time() - seen})
    session.save()
    loop.run(site.hub.beat())
    page.wait_for_end()
    assert ask(browser, "list=1").status == 401


# --- Endings --------------------------------------------------------------------------------------


def test_closing_the_hub_ends_every_stream_properly_and_admits_no_more(
    loop, site, make_task, open_page
):
    task = make_task()
    pages = []
    for number in range(10):
        user = make_user(f"member{number}@alder.example")
        Membership.objects.create(user=user, customer=task.customer)
        pages.append(open_page(browser_of(user), rows=[task]))
        pages[-1].wait_for(row(task, "queued"))
    loop.call(site.hub.close)
    for page in pages:
        page.wait_for_end()
        assert page.answer.is_complete
    late = open_page(browser_of(make_user("late@alder.example")), new=True)
    late.wait_for_end()
    assert late.answer.is_complete
    assert (late.answer.status, late.answer.headers["retry-after"]) == (503, "1")


def test_a_peer_that_does_not_read_is_cut_off(
    monkeypatch, loop, site, make_task, anas_browser, open_page
):
    monkeypatch.setattr(subscriber, "SEND_SECONDS", 0.01)
    task = make_task()
    page = open_page(anas_browser, rows=[task])
    page.wait_for(row(task, "queued"))
    page.stop_reading()
    run_on(task)
    page.wait_for_end()
    assert page.was_cut
    assert not page.answer.is_complete
    assert loop.call(lambda: len(site.hub.audience.streams)) == 0


def test_a_peer_that_does_not_read_holds_up_no_shutdown(
    monkeypatch, loop, site, make_task, anas_browser, open_page
):
    monkeypatch.setattr(subscriber, "END_SECONDS", 0.01)
    task = make_task()
    page = open_page(anas_browser, rows=[task])
    page.wait_for(row(task, "queued"))
    page.stop_reading()
    run_on(task)
    loop.call(site.hub.close)
    page.wait_for_end()
    assert page.was_cut


def test_the_hub_forgets_who_has_left(loop, site, make_task, anas_browser, open_page):
    task = make_task()
    page = open_page(anas_browser, rows=[task], detail=task, new=True)
    page.wait_for(row(task, "queued"))
    page.leave()
    hub = site.hub
    kept = [*vars(hub.audience).values(), hub._versions._carried, hub._versions._read]
    assert not any(map(len, kept))
