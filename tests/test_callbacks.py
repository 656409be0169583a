"""The callback door and its inbox: strangers leave no row, what carries the token is never lost."""

import json
from uuid import uuid4

import pytest
from django.db import OperationalError
from django.utils import timezone

from midsync_portal import callbacks
from midsync_portal.callback_urls import callback_token, callback_url, token_is_valid
from midsync_portal.models import CallbackDelivery, TaskEvent
from midsync_portal.models.status import Status

pytestmark = pytest.mark.django_db

VIDEO = "https://cdn.example.com/one.mp4"
READY = {"taskId": "ms-1", "status": "completed", "output": {"url": VIDEO}}
State = CallbackDelivery.State


@pytest.fixture
def task(make_task):
    """A queued task that MidSync knows as ms-1."""
    return make_task(status=Status.QUEUED, midsync_task_id="ms-1", provider_task_id="pv-1")


@pytest.fixture
def post(client, task):
    """Post a body to the task's own callback URL."""

    def post(body, *, url=None, content_type="application/json", **headers):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        path = (url or callback_url(task.public_id)).removeprefix("http://127.0.0.1:8000")
        return client.post(path, raw, content_type=content_type, headers=headers)

    return post


def test_a_callback_is_stored_applied_and_answered_ok(post, task):
    answer = post(READY)
    assert (answer.status_code, answer.content) == (200, b"ok")
    assert answer["Content-Type"].startswith("text/plain")
    task.refresh_from_db()
    assert (task.status, task.source_url) == (Status.SUCCEEDED, VIDEO)
    delivery = CallbackDelivery.objects.get()
    assert (delivery.state, bytes(delivery.body)) == (State.DONE, json.dumps(READY).encode())
    event = task.events.get(kind=TaskEvent.Kind.MOVE)
    assert (event.source, event.delivery) == ("callback", delivery)


@pytest.mark.parametrize("change", ["cut", "foreign", "empty-ish", "upper", "long", "non-ascii"])
def test_a_wrong_token_is_404_without_a_row_or_a_query(
    client, task, change, django_assert_num_queries
):
    good = callback_token(task.public_id)
    token = {
        "cut": good[:-1],
        "foreign": callback_token(uuid4()),
        "empty-ish": "-",
        "upper": good.swapcase(),
        "long": good * 40,
        "non-ascii": "токен",
    }[change]
    with django_assert_num_queries(0):
        answer = client.post(
            f"/callbacks/{task.public_id}/{token}/", READY, content_type="application/json"
        )
    assert answer.status_code == 404
    assert not CallbackDelivery.objects.exists()
    task.refresh_from_db()
    assert task.status == Status.QUEUED


def test_the_404_of_the_door_is_the_one_of_any_page(client, task):
    wrong = client.post(f"/callbacks/{task.public_id}/wrong/", {}, content_type="text/plain")
    assert wrong.content == client.get("/no-such-page/").content


def test_an_old_signing_key_still_verifies_and_a_new_secret_key_changes_nothing(task, settings):
    token = callback_token(task.public_id)
    settings.SECRET_KEY = "another-secret"
    assert token_is_valid(task.public_id, token)
    settings.CALLBACK_SIGNING_KEYS = ["new-key", *settings.CALLBACK_SIGNING_KEYS]
    assert token_is_valid(task.public_id, token)
    assert callback_token(task.public_id) != token
    settings.CALLBACK_SIGNING_KEYS = ["new-key"]
    assert not token_is_valid(task.public_id, token)


def test_only_post_is_answered(client, task):
    path = callback_url(task.public_id).removeprefix("http://127.0.0.1:8000")
    for method in (client.get, client.put, client.delete, client.head):
        assert method(path).status_code == 405


def test_no_log_in_no_csrf_no_session_and_no_redirect_at_the_door(task):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    path = callback_url(task.public_id).removeprefix("http://127.0.0.1:8000")
    answer = strict.post(path, json.dumps(READY), content_type="application/json")
    assert answer.status_code == 200
    assert not answer.cookies


def test_an_oversized_body_is_413_and_leaves_no_row(post, settings):
    settings.CALLBACK_BODY_MAX = 2000
    assert post(b"x" * 2001).status_code == 413
    assert not CallbackDelivery.objects.exists()


def test_a_body_larger_than_a_form_may_be_is_still_taken(post, task, settings):
    body = READY | {"padding": "x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 10)}
    assert post(body).status_code == 200
    task.refresh_from_db()
    assert task.status == Status.SUCCEEDED
    delivery = CallbackDelivery.objects.get()
    assert delivery.is_truncated
    assert len(delivery.body) == 4096
    assert delivery.body_size > settings.DATA_UPLOAD_MAX_MEMORY_SIZE


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"<html>gateway</html>",
        b"\x00\x01\x02",
        b'{"status": "completed"',
        b"[" * 100_000,
        b'"\\ud800"',
        b"\xff\xfe\x00",
        b"9" * 5000,
    ],
    ids=["empty", "text", "html", "nul", "cut", "deep", "surrogate", "bytes", "digits"],
)
def test_an_unreadable_body_is_kept_for_support_and_midsync_is_asked(post, task, body):
    answer = post(body)
    assert (answer.status_code, answer.content) == (200, b"ok")
    delivery = CallbackDelivery.objects.get()
    assert delivery.state == State.KEPT
    assert bytes(delivery.body) == body[:65536] or delivery.is_truncated
    task.refresh_from_db()
    assert task.status == Status.QUEUED
    assert task.next_check_at <= timezone.now()


