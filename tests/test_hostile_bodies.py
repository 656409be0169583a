"""Promise 15 at the callback door: whatever the body is, never a 5xx, and stored as said."""

import gzip
import hashlib
import json

import pytest
from django.core.wsgi import get_wsgi_application
from django.db import connections

from midsync_portal.models import CallbackDelivery
from midsync_portal.models.status import Status
from midsync_portal.serving.site import Site
from tests.posting import READY, VIDEO, path_of, post, raw
from tests.serving import Loop, request

State = CallbackDelivery.State
TEXT = json.dumps(READY)
KEPT, DONE = State.KEPT, State.DONE


@pytest.fixture
def task(make_task):
    return make_task(status=Status.QUEUED, midsync_task_id="ms-1", provider_task_id="pv-1")


UNREADABLE = {
    "empty": b"",
    "NUL": b"\x00",
    "many NULs": b"\x00" * 5000,
    "NUL in JSON": b'{"taskId": "ms-1",\x00"status": "completed"}',
    "half of UTF-16": TEXT.encode("utf-16")[:-1],
    "a lone surrogate": b'"\\ud800"',
    "100,000 brackets": b"[" * 100_000,
    "100,000 braces": b'{"a":' * 100_000,
    "a 5,000-digit number": b"9" * 5000,
    "NaN alone": b"NaN",
    "a list": b"[1, 2, 3]",
    "a list of lists": b"[[[]]]",
    "a word": b'"completed"',
    "null": b"null",
    "gzip": gzip.compress(TEXT.encode()),
    "a form that says nothing": b"a=b&c=d",
    "multipart": b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--x--\r\n",
    "HTML": b"<script>alert(1)</script>",
    "every byte": bytes(range(256)),
}


@pytest.mark.django_db
@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_promise_15_a_body_that_says_nothing_is_kept_and_changes_nothing(task, body):
    answer = post(task, body)
    assert (answer.status_code, answer.content) == (200, b"ok")
    delivery = CallbackDelivery.objects.get()
    assert delivery.state == KEPT
    assert delivery.body_size == len(body)
    assert delivery.body_sha256 == hashlib.sha256(body).hexdigest()
    assert bytes(delivery.body) == (body[:4096] if len(body) > 65536 else body)
    task.refresh_from_db()
    assert (task.status, task.needs_review) == (Status.QUEUED, "")


def with_more(more: str) -> bytes:
    """The good body with something odd in it, as text, since no JSON writer makes it."""
    return f"{TEXT[:-1]}, {more}}}".encode()


STILL_READABLE = {
    "UTF-16": TEXT.encode("utf-16"),
    "UTF-32": TEXT.encode("utf-32"),
    "a byte order mark": b"\xef\xbb\xbf" + TEXT.encode(),
    "NUL behind it": TEXT.encode() + b"\x00\x00",
    "NaN": with_more('"progress": NaN, "pointsCharged": Infinity'),
    "a 5,000-digit number": with_more(f'"pointsCharged": {"9" * 5000}'),
    "a large exponent": with_more('"pointsCharged": 1e999999'),
    "a lone surrogate": with_more('"message": "\\ud800 and \\udfff"'),
    "an escaped NUL": with_more('"error": "a\\u0000b", "model": "\\u0000"'),
    "duplicate keys": b'{"status": "processing", ' + TEXT.encode()[1:],
    "a list of one": f"[{TEXT}]".encode(),
    "a wrong id type": with_more('"id": {"a": 1}, "jobId": [2], "requestId": true'),
    "70 KiB": with_more(f'"padding": "{"x" * 70_000}"'),
    "500 levels beside it": with_more(f'"deep": {"[" * 500}{"]" * 500}'),
}


@pytest.mark.django_db
@pytest.mark.parametrize("body", STILL_READABLE.values(), ids=STILL_READABLE.keys())
def test_promise_15_one_odd_thing_does_not_hide_the_rest(task, body):
    answer = post(task, body)
    assert (answer.status_code, answer.content) == (200, b"ok")
    task.refresh_from_db()
    delivery = CallbackDelivery.objects.get()
    assert (task.status, task.source_url, delivery.state) == (Status.SUCCEEDED, VIDEO, DONE)
    assert delivery.is_truncated == (len(body) > 65536)
    assert bytes(delivery.body) == (body[:4096] if len(body) > 65536 else body)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "kind",
    ["", "text/plain", "multipart/form-data", "multipart/form-data; boundary=x", "application/json"
     "; charset=utf-16", "application/x-www-form-urlencoded", "a" * 5000, "*/*", "\x00"],
)  # fmt: skip
def test_promise_15_the_content_type_does_not_matter(client, task, kind):
    answer = client.post(path_of(task.public_id), raw(READY), content_type=kind)
    assert answer.status_code == 200
    task.refresh_from_db()
    assert task.status == Status.SUCCEEDED


@pytest.mark.django_db
@pytest.mark.parametrize("odd", ["\x00", "a" * 300, "\ud800", "<b>", "a\nb", "'; --"])
@pytest.mark.parametrize("name", ["taskId", "status", "error", "output", "pointsCharged"])
def test_promise_15_odd_values_are_taken_in_every_place(task, name, odd):
    for base in (READY, {"taskId": "ms-1", "status": "failed"}, {}):
        assert post(task, base | {name: odd}).status_code == 200
    task.refresh_from_db()
    assert task.status in Status


@pytest.mark.django_db
def test_promise_15_two_megabytes_are_refused_and_leave_nothing(task):
    assert post(task, b"x" * 2_000_000).status_code == 413
    assert not CallbackDelivery.objects.exists()


def closing_its_connections(app):
    """The application, whose threads leave no connection to the test's database."""

    def closing(environ, start_response):
        try:
            return [b"".join(app(environ, start_response))]
        finally:
            connections.close_all()

    return closing


@pytest.mark.django_db(transaction=True)
def test_promise_15_through_the_servers_door_chunked_or_whole(make_task):
    loop = Loop()

    async def make() -> Site:
        return Site(closing_its_connections(get_wsgi_application()))

    site = loop.run(make())
    bodies = [*UNREADABLE.values(), *STILL_READABLE.values()]
    for number, body in enumerate(bodies):
        task = make_task(
            status=Status.QUEUED, midsync_task_id=f"ms-{number}x", provider_task_id="ms-1"
        )
        pieces = [body[: len(body) // 2], body[len(body) // 2 :]]
        chunked = {"transfer-encoding": "chunked"}
        path = path_of(task.public_id)
        answer = request(loop, site, path, "POST", chunks=pieces, headers=chunked)
        assert (answer.status, answer.body) == (200, b"ok")
        delivery = CallbackDelivery.objects.get(named_task=task.public_id)
        assert delivery.body_sha256 == hashlib.sha256(body).hexdigest()
        answer = request(loop, site, path, "POST", chunks=[body])
        assert answer.status == 200
        delivery.refresh_from_db()
        assert delivery.repeats == 1
    large = [b"x" * 1_000_000, b"x" * 1_000_000]
    answer = request(loop, site, path, "POST", chunks=large, headers=chunked)
    assert answer.status == 413
    loop.run(site.finish())
    loop.close()
