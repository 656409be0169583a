"""The worker's loop: what is due is done, one bad row stops nothing."""

import threading
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import OperationalError
from django.utils import timezone

from midsync_portal import gate, housekeeping
from midsync_portal.management.commands.worker import (
    PAUSE_MAX,
    PAUSE_WITH_MORE,
    PAUSE_WITHOUT_DATABASE_MAX,
    Worker,
)
from midsync_portal.models import (
    CallbackDelivery,
    CatalogCopy,
    MidSyncGate,
    Quote,
    Task,
    WorkerHeartbeat,
)
from midsync_portal.models.status import Status

pytestmark = pytest.mark.django_db(transaction=True)

VIDEO = "https://cdn.example.com/one.mp4"


def due(task):
    """Make a task due."""
    Task.objects.filter(pk=task.pk).update(next_check_at=timezone.now() - timedelta(seconds=1))


def test_it_sends_what_a_request_left_unsent(make_task, wire):
    task = make_task(status=Status.SUBMITTING, sent_at=None, midsync_task_id="")
    due(task)
    call_command("worker", "--once")
    task.refresh_from_db()
    assert task.status == Status.QUEUED
    assert wire.count("generate") == 1


def test_it_does_not_begin_with_a_database_of_another_midsync(settings, make_task, wire):
    MidSyncGate.objects.create(pk=1, is_simulated=not settings.MIDSYNC_IS_SIMULATED)
    due(make_task(status=Status.SUBMITTING, sent_at=None, midsync_task_id=""))
    with pytest.raises(SystemCheckError, match=r"portal\.E001"):
        call_command("worker", "--once", skip_checks=False)
    assert wire.asked == []


def test_it_asks_about_quiet_tasks_and_keeps_the_list_of_models_fresh(make_task, wire):
    task = make_task(status=Status.QUEUED, midsync_task_id="ms-1")
    due(task)
    wire.answers["status"] = {"status": "completed", "output": {"url": VIDEO}}
    call_command("worker", "--once")
    task.refresh_from_db()
    assert task.status == Status.SUCCEEDED
    assert CatalogCopy.objects.exists()


def test_it_applies_what_the_inbox_still_holds(make_task, wire):
    task = make_task(status=Status.QUEUED, midsync_task_id="ms-1")
    now = timezone.now()
    CallbackDelivery.objects.create(
        task=task,
        body=b'{"taskId": "ms-1", "status": "failed", "error": "no"}',
        body_sha256="0" * 64,
        body_size=50,
        received_at=now,
        last_received_at=now,
        next_try_at=now,
    )
    call_command("worker", "--once")
    task.refresh_from_db()
    assert task.status == Status.FAILED


def test_one_bad_row_stops_nothing(make_task, wire):
    bad = make_task(status=Status.SUBMITTING, sent_at=None, midsync_task_id="")
    Task.objects.filter(pk=bad.pk).update(request_body="not json")
    good = make_task(status=Status.SUBMITTING, sent_at=None, midsync_task_id="")
    due(bad)
    due(good)
    call_command("worker", "--once")
    good.refresh_from_db()
    bad.refresh_from_db()
    assert good.status == Status.QUEUED
    assert bad.status == Status.SUBMITTING


def test_it_shows_that_it_lives_and_leaves_no_trace_when_stopped(wire):
    worker = Worker()
    worker.look()
    assert WorkerHeartbeat.objects.get().name == worker.name
    worker.stopping.set()
    worker.run()
    assert not WorkerHeartbeat.objects.exists()


def test_a_row_that_fails_rests_before_it_is_tried_again(make_task, wire):
    bad = make_task(status=Status.SUBMITTING, sent_at=None, midsync_task_id="")
    Task.objects.filter(pk=bad.pk).update(request_body="not json")
    due(bad)
    worker = Worker()
    worker.catalog_at = timezone.now()
    worker.look()
    worker.wait()
    worker.look()
    assert not worker.in_hand()
    bad.refresh_from_db()
    assert bad.next_check_at > timezone.now() + timedelta(seconds=50)
    assert bad.waits_unsent
    worker.finish()