def test_an_unknown_word_is_kept_and_the_task_untouched(post, task):
    assert post({"taskId": "ms-1", "status": "marinating"}).status_code == 200
    assert CallbackDelivery.objects.get().state == State.KEPT
    task.refresh_from_db()
    assert task.status == Status.QUEUED
    assert task.next_check_at <= timezone.now()


def test_the_same_body_again_is_one_delivery_and_one_event(post, task):
    for _ in range(20):
        assert post(READY).status_code == 200
    delivery = CallbackDelivery.objects.get()
    assert delivery.repeats == 19
    assert task.events.filter(kind=TaskEvent.Kind.MOVE).count() == 1


def test_promise_5_reports_in_any_order_end_the_same(post, task):
    for word in ("completed", "failed", "processing", "queued"):
        assert post(READY | {"status": word}).status_code == 200
    task.refresh_from_db()
    assert task.status == Status.SUCCEEDED


def test_a_challenge_is_echoed(post):
    answer = post({"challenge": "say-this"})
    assert (answer.status_code, answer.content) == (200, b"say-this")


def test_the_content_type_does_not_matter(post, task):
    assert post(READY, content_type="application/x-www-form-urlencoded").status_code == 200
    task.refresh_from_db()
    assert task.status == Status.SUCCEEDED


def test_a_token_of_a_forgotten_task_leaves_an_orphan_for_support(post):
    gone = uuid4()
    for _ in range(2):
        assert post(READY, url=callback_url(gone)).status_code == 200
    delivery = CallbackDelivery.objects.get()
    assert (delivery.task, delivery.named_task, delivery.state) == (None, gone, State.KEPT)


def test_a_foreign_id_changes_nothing_and_is_kept(post, task, make_task):
    other = make_task(status=Status.QUEUED, midsync_task_id="ms-2")
    assert post(READY | {"taskId": "ms-2"}).status_code == 200
    task.refresh_from_db()
    other.refresh_from_db()
    assert (task.status, other.status) == (Status.QUEUED, Status.QUEUED)
    assert task.needs_review
    assert CallbackDelivery.objects.get().state == State.KEPT


def test_a_bug_while_applying_is_kept_and_the_worker_tries_again(post, task, monkeypatch):
    from midsync_portal.callbacks import inbox

    def broken(payload):
        raise ZeroDivisionError("a bug")

    with monkeypatch.context() as broken_reader:
        broken_reader.setattr(inbox, "read_report", broken)
        assert post(READY).status_code == 200
    delivery = CallbackDelivery.objects.get()
    assert delivery.state == State.NEW
    assert "a bug" in delivery.error
    callbacks.process_due_delivery(delivery)
    task.refresh_from_db()
    assert task.status == Status.SUCCEEDED


def test_after_twenty_tries_a_delivery_is_given_to_support(post, monkeypatch):
    from midsync_portal.callbacks import inbox

    def broken(payload):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(inbox, "read_report", broken)
    post(READY)
    for _ in range(20):
        callbacks.process_due_delivery(CallbackDelivery.objects.get())
    assert CallbackDelivery.objects.get().state == State.DEAD


def test_without_a_database_the_answer_is_come_again(post, monkeypatch):
    from midsync_portal.callbacks import door

    def away(*args):
        raise OperationalError("gone")

    monkeypatch.setattr(door, "store", away)
    answer = post(READY)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")


def test_over_fifty_bodies_progress_is_applied_but_no_longer_kept(post, task, settings):
    settings.CALLBACK_BODIES_PER_TASK = 3
    for progress in range(10):
        post({"taskId": "ms-1", "status": "processing", "progress": 10 + progress})
    assert CallbackDelivery.objects.count() == 3
    task.refresh_from_db()
    assert task.progress == 19
    post(READY)
    assert CallbackDelivery.objects.count() == 4
    task.refresh_from_db()
    assert task.status == Status.SUCCEEDED


def test_replay_by_support_leaves_its_name_and_changes_nothing_the_second_time(post, task, sam):
    post(READY)
    delivery = CallbackDelivery.objects.get()
    callbacks.replay(delivery, sam, "customer asked")
    callbacks.replay(delivery, sam, "customer asked")
    task.refresh_from_db()
    assert task.status == Status.SUCCEEDED
    assert task.events.filter(kind=TaskEvent.Kind.MOVE).count() == 1
    assert {event.actor for event in task.events.filter(kind=TaskEvent.Kind.SUPPORT)} == {sam}


def test_a_wrong_signature_is_401_and_leaves_no_row(post, settings):
    settings.CALLBACK_SIGNATURE = "hmac"
    settings.CALLBACK_SIGNATURE_SECRET = "shared-secret"
    assert post(READY).status_code == 401
    assert not CallbackDelivery.objects.exists()


def test_at_most_one_status_question_in_ten_seconds_however_many_callbacks(post, task, wire):
    from midsync_portal.reconcile import reconcile_due_task

    for number in range(30):
        post({"taskId": "ms-1", "status": f"odd-{number}"})
        task.refresh_from_db()
        if task.next_check_at <= timezone.now():
            reconcile_due_task(task)
    assert wire.count("status") == 1
