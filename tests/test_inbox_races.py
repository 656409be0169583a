"""The inbox under fire: many at once, another's lock, wake-ups that never were."""

import threading
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from midsync_portal.callbacks import door, preview, storing
from midsync_portal.callbacks.storing import store
from midsync_portal.live import wakeups
from midsync_portal.models import CallbackDelivery, Task, TaskEvent
from midsync_portal.models.status import Status
from tests.posting import READY, another_holds, let_worker_try, post, post_account_wide, signed
from tests.serving import in_thread

pytestmark = pytest.mark.django_db(transaction=True)
State = CallbackDelivery.State
PATIENCE = 60  # seconds that nothing here ever takes


@pytest.fixture
def task(make_task):
    return make_task(status=Status.QUEUED, midsync_task_id="ms-1", provider_task_id="pv-1")


def all_at_once(*works):
    """Run each in a thread of its own, all starting together; gives back what they return."""
    barrier = threading.Barrier(len(works))
    results, problems = [], []

    def run(work):
        try:
            barrier.wait(PATIENCE)
            results.append(work())
        except BaseException as problem:
            problems.append(problem)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert problems == []
    return results


def test_promise_04_twenty_identical_callbacks_at_once_are_one_row_applied_once(task):
    answers = all_at_once(*[lambda: post(task, READY)] * 20)
    assert [answer.status_code for answer in answers] == [200] * 20
    let_worker_try()
    delivery = CallbackDelivery.objects.get()
    task.refresh_from_db()
    assert (delivery.state, delivery.repeats) == (State.DONE, 19)
    assert task.status == Status.SUCCEEDED
    assert task.events.filter(kind=TaskEvent.Kind.MOVE).count() == 1


def test_twenty_different_callbacks_at_once_all_count(task):
    def reporting(number):
        word = "completed" if number == 7 else "processing"
        return lambda: post(task, READY | {"status": word, "progress": number})

    answers = all_at_once(*map(reporting, range(20)))
    assert {answer.status_code for answer in answers} == {200}
    let_worker_try()
    task.refresh_from_db()
    assert task.status == Status.SUCCEEDED
    assert CallbackDelivery.objects.filter(state=State.DONE).count() == 20


def test_twenty_identical_orphans_at_once_are_one_row(db, settings):
    settings.CALLBACK_SIGNATURE, settings.CALLBACK_SIGNATURE_SECRET = "hmac", "shared"
    lost = uuid4()
    own = [lambda: post(lost, READY, **signed(READY))] * 10
    account = [lambda: post_account_wide(READY)] * 10
    assert {answer.status_code for answer in all_at_once(*own, *account)} == {200}
    kept = CallbackDelivery.objects.values_list("named_task", "repeats", "task")
    assert set(kept) == {(lost, 9, None), (None, 9, None)}


def test_both_urls_at_once_still_apply_the_proof(task, settings):
    settings.CALLBACK_SIGNATURE, settings.CALLBACK_SIGNATURE_SECRET = "hmac", "shared"

    def own():
        return post(task, READY, **signed(READY))

    answers = all_at_once(*[own] * 5, *[lambda: post_account_wide(READY)] * 5)
    assert {answer.status_code for answer in answers} == {200}
    let_worker_try()
    task.refresh_from_db()
    delivery = CallbackDelivery.objects.get()
    assert (task.status, delivery.repeats, delivery.is_hint) == (Status.SUCCEEDED, 9, False)


def test_promise_07_another_s_lock_is_not_waited_for_and_the_worker_applies(task, monkeypatch):
    # The lock is taken between storing and applying: before, SQLite could not store either.
    holding, real_store = [], door.store

    def store_then_lock(*args):
        stored = real_store(*args)
        holding.append(another_holds(task))
        holding[0].__enter__()
        return stored

    monkeypatch.setattr(door, "store", store_then_lock)
    answer = post(task, READY)
    assert (answer.status_code, answer.content) == (200, b"ok")
    waiting = CallbackDelivery.objects.get()
    assert waiting.state == State.NEW
    task.refresh_from_db()
    assert task.status == Status.QUEUED
    holding[0].__exit__(None, None, None)
    let_worker_try()
    task.refresh_from_db()
    assert task.status == Status.SUCCEEDED


def test_a_body_is_kept_by_one_statement_and_holds_nobody_up_before(task):
    with CaptureQueriesContext(connection) as asked:
        delivery, is_repeat = store(task.public_id, b"{}", {})
    verbs = [query["sql"].split()[0] for query in asked]
    assert verbs == ["SELECT", "SELECT", "INSERT"]
    assert not is_repeat
    in_thread(lambda: CallbackDelivery.objects.update(repeats=7))
    delivery.refresh_from_db()
    assert delivery.repeats == 7