def test_a_database_that_is_away_is_waited_for_with_back_off(wire, monkeypatch):
    worker, waits, looks = Worker(), [], []

    def look():
        looks.append(1)
        if len(looks) < 8:
            raise OperationalError("the database is restarting")
        worker.stopping.set()

    monkeypatch.setattr(worker, "look", look)
    monkeypatch.setattr(worker.stopping, "wait", waits.append)
    worker.run()
    assert len(looks) == 8
    failed = waits[:7]
    assert 1 <= failed[0] < failed[2] <= failed[-1] <= PAUSE_WITHOUT_DATABASE_MAX


def test_it_sleeps_until_the_next_row_is_due_or_a_second(make_task, wire, clock):
    worker = Worker()
    assert worker.pause() == PAUSE_MAX
    task = make_task(next_check_at=clock.now() + timedelta(seconds=0.3))
    assert worker.pause() == pytest.approx(0.3)
    Task.objects.filter(pk=task.pk).update(next_check_at=clock.now())
    assert worker.pause() == PAUSE_MAX  # in hand, or waiting for the budget: no busy loop
    worker.finish()


def test_it_beats_while_it_is_busy_and_while_it_finishes(make_task, wire, clock):
    go_on, asked = threading.Event(), threading.Event()

    def hang(request):
        asked.set()
        go_on.wait(20)
        return 200, {"status": "processing"}

    wire.answers["status"] = hang
    task = make_task(midsync_task_id="ms-1", next_check_at=clock.now())
    worker = Worker()
    worker.catalog_at = clock.now()
    worker.look()
    assert asked.wait(20)
    clock.advance(seconds=11)
    worker.look()
    assert WorkerHeartbeat.objects.get().beat_at == clock.now()
    end_asking = threading.Timer(0, go_on.set)
    end_asking.start()
    worker.finish()
    end_asking.join(20)
    assert not worker.in_hand()
    task.refresh_from_db()
    assert task.status == Status.RUNNING
    assert not WorkerHeartbeat.objects.exists()


def test_once_told_to_stop_it_takes_nothing_new(make_task, wire, clock):
    make_task(status=Status.SUBMITTING, sent_at=None, next_check_at=clock.now())
    worker = Worker()
    worker.stop(15, None)
    worker.run()
    assert wire.asked == []


def test_it_looks_again_at_once_where_more_was_due_than_it_could_take(make_task, wire, clock):
    worker = Worker()
    worker.catalog_at = worker.beat_at = clock.now()  # neither of both takes a place now
    worker.inbox.size = 2
    for _ in range(3):
        make_task(
            status=Status.SUBMITTING,
            sent_at=None,
            created_at=clock.now() - timedelta(hours=1),
            next_check_at=clock.now(),
        )
    worker.look()
    worker.wait()
    assert Task.objects.filter(status=Status.REJECTED).count() == 2
    assert worker.pause() == PAUSE_WITH_MORE
    worker.look()
    worker.wait()
    assert Task.objects.filter(status=Status.REJECTED).count() == 3
    assert worker.pause() == PAUSE_MAX
    worker.finish()


def test_a_price_that_is_being_asked_for_takes_no_room_from_others(worker, db, monkeypatch):
    go_on = threading.Event()
    monkeypatch.setattr(worker, "ask_next_price", lambda: go_on.wait(10))
    worker.prices_are_due = True
    worker.look()
    budget = gate.get_gate().budget
    for _ in range(3):
        worker.look()
    assert gate.get_gate().budget >= budget
    go_on.set()
    worker.wait()


def test_prices_and_sessions_of_long_ago_go(ana, db, monkeypatch):
    monkeypatch.setattr(housekeeping, "AT_ONCE", 2)
    customer, now = ana.customers.get(), timezone.now()
    for days in (90, 60, 31, 29, 0):
        Quote.objects.create(customer=customer, created_at=now - timedelta(days=days))
        Session.objects.create(session_key=f"key{days}", expire_date=now + timedelta(days=1 - days))
    housekeeping.prune()
    assert Quote.objects.count() == 2
    assert [one.session_key for one in Session.objects.all()] == ["key0"]
    assert housekeeping.prune_quotes() == housekeeping.prune_sessions() == 0
