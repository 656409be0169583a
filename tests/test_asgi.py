"""Between the server and Django: bodies, headers, pools, and how a process begins and ends."""

import asyncio
import os
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db.backends.signals import connection_created

from midsync_portal.asgi import Portal
from midsync_portal.callback_urls import callback_token
from midsync_portal.finding import export
from midsync_portal.models import CallbackDelivery
from midsync_portal.serving.__main__ import static_files_are_stale
from midsync_portal.serving.body import (
    BodyTooLarge,
    BodyTooSlow,
    Disconnected,
    read_body,
    with_body,
)
from midsync_portal.serving.headers import believed
from midsync_portal.serving.pools import Pool
from midsync_portal.serving.site import Site, takes_long
from tests.serving import PATIENCE, Answer, Loop, request, scope_of

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def loop():
    loop = Loop()
    yield loop
    loop.close()


def make_site(loop: Loop, app) -> Site:
    async def make() -> Site:
        return Site(app)

    return loop.run(make())


@pytest.fixture
def site(loop, transactional_db):
    """The site with Django behind it; its hub does not listen."""
    site = make_site(loop, get_wsgi_application())
    yield site
    loop.run(site.finish())


# --- The process ----------------------------------------------------------------------------------

WITHOUT_DJANGO = """
import asyncio, sys
from midsync_portal.asgi import application

async def send(message):
    print(message.get("status", message.get("body")))

asyncio.run(application({"type": "http", "path": "/healthz", "headers": []}, None, send))
print("django" in sys.modules)
"""


def test_healthz_is_answered_without_django_and_without_any_setting():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_DJANGO],
        env={"PATH": os.environ["PATH"]},
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=True,
    )
    assert done.stdout == "200\nb'ok'\nFalse\n"


@pytest.mark.django_db(transaction=True)
def test_a_process_serves_pages_once_django_is_loaded_and_ends_when_asked(loop):
    portal = Portal()
    asked, said = asyncio.Queue(), asyncio.Queue()
    life = loop.start(portal({"type": "lifespan"}, asked.get, said.put))
    loop.run(asked.put({"type": "lifespan.startup"}))
    assert loop.run(said.get()) == {"type": "lifespan.startup.complete"}
    assert request(loop, portal, "/healthz").body == b"ok"
    assert request(loop, portal, "/accounts/login/").status == 200
    loop.run(asked.put({"type": "lifespan.shutdown"}))
    assert loop.run(said.get()) == {"type": "lifespan.shutdown.complete"}
    life.result(PATIENCE)


def test_a_process_that_has_ended_leaves_no_connection_open(loop, transactional_db):
    opened = []

    def remember(connection, **kwargs) -> None:
        opened.append(connection)

    connection_created.connect(remember)
    try:
        site = make_site(loop, get_wsgi_application())
        scope = scope_of("/", headers={"cookie": f"portal_session={'a' * 32}"})
        pages = [loop.start(site(scope, receive_of(EMPTY), Answer().send)) for _ in range(20)]
        for page in pages:
            page.result(PATIENCE)
        loop.run(site.finish())
    finally:
        connection_created.disconnect(remember)
    assert opened
    assert [one for one in opened if one.connection is not None] == []


def test_other_protocols_are_not_spoken(loop):
    with pytest.raises(ValueError, match="websocket"):
        loop.run(Portal()({"type": "websocket"}, None, None))


EMPTY = {"type": "http.request"}

# --- Bodies ---------------------------------------------------------------------------------------


def callback_path(task) -> str:
    return f"/callbacks/{task.public_id}/{callback_token(task.public_id)}/"


def test_a_chunked_callback_reaches_django_whole(loop, site, make_task):
    task = make_task()
    answer = request(
        loop,
        site,
        callback_path(task),
        "POST",
        headers={"transfer-encoding": "chunked", "content-type": "application/json"},
        chunks=[b'{"status": ', b'"running"', b"}"],
    )
    assert answer.status == 200
    assert bytes(CallbackDelivery.objects.get().body) == b'{"status": "running"}'
    task.refresh_from_db()
    assert task.status == "running"