def test_a_repeat_of_what_goes_at_that_moment_is_kept_anew(task, monkeypatch):
    first, _ = store(task.public_id, b"{}", {})
    kept_of = storing._kept_of

    def kept_until_now(of):
        kept = kept_of(of)
        CallbackDelivery.objects.filter(pk=first.pk).delete()  # as it is after CALLBACK_KEPT_DAYS
        return kept

    monkeypatch.setattr(storing, "_kept_of", kept_until_now)
    delivery, is_repeat = store(task.public_id, b"{}", {})
    assert not is_repeat
    assert list(CallbackDelivery.objects.values_list("pk", flat=True)) == [delivery.pk]


def test_a_request_leaves_its_connection_as_patient_as_it_was(task):
    def patience():
        names = ["PRAGMA busy_timeout", "PRAGMA synchronous"]
        if connection.vendor == "postgresql":
            names = ["SHOW lock_timeout", "SHOW synchronous_commit"]
        found = []
        with connection.cursor() as cursor:
            for name in names:
                cursor.execute(name)
                found.append(str(*cursor.fetchone()))
        return found

    before = patience()
    assert before[1] in ("2", "on")
    post(task, READY)
    assert patience() == before
    assert getattr(connection, "turn_seconds", None) is None


@pytest.fixture
def flushes(monkeypatch) -> list[tuple[str, bool]]:
    """What was done, and whether its commit waits for the disk."""
    seen = []

    def look(what):
        is_postgres = connection.vendor == "postgresql"
        with connection.cursor() as cursor:
            cursor.execute("SHOW synchronous_commit" if is_postgres else "PRAGMA synchronous")
            seen.append(
                (what, {"2": True, "on": True, "1": False, "off": False}[str(*cursor.fetchone())])
            )

    insert, apply = storing.insert, Task.apply
    monkeypatch.setattr(storing, "insert", lambda row: (look("stored"), insert(row)))
    monkeypatch.setattr(
        Task, "apply", lambda *args, **how: (look("applied"), apply(*args, **how))[1]
    )
    return seen


def test_promise_04_the_worker_would_do_again_what_is_not_flushed(task, flushes, settings):
    post(task, {"status": "processing", "progress": 10})
    assert flushes == [("stored", True), ("applied", False)]
    flushes.clear()
    settings.CALLBACK_BODIES_PER_TASK = 1
    post(task, {"status": "processing", "progress": 20})
    assert task.deliveries.count() == 1  # so this body is nowhere else
    assert flushes == [("applied", True)]
    flushes.clear()
    task.deliveries.update(state=State.DEAD, next_try_at=None)  # the worker has given it up
    post(task, {"status": "processing", "progress": 10})
    assert flushes == [("applied", True)]


@pytest.mark.parametrize("status", [Status.SUBMITTING, Status.UNCONFIRMED, Status.REJECTED])
def test_promise_01_what_keeps_a_task_from_being_sent_again_is_flushed(make_task, flushes, status):
    """A crash must not make it look unsent until the worker applies the callback again."""
    ended = {"failure_code": "rejected"} if status == Status.REJECTED else {}
    post(make_task(status=status, **ended), {"status": "processing"})
    assert flushes == [("stored", True), ("applied", True)]


def test_a_preview_wakes_nobody_and_leaves_nothing(task, monkeypatch):
    heard = []
    if connection.vendor == "postgresql":
        import psycopg

        known = connection.settings_dict
        params = {name: known[name.upper()] for name in ("host", "port", "user", "password")}
        listener = psycopg.connect(dbname=known["NAME"], autocommit=True, **params)
        listener.execute(f"LISTEN {wakeups.CHANNEL}")

        def wake_ups():
            listener.execute("SELECT 1")
            heard.extend(listener.notifies(timeout=0.2))
            return len(heard)
    else:
        monkeypatch.setattr(wakeups.datagrams, "folder_of", lambda name: "somewhere")
        monkeypatch.setattr(
            wakeups.datagrams, "send_to_all", lambda folder, message: heard.append(message)
        )

        def wake_ups():
            return len(heard)

    with monkeypatch.context() as broken:
        broken.setattr(door, "apply_delivery", lambda *args, **kwargs: "")
        post(task, READY)
    seen = preview(CallbackDelivery.objects.all())
    assert "status: in queue → ready" in str(seen)
    assert wake_ups() == 0
    assert not TaskEvent.objects.exists()
    task.refresh_from_db()
    assert task.status == Status.QUEUED
    assert CallbackDelivery.objects.get().state == State.NEW
    let_worker_try()
    assert wake_ups() == 1
    if connection.vendor == "postgresql":
        listener.close()
