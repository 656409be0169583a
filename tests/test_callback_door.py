"""Who comes in at the callback door: strangers cost nothing, a failing database is told."""

import logging
from uuid import uuid4

import pytest
from django.conf import settings as portal_settings
from django.db import DatabaseError, InterfaceError, InternalError, OperationalError
from django.test import Client

from midsync_portal.callback_urls import callback_token
from midsync_portal.callbacks import door, inbox
from midsync_portal.callbacks.strangers import ADDRESSES_MAX, Strangers
from midsync_portal.models import CallbackDelivery, TaskEvent
from midsync_portal.models.status import Status
from tests.posting import READY, path_of, post, raw

pytestmark = pytest.mark.django_db


@pytest.fixture
def task(make_task):
    return make_task(status=Status.QUEUED, midsync_task_id="ms-1", provider_task_id="pv-1")


def with_a_made_up_session() -> Client:
    client = Client()
    client.cookies[portal_settings.SESSION_COOKIE_NAME] = "made-up-by-a-stranger-0123456789ab"
    return client


@pytest.mark.parametrize(
    "path",
    ["/callbacks/{id}/wrong/", "/callbacks/{id}/", "/callbacks/", "/callbacks/x/y/z"],
)
@pytest.mark.parametrize("method", ["post", "get", "put"])
def test_a_stranger_with_a_session_cookie_costs_no_query_either(
    task, path, method, django_assert_num_queries
):
    client = with_a_made_up_session()
    with django_assert_num_queries(0):
        answer = getattr(client, method)(path.format(id=task.public_id))
    assert answer.status_code == (405 if "wrong" in path and method != "post" else 404)
    assert not CallbackDelivery.objects.exists()


def test_a_wrong_signature_costs_no_query(task, settings, django_assert_num_queries):
    settings.CALLBACK_SIGNATURE, settings.CALLBACK_SIGNATURE_SECRET = "hmac", "shared"
    client = with_a_made_up_session()
    for path in (path_of(task.public_id), "/callbacks/"):
        with django_assert_num_queries(0):
            answer = client.post(path, raw(READY), content_type="application/json")
        assert answer.status_code == 401
    assert not CallbackDelivery.objects.exists()


@pytest.mark.parametrize("error", [RecursionError, UnicodeDecodeError, ValueError, MemoryError])
def test_a_verifier_that_breaks_has_verified_nothing(task, settings, monkeypatch, error):
    settings.CALLBACK_SIGNATURE, settings.CALLBACK_SIGNATURE_SECRET = "hmac", "shared"

    def broken(*args):
        raise error("utf-8", b"", 0, 1, "odd") if error is UnicodeDecodeError else error("odd")

    monkeypatch.setattr(door, "verify", broken)
    assert post(task, READY).status_code == 401
    assert not CallbackDelivery.objects.exists()


def test_one_address_fills_no_log_and_hides_no_other(settings, rf, caplog):
    settings.CALLBACK_BAD_TOKEN_RATE = 3
    strangers = Strangers()
    for _ in range(50):
        strangers.note(rf.post("/", REMOTE_ADDR="198.51.100.7"), "wrong token")
    strangers.note(rf.post("/", REMOTE_ADDR="198.51.100.8"), "wrong token")
    lines = [record.getMessage() for record in caplog.records]
    assert len([line for line in lines if "198.51.100.7" in line]) == 4
    assert "no more lines" in lines[3]
    assert "198.51.100.8" in lines[4]


def test_a_flood_from_everywhere_stays_small(settings, rf, caplog):
    settings.CALLBACK_BAD_TOKEN_RATE = 1
    strangers = Strangers()
    caplog.set_level(logging.ERROR)
    for number in range(2 * ADDRESSES_MAX):
        strangers.note(rf.post("/", REMOTE_ADDR=f"2001:db8:{number:x}::1"), "wrong token")
        strangers.note(rf.post("/", REMOTE_ADDR=f"2001:db8:0:0:{number:x}::1"), "wrong token")
    assert len(strangers._refused) == ADDRESSES_MAX + 1


def test_wrong_tokens_never_shut_out_the_right_one(task, settings, client):
    settings.CALLBACK_BAD_TOKEN_RATE = 2
    for _ in range(10):
        wrong = client.post(f"/callbacks/{task.public_id}/wrong/", {}, content_type="text/plain")
        assert wrong.status_code == 404
    assert post(task, READY).status_code == 200