@pytest.mark.parametrize("how", ["said", "chunked"])
@pytest.mark.parametrize("path", ["callback", "/parameters/"])
def test_a_body_over_the_limit_is_refused_before_django_sees_it(loop, site, make_task, path, how):
    limit = settings.FORM_BODY_MAX
    if path == "callback":
        path, limit = callback_path(make_task()), settings.CALLBACK_BODY_MAX
    headers = {"content-length": str(limit + 1)} if how == "said" else {}
    half = b"x" * (limit // 2 + 1)
    answer = request(loop, site, path, "POST", headers=headers, chunks=[half, half])
    assert (answer.status, answer.is_complete) == (413, True)
    assert answer.headers["connection"] == "close"
    assert CallbackDelivery.objects.count() == 0


def test_a_callback_of_exactly_the_limit_is_taken(loop, site, make_task):
    body = b"x" * settings.CALLBACK_BODY_MAX
    answer = request(loop, site, callback_path(make_task()), "POST", chunks=[body])
    assert answer.status == 200
    assert CallbackDelivery.objects.get().body_size == len(body)


def receive_of(*messages):
    waiting = list(messages)

    async def receive():
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop(0)

    return receive


def test_a_body_that_does_not_come_in_time_is_too_slow():
    receive = receive_of({"type": "http.request", "body": b"a", "more_body": True})
    with pytest.raises(BodyTooSlow):
        asyncio.run(read_body(scope_of("/"), receive, limit=10, seconds=0.01))


def test_a_client_that_leaves_amid_its_body_is_not_answered():
    receive = receive_of(
        {"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.disconnect"}
    )
    with pytest.raises(Disconnected):
        asyncio.run(read_body(scope_of("/"), receive, limit=10))


@pytest.mark.parametrize("length", ["11", "-1", "1e1", "", "9" * 5000])
def test_a_content_length_too_large_or_not_a_number_is_refused_at_once(length):
    scope = scope_of("/", headers={"content-length": length})
    with pytest.raises(BodyTooLarge):
        asyncio.run(read_body(scope, receive_of(), limit=10))


def test_django_is_told_the_true_length_of_a_body():
    scope = scope_of("/", headers={"transfer-encoding": "chunked", "accept": "*/*"})
    headers = dict(with_body(scope, b"four", receive_of())[0]["headers"])
    assert headers == {b"host": b"127.0.0.1", b"accept": b"*/*", b"content-length": b"4"}
    assert b"content-length" not in dict(with_body(scope_of("/"), b"", receive_of())[0]["headers"])


# --- Headers --------------------------------------------------------------------------------------

FORGED = {
    "x_forwarded_proto": "https",
    "x-forwarded-proto": "https",
    "x-forwarded-for": "6.6.6.6, 10.0.0.9",
    "x-forwarded-host": "evil.example",
    "forwarded": "for=6.6.6.6",
    "x-real-ip": "6.6.6.6",
    "accept": "*/*",
}


def test_without_proxies_nobody_may_speak_for_the_client():
    scope = believed(scope_of("/", headers=FORGED), trusted_proxies=0)
    assert dict(scope["headers"]) == {b"host": b"127.0.0.1", b"accept": b"*/*"}
    assert scope["client"] == ("127.0.0.1", 50_000)


@pytest.mark.parametrize(("proxies", "client"), [(1, "10.0.0.9"), (2, "6.6.6.6"), (3, "127.0.0.1")])
def test_with_proxies_the_address_is_the_one_that_the_outermost_has_seen(proxies, client):
    scope = believed(scope_of("/", headers=FORGED), trusted_proxies=proxies)
    assert scope["client"][0] == client
    assert dict(scope["headers"])[b"x-forwarded-proto"] == b"https"


def test_header_names_with_underscores_are_dropped_always():
    scope = believed(scope_of("/", headers=FORGED), trusted_proxies=1)
    assert b"x_forwarded_proto" not in dict(scope["headers"])


# --- Pools ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/", True),
        ("POST", "/quote/", True),
        ("POST", "/compare/", True),
        ("POST", "/tasks/7b0d1b9c-5f0e-4d3e-9d35-3c2a56d1a111/check/", True),
        ("POST", "/admin/midsync_portal/task/", True),
        ("GET", "/", False),
        ("GET", "/quote/", False),
        ("GET", "/tasks/export/", True),
        ("GET", "/tasks/totals/", True),
        ("GET", "/tasks/", False),
        ("GET", "/compare/", False),
        ("POST", "/parameters/", False),
        ("POST", "/callbacks/7b0d1b9c-5f0e-4d3e-9d35-3c2a56d1a111/t/", False),
        ("POST", "/accounts/login/", False),
    ],
)
def test_what_waits_for_midsync_has_threads_of_its_own(method, path, expected):
    assert takes_long(method, path) is expected


