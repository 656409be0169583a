"""A row that comes along with its change: passed on, and read where that is in doubt."""

import threading
from dataclasses import replace

import pytest
from django.db import connection, transaction

from midsync_portal import waiting
from midsync_portal.live import hub, rendering, wakeups
from midsync_portal.live.versions import Versions
from midsync_portal.live.wakeups import Change, decode
from midsync_portal.midsync.reader import read_report
from midsync_portal.models import Task
from midsync_portal.models.reports import CALLBACK
from tests.serving import PATIENCE, in_thread

from .pages import wait_until
from .people import row, run_on

pytestmark = pytest.mark.django_db(transaction=True)

DONE = {"status": "succeeded", "videoUrl": "https://cdn.example.com/video.mp4"}


def report(task: Task, body: dict) -> None:
    """A callback is applied."""
    assert Task.objects.get(pk=task.pk).apply(read_report(body), CALLBACK).changed


def run_to(progress: int) -> dict:
    return {"status": "processing", "progress": progress}


class Gate:
    """Holds the first who comes until it is opened."""

    def __init__(self) -> None:
        self.is_reached = threading.Event()
        self._is_open = threading.Event()

    def hold(self) -> None:
        if not self.is_reached.is_set():
            self.is_reached.set()
            assert self._is_open.wait(PATIENCE)

    def open(self) -> None:
        self._is_open.set()


@pytest.fixture
def reads(monkeypatch) -> list[set[int]]:
    """The tasks that the hub reads, time after time."""
    reads = []

    def read_tasks(wanted):
        reads.append(set(wanted))
        return rendering.read_tasks(wanted)

    monkeypatch.setattr(hub, "read_tasks", read_tasks)
    return reads


@pytest.fixture
def open_row(make_task, anas_browser, open_page, reads):
    """A task and a page that shows its row."""

    def open_row(**options):
        task = make_task()
        page = open_page(anas_browser, rows=[task], **options)
        page.wait_for(row(task, "queued"))
        reads.clear()
        return task, page

    return open_row


def all_is_heard(make_task, page_of) -> None:
    """A wake-up that was sent after all others has arrived."""
    other = make_task()
    page = page_of(other)
    in_thread(run_on, other)
    page.wait_for(row(other, "running"))


def test_a_row_that_comes_along_is_not_read(open_row, reads, make_task, anas_browser, open_page):
    task, page = open_row()
    in_thread(report, task, run_to(10))
    page.wait_for(row(task, "running"))
    in_thread(report, task, DONE)
    page.wait_for(row(task, "succeeded"))
    all_is_heard(make_task, lambda other: open_page(anas_browser, rows=[other]))
    assert task.pk not in set().union(*reads)


def test_a_row_comes_along_in_the_language_that_its_orderer_has_chosen(
    open_row, reads, ana, make_task, anas_browser, open_page
):
    ana.language = "ja"
    ana.save()
    task, page = open_row(language="ja")
    in_thread(report, task, run_to(10))
    assert ">作成中<" in page.wait_for(row(task, "running"))
    all_is_heard(make_task, lambda other: open_page(anas_browser, rows=[other]))
    assert task.pk not in set().union(*reads)


def test_who_sees_it_in_another_language_has_it_read(open_row, reads, ana):
    ana.language = "ja"
    ana.save()
    task, page = open_row(language="en")
    in_thread(report, task, run_to(10))
    assert ">In progress<" in page.wait_for(row(task, "running"))
    assert {task.pk} in reads


def test_a_change_that_is_rolled_back_brings_nothing(open_row, reads):
    task, page = open_row()
    with transaction.atomic():
        report(task, DONE)
        transaction.set_rollback(True)
    # SQLite gives the number of the event that was rolled back to the next one.
    in_thread(run_on, task)
    assert row(task, "succeeded") not in page.wait_for(row(task, "running"))
    assert reads == [{task.pk}]


def test_what_takes_more_than_the_row_is_read(make_task, anas_browser, open_page, reads):
    task = make_task()
    page = open_page(anas_browser, detail=task)
    timeline = f'id="task-{task.public_id}-timeline"'
    page.wait_for(timeline)
    reads.clear()
    in_thread(report, task, run_to(10))
    page.wait_for(timeline, f'id="event-{task.events.first().pk}"')
    assert {task.pk} in reads


def test_a_read_that_was_under_way_is_not_the_last_word(loop, site, open_row, monkeypatch):
    task, page = open_row()
    gate, read_tasks = Gate(), hub.read_tasks

    def slow(wanted):
        readings = read_tasks(wanted)
        gate.hold()
        return readings

    monkeypatch.setattr(hub, "read_tasks", slow)
    loop.call(site.hub.read_all_again)
    assert gate.is_reached.wait(PATIENCE)
    in_thread(report, task, DONE)
    gate.open()
    page.wait_for(row(task, "succeeded"))


