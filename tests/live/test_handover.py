"""A change that is made in the hub's own process: handed over, and read where that is in doubt."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections, transaction

from midsync_portal.live import handover, hub, rendering
from midsync_portal.live.audience import Audience
from midsync_portal.live.handover import Counter, Handed
from midsync_portal.live.hub import Hub
from midsync_portal.live.rendering import Reading
from midsync_portal.live.subscriber import Subscriber
from midsync_portal.midsync.reader import read_report
from midsync_portal.models import Task
from midsync_portal.models.reports import CALLBACK
from tests.serving import PATIENCE, in_thread

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
def aside():
    """Runs something in a thread beside the test."""
    with ThreadPoolExecutor(4) as pool:

        def run(work: Callable, *args) -> None:
            try:
                work(*args)
            finally:
                connections.close_all()

        yield lambda work, *args: pool.submit(run, work, *args)


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


def test_a_change_in_this_process_arrives_without_being_read(
    open_row, reads, make_task, anas_browser, open_page
):
    task, page = open_row()
    in_thread(report, task, run_to(10))
    page.wait_for(row(task, "running"))
    in_thread(report, task, DONE)
    page.wait_for(row(task, "succeeded"))
    all_is_heard(make_task, lambda other: open_page(anas_browser, rows=[other]))
    assert task.pk not in set().union(*reads)


def test_a_change_that_is_rolled_back_is_not_handed_over(open_row, reads):
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


def test_a_read_that_was_under_way_is_not_the_last_word(loop, site, open_row, monkeypatch, aside):
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


def test_what_is_handed_over_late_does_not_undo_what_came_after_it(
    open_row, reads, monkeypatch, aside
):
    task, page = open_row()
    gate, read_changed = Gate(), rendering.read_changed

    def slow(*args):
        reading = read_changed(*args)
        gate.hold()
        return reading

    monkeypatch.setattr(rendering, "read_changed", slow)
    late = aside(report, task, run_to(10))
    assert gate.is_reached.wait(PATIENCE)
    in_thread(report, task, DONE)
    came = page.wait_for(row(task, "succeeded"))
    gate.open()
    late.result(PATIENCE)
    in_thread(run_on_beside, task)
    came += page.wait_for("as we read it")
    assert row(task, "running") not in came
    assert {task.pk} in reads


def run_on_beside(task: Task) -> None:
    """Something else of the task changes, which has to be read."""
    with transaction.atomic():
        Task.objects.filter(pk=task.pk).update(prompt="as we read it")
        task.record("support", "support", reason="a test")


def test_a_change_that_cannot_be_rendered_there_is_read(open_row, reads, monkeypatch):
    task, page = open_row()

    def broken(*args):
        raise RuntimeError("no row")

    monkeypatch.setattr(rendering, "read_changed", broken)
    in_thread(report, task, run_to(10))
    page.wait_for(row(task, "running"))
    assert {task.pk} in reads


def test_a_hub_that_has_stopped_takes_nothing(loop, site):
    async def make() -> Hub:
        return Hub()

    another = loop.run(make())
    loop.run(another.start())
    assert len(handover.counters) == 2
    loop.run(another.stop())
    assert handover.counters == [site.hub._counter]


def test_a_change_that_is_announced_but_never_handed_over_is_read(
    loop, open_row, reads, monkeypatch
):
    """As where a connection breaks within COMMIT: the change is there, nobody here knows."""
    task, page = open_row()
    monkeypatch.setattr(handover, "HAND_SECONDS", 0.01)
    monkeypatch.setattr(Counter, "hand", lambda *args: None)
    in_thread(report, task, run_to(10))
    page.wait_for(row(task, "running"))
    assert {task.pk} in reads


# --- Which of two is newer ------------------------------------------------------------------------


ROW, STATUS = ("row", "en"), ("status", "en")


def counter(*watched: tuple[str, str]) -> Counter:
    audience = Audience()
    page = Subscriber(session="a-session", user=1, customer=1)
    audience.add(page, {7: tuple(fragment for fragment, _ in watched)})
    return Counter(audience, lambda handed: None, lambda task: None)


def handed(counter: Counter, *frames: tuple[str, str]) -> Handed:
    return Handed(7, (1,), counter.turn, Reading(dict.fromkeys(frames, b""), 0))


def test_of_two_that_were_locked_one_after_the_other_only_the_first_to_come_is_taken():
    account = counter(ROW)
    one, two = handed(account, ROW), handed(account, ROW)
    assert account.accept(two) is two.reading
    assert account.accept(one) is None
    assert account.accept(handed(account, ROW))


def test_what_was_read_after_the_lock_is_newer():
    account = counter(ROW)
    one = handed(account, ROW)
    account.begin([7])
    account.end()
    assert account.accept(one) is None
    other = handed(account, ROW)
    account.begin([8])
    account.end()
    assert account.accept(other)


def test_what_is_being_read_may_be_older():
    account = counter(ROW)
    account.begin([7])
    one = handed(account, ROW)
    assert account.accept(one) is None
    account.end()
    assert account.accept(one)


def test_somebody_who_watches_more_has_it_read():
    assert counter(ROW, STATUS).accept(handed(counter(ROW), ROW)) is None
    assert counter(ROW).accept(handed(counter(ROW), ROW, STATUS))
