"""The recovery schedule on a clock that the test moves: what is found, when, at what rate."""

import random
from collections import Counter
from datetime import timedelta
from statistics import quantiles

import pytest
from django.utils import timezone

from midsync_portal.management.commands.worker import Worker
from midsync_portal.models import CallbackDelivery, Task
from midsync_portal.models.reports import first_check_at
from midsync_portal.models.status import Status
from midsync_portal.reconcile import claim, next_check
from tests.clock import let_pass

pytestmark = pytest.mark.django_db(transaction=True)

VIDEO = "https://cdn.example.com/one.mp4"
RATE = 5  # MIDSYNC_RATE by default


class Midsync:
    """Answers status questions by when each task's video ends, and counts them per second."""

    def __init__(self, wire, clock):
        self.clock, self.ends = clock, {}
        self.asked = Counter()  # questions in each second
        self.first_asked = {}
        wire.answers["generate"] = {"success": True, "taskId": "ms-new", "pointsCharged": 35}
        wire.answers["status"] = self.status
        wire.answers["models"] = self.models

    def models(self, request):
        self.asked[int(self.clock.seconds)] += 1
        return 200, {"models": ["runway"]}

    def status(self, request):
        self.asked[int(self.clock.seconds)] += 1
        task = request.path_url.split("/")[-2]
        self.first_asked.setdefault(task, self.clock.now())
        if self.clock.now() < self.ends.get(task, self.clock.now()):
            return 200, {"success": True, "taskId": task, "status": "processing"}
        answer = {"success": True, "taskId": task, "status": "completed", "output": {"url": VIDEO}}
        return 200, answer

    def most_in(self, seconds):
        """The most questions in any stretch of so many seconds."""
        last = max(self.asked)
        return max(
            sum(self.asked[at] for at in range(begin, begin + seconds)) for begin in range(last + 1)
        )


@pytest.fixture
def midsync(wire, clock):
    """MidSync as it speaks; it never calls back."""
    return Midsync(wire, clock)


def test_promise_09_lost_callbacks_of_250_tasks_are_repaired_in_time(
    make_task, midsync, worker, clock
):
    estimate, chance = 60, random.Random(9)  # noqa: S311
    for number in range(250):
        accepted_at = clock.now()
        midsync.ends[f"ms-{number}"] = accepted_at + timedelta(seconds=chance.uniform(20, 160))
        make_task(
            status=Status.QUEUED,
            midsync_task_id=f"ms-{number}",
            estimated_seconds=estimate,
            created_at=accepted_at,
            accepted_at=accepted_at,
            sent_at=accepted_at,
            next_check_at=first_check_at(estimate, accepted_at),
        )
    let_pass(clock, 290, worker)
    late = []
    for task in Task.objects.all():
        assert task.status == Status.SUCCEEDED
        due = max(
            midsync.ends[task.midsync_task_id] + timedelta(seconds=90),
            task.accepted_at + timedelta(seconds=1.2 * estimate + 60),
        )
        late.append((task.finished_at - due).total_seconds())
    assert quantiles(late, n=20)[-1] <= 0
    assert midsync.most_in(10) <= 10 * RATE + RATE


def test_promise_10_after_a_restart_1000_open_tasks_are_asked_about_within_the_rate(
    make_task, midsync, worker, clock
):
    began_at = clock.now()
    customer = make_task(midsync_task_id="ms-0", next_check_at=began_at)
    midsync.ends = {f"ms-{number}": began_at + timedelta(hours=1) for number in range(1000)}
    Task.objects.bulk_create(
        Task(
            customer=customer.customer,
            ordered_by=customer.ordered_by,
            submit_key=f"00000000-0000-4000-8000-{number:012d}",
            video_model="runway",
            request_body="{}",
            body_hash="x",
            status=Status.QUEUED,
            midsync_task_id=f"ms-{number}",
            sent_at=began_at - timedelta(minutes=10),
            created_at=began_at - timedelta(minutes=10),
            next_check_at=began_at - timedelta(minutes=number % 9),
        )
        for number in range(1, 1000)
    )
    let_pass(clock, 240, worker)
    assert len(midsync.first_asked) == 1000
    assert max(midsync.first_asked.values()) - began_at <= timedelta(minutes=5)
    assert midsync.most_in(10) <= 10 * RATE + RATE
    assert midsync.most_in(60) <= 60 * RATE + RATE


def test_promise_10_what_a_killed_worker_had_in_hand_moves_within_30_seconds(
    make_task, midsync, worker, clock
):
    past = clock.now() - timedelta(seconds=1)
    old = clock.now() - timedelta(hours=3)  # asked about every half an hour otherwise
    task = make_task(midsync_task_id="ms-1", next_check_at=past, sent_at=old, created_at=old)
    unsent = make_task(status=Status.SUBMITTING, sent_at=None, next_check_at=past)
    assert len(claim(Task.objects.due(clock.now()), 10)) == 2  # and then it is killed
    let_pass(clock, 30, worker)
    task.refresh_from_db()
    unsent.refresh_from_db()
    assert task.status == Status.SUCCEEDED
    assert unsent.status == Status.QUEUED


