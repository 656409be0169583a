"""Promise 1 against real processes: bin/web with two workers, twenty presses over sockets."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from midsync_portal.processes import (
    Process,
    end_all,
    free_port,
    wait_until_answers,
)
from tests.browser.portal import EMAIL, PASSWORD, ROOT, prepare_in
from tests.databases import DATABASES, new_database
from tests.pages import Page
from tests.prepared import static_files
from tests.serving import PATIENCE
from tests.wire import ACCEPTED

PRESSES = 20


@pytest.fixture
def midsync():
    """A stub that takes every order; it waits with its answer until all have pressed."""
    orders, pressed = [], threading.Event()

    class Stub(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path.endswith("/generate"):
                orders.append(body)
                pressed.wait(PATIENCE)
            raw = json.dumps(ACCEPTED).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *args):
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    server.daemon_threads = True
    server.orders, server.pressed = orders, pressed
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    pressed.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=DATABASES)
def database_url(request, tmp_path):
    """A database of its own."""
    with new_database(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def portal(tmp_path, midsync, database_url):
    """The address of bin/web with two workers, in which Ana can log in."""
    port = free_port()
    env = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "midsync_portal.settings",
        "SECRET_KEY": "a-key-of-the-tests-that-is-long-enough-for-the-checks-0123456789",
        "PORTAL_URL": f"http://127.0.0.1:{port}",
        "PORT": str(port),
        "WEB_CONCURRENCY": "2",
        "DATABASE_URL": database_url,
        "MIDSYNC_BASE_URL": f"http://127.0.0.1:{midsync.server_address[1]}",
        "MIDSYNC_API_KEY": "a-key-of-the-tests",
        "CALLBACK_SIGNING_KEYS": "a-key-of-the-tests",
        "STATIC_ROOT": str(static_files()),
        "MEDIA_ROOT": str(tmp_path / "media"),
        "PORTAL_PASSWORD": PASSWORD,
        "SUBMIT_WAIT": str(PATIENCE),
    }
    prepare_in(env)
    web = Process("web", ["bin/web"], env, tmp_path / "web.log", ROOT)
    try:
        wait_until_answers(env["PORTAL_URL"] + "/accounts/login/", [web])
        yield env["PORTAL_URL"]
    finally:
        end_all([web])


def test_promise_01_twenty_presses_over_sockets_at_two_processes_make_one_task(portal, midsync):
    with requests.Session() as ana:
        form = Page(ana.get(f"{portal}/accounts/login/").text).form("?")
        ana.post(f"{portal}/accounts/login/", form | {"login": EMAIL, "password": PASSWORD})
        form = Page(ana.get(f"{portal}/?model=kling-2.5-turbo").text).form()
        form |= {"prompt": ["a red fox"]}
        quoted = ana.post(f"{portal}/quote/", form).text
        form |= {
            "quote_key": [
                one["value"] for one in Page(quoted).elements if one.get("name") == "quote_key"
            ]
        }
        answers, left = [], threading.Semaphore(0)
        cookies = ana.cookies.get_dict()

    def press():
        try:
            answers.append(
                requests.post(
                    f"{portal}/",
                    data=form,
                    cookies=cookies,
                    allow_redirects=False,
                    timeout=3 * PATIENCE,
                )
            )
        finally:
            left.release()

    presses = [threading.Thread(target=press) for _ in range(PRESSES)]
    for thread in presses:
        thread.start()
    # All but the sender are answered while MidSync still thinks.
    for _ in range(PRESSES - 1):
        assert left.acquire(timeout=3 * PATIENCE)
    midsync.pressed.set()
    for thread in presses:
        thread.join()
    assert [answer.status_code for answer in answers] == [302] * PRESSES
    (place,) = {answer.headers["Location"] for answer in answers}
    assert place.startswith("/tasks/")
    assert len(midsync.orders) == 1
    assert midsync.orders[0]["callbackUrl"].startswith(f"{portal}/callbacks{place[6:]}")