def test_the_token_of_another_task_opens_nothing(task, make_task, client):
    other = make_task(status=Status.QUEUED, midsync_task_id="ms-2")
    path = f"/callbacks/{task.public_id}/{callback_token(other.public_id)}/"
    assert client.post(path, raw(READY), content_type="application/json").status_code == 404
    task.refresh_from_db()
    assert task.status == Status.QUEUED


@pytest.mark.parametrize("error", [OperationalError, InterfaceError, InternalError, DatabaseError])
def test_whatever_the_database_says_before_the_commit_is_come_again(task, monkeypatch, error):
    def away(*args):
        raise error("gone")

    monkeypatch.setattr(door, "store", away)
    answer = post(task, READY)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")


@pytest.mark.parametrize("scheme", ["hmac", "kie", "standard-webhooks"])
def test_only_where_midsync_signs_is_there_an_account_wide_url(client, settings, scheme):
    unknown = client.get("/no-such-page/").content
    for method in (client.get, client.post, client.put, client.head):
        answer = method("/callbacks/")
        assert answer.status_code == 404
        assert answer.content in (unknown, b"")
    settings.CALLBACK_SIGNATURE, settings.CALLBACK_SIGNATURE_SECRET = scheme, "whsec_c2VjcmV0"
    assert client.get("/callbacks/").status_code == 405
    assert client.post("/callbacks/", b"{}", content_type="text/plain").status_code == 401


def test_a_callback_needs_few_queries(task, django_assert_max_num_queries):
    client = Client()
    with django_assert_max_num_queries(30) as queries:
        assert post(task, READY, client).status_code == 200
    tables = [query["sql"] for query in queries.captured_queries]
    assert not [sql for sql in tables if "django_session" in sql]
    assert TaskEvent.objects.filter(kind=TaskEvent.Kind.MOVE).count() == 1


def test_headers_are_kept_by_name_and_never_the_signature(task, settings):
    from tests.posting import post_account_wide

    settings.CALLBACK_SIGNATURE = "standard-webhooks"
    settings.CALLBACK_SIGNATURE_SECRET = "whsec_c2VjcmV0"
    answer = post_account_wide(
        READY,
        Authorization="Bearer secret",
        Cookie="a=b",
        **{"User-Agent": "MidSync/1" + "x" * 500},
    )
    assert answer.status_code == 200
    kept = CallbackDelivery.objects.get().headers
    assert set(kept) == {"content-type", "user-agent", "webhook-id", "webhook-timestamp"}
    assert len(kept["user-agent"]) == 200


def test_a_long_challenge_is_echoed_as_it_came(task):
    answer = post(task, {"challenge": "x" * 300}, **{"Accept-Encoding": "gzip"})
    assert answer.content == b"x" * 300


def test_a_challenge_is_echoed_only_where_there_is_nothing_else(task):
    assert post(task, {"challenge": "say"}).content == b"say"
    assert post(task, READY | {"challenge": "say"}).content == b"ok"
    task.refresh_from_db()
    assert task.status == Status.SUCCEEDED
    assert post(task, {"challenge": "say", "event": "video.failed"}).content == b"ok"
    for odd in ({"challenge": ["a"]}, {"challenge": "<b>\n"}, {"challenge": "x" * 5000}):
        assert post(task, odd).content == b"ok"
    answer = post(task, {"challenge": "say"})
    assert (answer.content, answer["X-Content-Type-Options"]) == (b"say", "nosniff")


def test_an_orphan_of_each_lost_task_is_kept(db):
    one, two = uuid4(), uuid4()
    for _ in range(2):
        for public_id in (one, two):
            assert post(public_id, {"status": "processing"}).status_code == 200
    kept = CallbackDelivery.objects.values_list("named_task", "repeats", "state")
    assert set(kept) == {(one, 1, "kept"), (two, 1, "kept")}


def test_a_body_that_is_neither_applied_nor_kept_is_not_acknowledged(task, settings, monkeypatch):
    settings.CALLBACK_BODIES_PER_TASK = 1
    post(task, {"taskId": "ms-1", "status": "processing", "progress": 1})

    def broken(*args):
        raise OperationalError("gone")

    monkeypatch.setattr(inbox, "process", broken)
    body = {"taskId": "ms-1", "status": "processing", "progress": 2}
    assert post(task, body).status_code == 200  # kept after all
    assert CallbackDelivery.objects.filter(state="new").count() == 1
    monkeypatch.setattr(CallbackDelivery, "save", broken)
    assert post(task, body | {"progress": 3}).status_code == 503