def test_a_row_that_comes_late_does_not_undo_what_came_before_it(
    loop, site, open_row, reads, monkeypatch
):
    task, page = open_row()
    heard = []
    monkeypatch.setattr(site.hub, "change", heard.append)
    in_thread(report, task, run_to(10))
    in_thread(report, task, DONE)
    wait_until("both changes are heard", lambda: len(heard) >= 2)
    monkeypatch.undo()
    running, done = (change for change in heard if change.row)
    for change in (done, running):
        loop.call(lambda change=change: site.hub.change(change))
    came = page.wait_for(row(task, "succeeded"))
    in_thread(run_on_beside, task)
    came += page.wait_for("as we read it")
    assert row(task, "running") not in came


def run_on_beside(task: Task) -> None:
    """Something else of the task changes, which has to be read."""
    with transaction.atomic():
        Task.objects.filter(pk=task.pk).update(prompt="as we read it")
        task.record("support", "support", reason="a test")


def test_a_change_whose_row_cannot_be_rendered_is_read(open_row, reads, monkeypatch):
    task, page = open_row()

    def broken(task):
        raise RuntimeError("no row")

    monkeypatch.setattr(rendering, "language_of_orderer", broken)
    in_thread(report, task, run_to(10))
    page.wait_for(row(task, "running"))
    assert {task.pk} in reads


def test_what_a_row_needs_from_the_database_cannot_undo_the_change(
    open_row, reads, monkeypatch, make_task, anas_browser, open_page
):
    """On PostgreSQL the row is rendered within the transaction."""
    task, page = open_row()
    waiting.forget_spans()
    in_thread(report, task, run_to(10))
    page.wait_for(row(task, "running"))
    is_within = connection.vendor == "postgresql"
    assert ({task.pk} in reads) == is_within
    reads.clear()
    in_thread(report, task, run_to(20))
    page.wait_for('value="20"')
    all_is_heard(make_task, lambda other: open_page(anas_browser, rows=[other]))
    assert task.pk not in set().union(*reads)


def test_a_row_that_is_too_long_for_a_notice_is_read(open_row, reads, monkeypatch):
    monkeypatch.setattr(wakeups, "LONGEST", 500)
    task, page = open_row()
    in_thread(report, task, run_to(10))
    page.wait_for(row(task, "running"))
    assert {task.pk} in reads


def test_a_row_that_somebody_else_has_written_is_not_shown(loop, site, open_row, reads):
    task, page = open_row()
    forged = Change(task.pk, task.customer_id, False, 10**9, "en", "data: <b>forged</b>\n\n")
    text = forged.encode().replace("forged", "f0rged")
    change = decode(text)
    assert change == replace(forged, language="", row="")
    loop.call(lambda: site.hub.change(change))
    wait_until("it is read", lambda: reads)
    in_thread(run_on, task)
    assert "f0rged" not in page.wait_for(row(task, "running"))


def test_after_a_gap_numbers_may_begin_anew(loop, site, open_row):
    """A database that has crashed may have lost an event, and given its number to another."""
    task, page = open_row()
    lost = Change(task.pk, task.customer_id, False, 10**9, "en", "data: lost\n\n")
    loop.call(lambda: site.hub.change(lost))
    page.wait_for("lost")
    loop.call(site.hub.read_all_again)
    in_thread(report, task, run_to(10))
    page.wait_for(row(task, "running"))


# --- Which of two is newer ------------------------------------------------------------------------


def change(event: int, row: str = "data: a row") -> Change:
    return Change(7, 1, False, event, "en" if row else "", row)


@pytest.mark.parametrize("is_in_order", [True, False])
def test_of_two_rows_that_came_along_the_one_with_the_higher_event_stays(is_in_order):
    versions = Versions(is_in_order=is_in_order)
    assert versions.take(change(2))
    assert versions.contain(change(1))
    assert not versions.take(change(1))
    assert versions.contain(change(2))
    assert versions.take(change(3))


@pytest.mark.parametrize("is_in_order", [True, False])
def test_what_a_read_has_not_seen_is_newer(is_in_order):
    versions = Versions(is_in_order=is_in_order)
    versions.read(7, 4)
    assert not versions.contain(change(5))
    assert versions.take(change(5))


def test_what_has_a_lower_number_than_a_read_has_seen_may_still_have_been_missed_by_it():
    versions = Versions(is_in_order=False)
    versions.read(7, 4)
    assert not versions.contain(change(3))
    assert not versions.take(change(3))


def test_where_there_is_one_writer_a_read_has_seen_all_lower_numbers():
    versions = Versions(is_in_order=True)
    versions.read(7, 4)
    assert versions.contain(change(4))
    assert versions.contain(change(4, row=""))
    assert not versions.contain(change(5, row=""))


def test_a_change_without_a_row_is_read_where_a_higher_number_may_have_come_first():
    versions = Versions(is_in_order=False)
    assert versions.take(change(4))
    assert not versions.contain(change(3, row=""))
    assert not versions.take(change(5, row=""))