def test_a_flood_of_due_checks_delays_neither_sends_nor_deliveries_nor_proofs(
    make_task, midsync, wire, worker, clock
):
    now = clock.now()
    for number in range(60):
        midsync.ends[f"old-{number}"] = now + timedelta(hours=1)
        make_task(midsync_task_id=f"old-{number}", next_check_at=now - timedelta(minutes=9))
    proof = make_task(midsync_task_id="proof", next_check_at=now, check_wanted_at=now)
    called = make_task(midsync_task_id="called", next_check_at=now + timedelta(hours=1))
    CallbackDelivery.objects.create(
        task=called,
        body=b'{"taskId": "called", "status": "failed", "error": "no"}',
        body_sha256="0" * 64,
        body_size=50,
        received_at=now,
        last_received_at=now,
        next_try_at=now,
    )
    unsent = make_task(status=Status.SUBMITTING, sent_at=None, next_check_at=now)
    let_pass(clock, 1, worker)
    for task, status in (
        (proof, Status.SUCCEEDED),
        (called, Status.FAILED),
        (unsent, Status.QUEUED),
    ):
        task.refresh_from_db()
        assert task.status == status
    names = [name for name, _ in wire.asked]
    assert names.count("generate") == 1
    assert len(names) == RATE


def test_no_more_is_asked_while_the_budget_is_used_up_and_nothing_is_lost(
    make_task, midsync, worker, clock
):
    now = clock.now()
    for number in range(12):
        make_task(midsync_task_id=f"ms-{number}", next_check_at=now)
    worker.look()
    worker.wait()
    worker.look()
    worker.wait()
    assert sum(midsync.asked.values()) == RATE
    assert Task.objects.due(now).count() == 12 - RATE
    let_pass(clock, 3, worker)
    assert Task.objects.filter(status=Status.SUCCEEDED).count() == 12


def test_two_workers_share_the_budget_and_never_do_one_row_twice(make_task, wire, midsync, clock):
    now = clock.now()
    workers = [Worker(), Worker()]
    for worker in workers:
        worker.catalog_at = now + timedelta(days=1)
    for number in range(40):
        midsync.ends[f"ms-{number}"] = now + timedelta(hours=1)
        make_task(midsync_task_id=f"ms-{number}", next_check_at=now - timedelta(seconds=number))
    unsent = [
        make_task(status=Status.SUBMITTING, sent_at=None, next_check_at=now) for _ in range(5)
    ]
    numbers = iter(range(100))
    wire.answers["generate"] = lambda request: (200, {"taskId": f"new-{next(numbers)}"})
    let_pass(clock, 9, *workers)
    assert wire.count("generate") == len(unsent)
    asked = [request.path_url for name, request in wire.asked if name == "status"]
    assert len(asked) == len(set(asked)) == 40
    assert midsync.most_in(5) <= 6 * RATE
    for worker in workers:
        worker.finish()


def test_a_status_answer_does_not_put_the_next_question_off_by_a_whole_estimate(
    make_task, midsync, worker, clock
):
    midsync.ends["ms-1"] = clock.now() + timedelta(hours=1)
    task = make_task(
        midsync_task_id="ms-1", estimated_seconds=600, next_check_at=clock.now(), checks=1
    )
    let_pass(clock, 1, worker)
    task.refresh_from_db()
    assert task.status == Status.RUNNING
    assert task.next_check_at - clock.now() <= timedelta(seconds=30)


def test_the_more_tasks_are_open_the_longer_the_interval(make_task, clock):
    now = timezone.now()
    task = make_task(sent_at=now - timedelta(minutes=20), checks=9)
    for open_tasks, least, most in ((250, 48, 72), (1000, 160, 240), (3000, 480, 720)):
        wait = (next_check(task, now, open_tasks) - now).total_seconds()
        assert least <= wait <= most


@pytest.mark.parametrize(
    ("estimate", "least", "most"), [(None, 60, 72), (20, 60, 72), (90, 108, 130), (600, 720, 750)]
)
def test_the_first_check_waits_for_the_estimate_and_little_more(clock, estimate, least, most):
    waits = [(first_check_at(estimate) - clock.now()).total_seconds() for _ in range(50)]
    assert least <= min(waits)
    assert max(waits) <= most


def test_not_found_is_counted_five_times_in_half_an_hour(make_task, wire, worker, clock):
    wire.answers["status"] = (404, {"error": "no such task"})
    task = make_task(
        midsync_task_id="ms-1",
        accepted_at=clock.now(),
        sent_at=clock.now(),
        next_check_at=clock.now(),
    )
    counted_at = []
    while not task.needs_review:
        let_pass(clock, 10, worker, step=10)
        count, task = task.not_found_count, Task.objects.get(pk=task.pk)
        if task.not_found_count > count:
            counted_at.append(clock.seconds)
    assert len(counted_at) == 5
    assert counted_at[0] > 120
    assert 24 * 60 <= counted_at[-1] - counted_at[0] <= 37 * 60