def test_pages_go_on_while_every_call_to_midsync_hangs(loop):
    released, hanging = threading.Event(), threading.Semaphore(0)

    def app(environ, start_response):
        if environ["REQUEST_METHOD"] == "POST":
            hanging.release()
            released.wait(PATIENCE)
        start_response("200 OK", [])
        return [b"page"]

    site = make_site(loop, app)
    answers = [Answer() for _ in range(100)]
    posts = [
        loop.start(
            site(scope_of("/quote/", "POST"), receive_of({"type": "http.request"}), answer.send)
        )
        for answer in answers
    ]
    assert hanging.acquire(timeout=PATIENCE)
    assert request(loop, site, "/").body == b"page"
    released.set()
    for post in posts:
        post.result(PATIENCE)
    assert {answer.status for answer in answers} == {200}
    loop.run(site.finish())


def test_a_slow_reader_holds_no_thread(loop):
    def app(environ, start_response):
        start_response("200 OK", [])
        yield from [b"x" * 100_000] * 50

    pool = Pool(app, threads=1)
    reads, body = asyncio.Event(), []

    async def slow_send(message) -> None:
        await reads.wait()
        body.append(message.get("body", b""))

    slow = loop.start(pool(scope_of("/"), receive_of({"type": "http.request"}), slow_send))
    assert len(request(loop, pool, "/").body) == 5_000_000
    assert not slow.done()
    loop.call(reads.set)
    slow.result(PATIENCE)
    assert len(b"".join(body)) == 5_000_000
    pool.finish()


class Made:
    """An answer as Django's that is made while it is sent."""

    streaming = True

    def __init__(self, pieces) -> None:
        self._pieces = pieces
        self.is_closed = threading.Event()

    def __iter__(self):
        return iter(self._pieces)

    def close(self) -> None:
        self.is_closed.set()


def streaming_site(loop: Loop, made: Made) -> Site:
    """A site with one thread for what takes long; `/tasks/export/` is made while it is sent."""

    def app(environ, start_response):
        start_response("200 OK", [("content-type", "text/csv")])
        return made if environ["PATH_INFO"] == "/tasks/export/" else [b"totals"]

    async def make() -> Site:
        site = Site(app)
        site.upstream = Pool(app, 1, partial(site.sender, "export", None))
        return site

    return loop.run(make())


def test_an_export_is_sent_while_it_is_made_and_holds_no_thread(loop):
    second, came = threading.Event(), threading.Event()

    def pieces():
        yield b"one,"
        yield b""
        assert second.wait(PATIENCE)
        yield b"two"

    made = Made(pieces())
    site = streaming_site(loop, made)
    answer = Answer()

    async def send(message) -> None:
        await answer.send(message)
        if message.get("body"):
            came.set()

    receive = receive_of({"type": "http.request"})
    sending = loop.start(site(scope_of("/tasks/export/"), receive, send))
    assert came.wait(PATIENCE)
    assert answer.body == b"one,"
    assert request(loop, site, "/tasks/totals/").body == b"totals"
    assert not made.is_closed.is_set()
    second.set()
    sending.result(PATIENCE)
    assert answer.status == 200
    assert answer.body == b"one,two"
    assert made.is_closed.wait(PATIENCE)
    loop.run(site.finish())


