"""The inbox: what was answered 200 is never lost, however applying it fails."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError
from django.test import Client
from django.utils import timezone

from midsync_portal import callbacks
from midsync_portal.callbacks import inbox
from midsync_portal.models import CallbackDelivery, Task, TaskEvent
from midsync_portal.models.status import Status
from tests.posting import READY, VIDEO, let_worker_try, post, raw

pytestmark = pytest.mark.django_db
State = CallbackDelivery.State


@pytest.fixture
def task(make_task):
    return make_task(status=Status.QUEUED, midsync_task_id="ms-1", provider_task_id="pv-1")


def breaking(error):
    def broken(*args, **kwargs):
        raise error

    return broken


FAILURES = [
    OperationalError("canceling statement due to lock timeout"),
    InterfaceError("connection already closed"),
    IntegrityError("duplicate key"),
    DatabaseError("odd"),
    RecursionError("deep"),
    MemoryError("full"),
    ZeroDivisionError("a bug, with \x00 in its message"),
]


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("where", ["read_body", "read_report", "process", "apply"])
def test_promise_04_whatever_fails_after_storing_is_repaired_by_the_worker(
    task, monkeypatch, error, where
):
    with monkeypatch.context() as broken:
        place = Task if where == "apply" else inbox
        broken.setattr(place, where, breaking(error))
        answer = post(task, READY)
        assert (answer.status_code, answer.content) == (200, b"ok")
        assert post(task, READY).status_code == 200
    delivery = CallbackDelivery.objects.get()
    assert (delivery.state, delivery.repeats, delivery.tries) == (State.NEW, 1, 1)
    assert type(error).__name__ in delivery.error
    let_worker_try()
    task.refresh_from_db()
    delivery.refresh_from_db()
    assert (task.status, delivery.state, delivery.error) == (Status.SUCCEEDED, State.DONE, "")
    assert task.events.filter(kind=TaskEvent.Kind.MOVE).count() == 1


def test_promise_04_even_where_the_failure_cannot_be_noted_the_worker_finds_it(task, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(inbox, "process", breaking(OperationalError("gone")))
        broken.setattr(inbox, "put_back", breaking(InterfaceError("gone")))
        assert post(task, READY).status_code == 200
    delivery = CallbackDelivery.objects.get()
    assert delivery.state == State.NEW
    assert delivery.next_try_at <= timezone.now() + timedelta(seconds=10)
    let_worker_try()
    task.refresh_from_db()
    assert task.status == Status.SUCCEEDED


@pytest.mark.parametrize("crash", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_promise_04_a_crash_between_storing_and_applying_loses_nothing(task, monkeypatch, crash):
    with monkeypatch.context() as crashing:
        crashing.setattr(inbox, "process", breaking(crash()))
        with pytest.raises(crash):
            post(task, READY)
    assert CallbackDelivery.objects.get().state == State.NEW
    let_worker_try()
    task.refresh_from_db()
    assert task.status == Status.SUCCEEDED


def test_promise_04_a_repeat_of_what_was_not_applied_is_applied(task, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(inbox, "process", breaking(OperationalError("gone")))
        post(task, READY)
    assert post(task, READY).status_code == 200
    delivery = CallbackDelivery.objects.get()
    task.refresh_from_db()
    assert (task.status, delivery.state, delivery.repeats) == (Status.SUCCEEDED, State.DONE, 1)


def test_a_dead_delivery_that_comes_again_is_applied(task, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(inbox, "read_report", breaking(ZeroDivisionError("a bug")))
        post(task, READY)
        let_worker_try(20)
    assert CallbackDelivery.objects.get().state == State.DEAD
    post(task, READY)
    task.refresh_from_db()
    assert (task.status, CallbackDelivery.objects.get().state) == (Status.SUCCEEDED, State.DONE)


def test_promise_04_a_large_body_that_failed_is_asked_about(task, monkeypatch, wire):
    wire.answers["status"] = {"taskId": "ms-1", "status": "completed", "output": VIDEO}
    with monkeypatch.context() as broken:
        broken.setattr(Task, "apply", breaking(OperationalError("gone")))
        post(task, READY | {"padding": "x" * 70_000})
    delivery = CallbackDelivery.objects.get()
    assert (delivery.is_truncated, delivery.state) == (True, State.NEW)
    let_worker_try()
    delivery.refresh_from_db()
    task.refresh_from_db()
    assert delivery.state == State.DONE
    assert task.next_check_at <= timezone.now()


def test_retries_wait_2_4_8_up_to_60_seconds_then_5_minutes_give_or_take_a_fifth(task, monkeypatch):
    now = timezone.now()
    monkeypatch.setattr(inbox.timezone, "now", lambda: now)
    monkeypatch.setattr(inbox, "read_report", breaking(ZeroDivisionError("a bug")))
    post(task, READY)
    waits = []
    while (delivery := CallbackDelivery.objects.get()).state == State.NEW:
        waits.append((delivery.next_try_at - now).total_seconds())
        callbacks.process_due_delivery(delivery)
    assert delivery.state == State.DEAD
    assert len(waits) == 19
    for wait, usual in zip(waits, [2, 4, 8, 16, 32, 60, *[300] * 13], strict=True):
        assert 0.8 * usual <= wait <= 1.2 * usual
    assert len({round(wait, 3) for wait in waits[6:]}) > 5


def test_repeats_of_a_failing_delivery_neither_use_up_its_tries_nor_put_it_off(task, monkeypatch):
    monkeypatch.setattr(inbox, "read_report", breaking(ZeroDivisionError("a bug")))
    post(task, READY)
    before = CallbackDelivery.objects.get()
    for _ in range(30):
        post(task, READY)
    after = CallbackDelivery.objects.get()
    assert (after.state, after.tries, after.repeats) == (State.NEW, 1, 30)
    assert after.next_try_at == before.next_try_at


def test_a_delivery_that_kills_each_worker_is_given_to_support(task, monkeypatch):
    with monkeypatch.context() as crashing:
        crashing.setattr(inbox, "process", breaking(SystemExit()))
        with pytest.raises(SystemExit):
            post(task, READY)
        for _ in range(20):
            with pytest.raises(SystemExit):
                let_worker_try()
    let_worker_try()
    delivery = CallbackDelivery.objects.get()
    assert delivery.state == State.DEAD
    assert "died" in delivery.error


def test_two_workers_do_not_try_the_same_delivery(task, monkeypatch):
    monkeypatch.setattr(inbox, "read_report", breaking(ZeroDivisionError("a bug")))
    post(task, READY)
    seen_by_both = CallbackDelivery.objects.get()
    callbacks.process_due_delivery(seen_by_both)
    callbacks.process_due_delivery(seen_by_both)
    assert CallbackDelivery.objects.get().tries == 2


def test_the_door_asks_midsync_nothing_however_little_it_understands(task, wire):
    for body in (b"", b"odd", raw({"status": "marinating"}), raw({"status": "completed"})):
        assert post(task, body).status_code == 200
    assert wire.asked == []


def test_what_says_nothing_waits_until_midsync_can_be_asked(make_task, wire):
    task = make_task(status=Status.UNCONFIRMED)
    post(task, b"")
    delivery = CallbackDelivery.objects.get()
    assert delivery.state == State.NEW
    let_worker_try()
    assert CallbackDelivery.objects.get().state == State.NEW
    Task.objects.filter(pk=task.pk).update(midsync_task_id="ms-1")
    let_worker_try()
    task.refresh_from_db()
    assert CallbackDelivery.objects.get().state == State.KEPT
    assert task.next_check_at <= timezone.now()


def test_what_says_nothing_of_a_task_without_a_number_ends_with_support(make_task):
    task = make_task(status=Status.UNCONFIRMED)
    post(task, b"")
    let_worker_try(30)
    task.refresh_from_db()
    assert CallbackDelivery.objects.get().state == State.KEPT
    assert "could not be asked" in task.needs_review


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED])
def test_an_ended_task_is_asked_about_when_a_callback_is_not_enough(make_task, wire, status):
    task = make_task(status=status, midsync_task_id="ms-1")
    wire.answers["status"] = [
        (503, "down"),
        {"taskId": "ms-1", "status": "completed", "output": VIDEO},
    ]
    post(task, {"taskId": "ms-1", "status": "completed"})
    wire.answers["status"] = (503, "down")
    let_worker_try()
    assert CallbackDelivery.objects.get().state == State.NEW
    wire.answers["status"] = {"taskId": "ms-1", "status": "completed", "output": VIDEO}
    Task.objects.filter(pk=task.pk).update(last_checked_at=None)
    let_worker_try()
    task.refresh_from_db()
    assert (task.status, task.source_url) == (Status.SUCCEEDED, VIDEO)
    assert CallbackDelivery.objects.get().state == State.DONE


def test_old_deliveries_are_pruned_and_their_events_stay(task, settings):
    settings.CALLBACK_KEPT_DAYS = 90
    post(task, READY)
    post(task, {"taskId": "ms-1", "status": "processing"})
    old, young = CallbackDelivery.objects.order_by("pk")
    waiting = CallbackDelivery.objects.create(
        task=task,
        named_task=task.public_id,
        body=b"",
        body_sha256="0" * 64,
        body_size=0,
        received_at=timezone.now() - timedelta(days=91),
        last_received_at=timezone.now() - timedelta(days=91),
        next_try_at=timezone.now(),
    )
    events = list(task.events.order_by("pk").values_list("pk", "kind", "reason", "evidence"))
    long_ago = timezone.now() - timedelta(days=90, seconds=1)
    CallbackDelivery.objects.filter(pk=old.pk).update(
        received_at=long_ago, last_received_at=long_ago
    )
    CallbackDelivery.objects.filter(pk=young.pk).update(received_at=long_ago)
    assert callbacks.prune_deliveries() == 1
    assert set(CallbackDelivery.objects.all()) == {young, waiting}
    kept = task.events.order_by("pk")
    assert list(kept.values_list("pk", "kind", "reason", "evidence")) == events
    assert callbacks.prune_deliveries() == 0


def test_a_thousand_repeats_are_one_row(task):
    client = Client()
    for _ in range(1000):
        assert post(task, READY, client).content == b"ok"
    assert CallbackDelivery.objects.get().repeats == 999
    assert task.events.filter(kind=TaskEvent.Kind.MOVE).count() == 1