def test_an_export_of_tasks_comes_whole(loop, site, client, ana, make_task, monkeypatch):
    monkeypatch.setattr(export, "BATCH", 2)
    tasks = [make_task() for _ in range(5)]
    client.force_login(ana)
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    answer = Answer()
    scope = scope_of("/tasks/export/", headers={"cookie": cookie})
    loop.start(site(scope, receive_of({"type": "http.request"}), answer.send)).result(PATIENCE)
    assert answer.is_complete
    lines = answer.body.decode().splitlines()
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert [line[1:37] for line in lines[1:]] == [str(task.public_id) for task in tasks[::-1]]


def test_an_export_that_nobody_reads_any_more_is_not_made_to_its_end(loop):
    asked = []

    def pieces():
        for number in range(1_000_000):
            asked.append(number)
            yield b"x"

    made = Made(pieces())
    site = streaming_site(loop, made)
    receive = receive_of({"type": "http.request"}, {"type": "http.disconnect"})
    loop.start(site(scope_of("/tasks/export/"), receive, Answer().send)).result(PATIENCE)
    assert made.is_closed.wait(PATIENCE)
    assert len(asked) < 10
    loop.run(site.finish())


def test_a_request_that_is_cancelled_leaves_its_thread_free(loop):
    started, go_on = threading.Event(), threading.Event()

    def app(environ, start_response):
        started.set()
        go_on.wait(PATIENCE)
        start_response("200 OK", [])
        return [b"done"]

    pool = Pool(app, threads=1)
    first = loop.start(pool(scope_of("/"), receive_of({"type": "http.request"}), Answer().send))
    assert started.wait(PATIENCE)
    first.cancel()
    go_on.set()
    assert request(loop, pool, "/").body == b"done"
    pool.finish()


# --- bin/web --------------------------------------------------------------------------------------


def web(tmp_path: Path, **env: str) -> subprocess.CompletedProcess:
    """Run bin/web where it has to refuse."""
    whole = {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": settings.SECRET_KEY,
        "PORTAL_URL": "http://127.0.0.1:8000",
        "MIDSYNC_BASE_URL": "http://127.0.0.1:8900",
        "MIDSYNC_API_KEY": "a-key-of-the-tests",
        "CALLBACK_SIGNING_KEYS": "a-key-of-the-tests",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'portal.sqlite3'}",
        "STATIC_ROOT": str(tmp_path / "static"),
    }
    return subprocess.run(
        [sys.executable, "-m", "midsync_portal.serving"],
        env={name: value for name, value in (whole | env).items() if value},
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"PORT": "http"}, "PORT must be a whole number, not 'http'."),
        ({"PORT": "70000"}, "PORT must be at most 65535, not 70000."),
        ({"WEB_CONCURRENCY": "0"}, "WEB_CONCURRENCY must be at least 1, not 0."),
        ({"SECRET_KEY": ""}, "SECRET_KEY is missing: set it in the environment or in .env."),
        ({}, "the database is not up to date: run manage.py migrate first."),
    ],
)
def test_the_server_says_in_one_sentence_why_it_cannot_start(tmp_path, env, sentence):
    done = web(tmp_path, **env)
    assert done.returncode == 1
    assert done.stderr == f"bin/web: {sentence}\n"


def test_static_files_are_collected_again_when_one_is_missing_or_newer(tmp_path, settings):
    source, root = tmp_path / "source", tmp_path / "root"
    source.mkdir()
    root.mkdir()
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATICFILES_DIRS = [source]
    (source / "a.css").write_text("a {}")
    assert static_files_are_stale(root)
    manifest = root / "staticfiles.json"
    manifest.write_text('{"paths": {"a.css": "a.1.css"}}')
    os.utime(source / "a.css", (1_000, 1_000))
    assert not static_files_are_stale(root)
    (source / "b.css").write_text("b {}")
    assert static_files_are_stale(root)
    manifest.write_text('{"paths": {"a.css": "a.1.css", "b.css": "b.1.css"}}')
    os.utime(source / "b.css", (1_000, 1_000))
    assert not static_files_are_stale(root)
    os.utime(source / "a.css", (2**32, 2**32))
    assert static_files_are_stale(root)
