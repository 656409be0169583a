"""Faults on demand: each answer, status and callback that can go wrong, as its sentence says."""

import json
import socket
import threading
from collections.abc import Iterator

import pytest
import requests

from midsync_portal.simulator import faults, misdelivery
from midsync_portal.simulator.clock import ManualClock
from midsync_portal.simulator.delivery import HttpPost
from midsync_portal.simulator.engine import Simulator
from midsync_portal.simulator.scenarios import GROUPS, SENTENCES, Scenario
from midsync_portal.simulator.schedule import DAYS_LATE
from midsync_portal.simulator.server import Server
from midsync_portal.simulator.store import Store
from midsync_portal.simulator.studio import Studio
from midsync_portal.simulator.web import WsgiApp

from .conftest import BASE, CALLBACK, KEY, SETTINGS, World


def test_every_scenario_stands_in_one_group_and_on_the_page(world: World) -> None:
    assert sum(map(len, GROUPS.values())) == len(SENTENCES) == len(Scenario)
    page = world.get("/").text
    for title, group in GROUPS.items():
        assert f'<optgroup label="{title}">' in page
        for scenario in group:
            assert f"<code>[{scenario}]</code>" in page


# --- Generate -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("forbidden", 403),
        ("says-no", 200),
        ("http-400", 400),
        ("http-404", 404),
        ("http-405", 405),
        ("http-408", 408),
        ("http-409", 409),
        ("http-413", 413),
        ("http-415", 415),
    ],
)
def test_refused_in_words_without_a_charge(world: World, word: str, status: int) -> None:
    answer = world.generate(f"[{word}]")
    assert (answer.status_code, answer.json()["success"]) == (status, False)
    world.clock.advance(600)
    assert (world.charges(), world.mailbox.received) == ([], [])


def test_reset_does_nothing_at_all(world: World) -> None:
    with pytest.raises(requests.ConnectionError):
        world.generate("[reset]")
    assert world.charges() == []


def test_busy_gives_no_time_and_accepts_the_second_attempt(world: World) -> None:
    first = world.generate("[busy]")
    assert first.status_code == 429
    assert "Retry-After" not in first.headers
    assert world.generate("[busy]").status_code == 200
    assert world.charges() == [35]


@pytest.mark.parametrize(
    ("word", "status"),
    [("redirect", 307), ("not-json", 200), ("no-id", 200), ("refuse-charged", 422)],
)
def test_charged_but_the_answer_hides_it(world: World, word: str, status: int) -> None:
    url = f"{BASE}/unified-video/generate"
    answer = world.session.post(url, json=world.body(f"[{word}]"), allow_redirects=False)
    assert answer.status_code == status
    assert "taskId" not in answer.text
    assert world.charges() == [35]
    world.clock.advance(60)
    assert world.mailbox.statuses == ["completed"]


def test_who_follows_the_redirect_pays_twice(world: World) -> None:
    world.session.max_redirects = 1
    with pytest.raises(requests.TooManyRedirects):
        world.generate("[redirect]")
    assert world.charges() == [35, 35]


def test_a_charged_429_names_the_task(world: World) -> None:
    answer = world.generate("[busy-charged]")
    assert (answer.status_code, answer.json()["pointsCharged"]) == (429, 35)
    assert answer.json()["taskId"]


def test_reset_charged_charges_first(world: World) -> None:
    with pytest.raises(requests.ConnectionError):
        world.generate("[reset-charged]")
    assert world.charges() == [35]


def test_late_answer_comes_after_everybodys_deadline(world: World) -> None:
    assert world.generate("[late-answer]").status_code == 200
    assert world.pauses == [faults.LATE_SECONDS]


def test_huge_answer_is_json_of_ten_megabytes(world: World) -> None:
    answer = world.generate("[huge-answer]")
    assert len(answer.content) > faults.HUGE_BYTES
    assert answer.json()["taskId"]


def test_gzip_bomb_is_small_on_the_wire(world: World) -> None:
    body = world.body("[gzip-bomb]")
    url = f"{BASE}/unified-video/generate"
    with world.session.post(url, json=body, stream=True) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert len(answer.raw.read(decode_content=False)) < faults.BOMB_BYTES / 500


def test_key_revoked_refuses_everything_after_this_order(world: World) -> None:
    task_id = world.order("[key-revoked]")
    assert world.get(f"/unified-video/{task_id}/status").status_code == 401
    assert world.generate().status_code == 401
    world.clock.advance(60)
    assert world.mailbox.statuses == ["completed"]
    world.form("/simulator/settings", outage="none")
    assert world.status(task_id)["status"] == "completed"


# --- Status ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "said"), [("status-unknown-word", "percolating"), ("status-number", 42)]
)
def test_status_says_what_nobody_documented(world: World, word: str, said: object) -> None:
    task_id = world.order(f"[{word}]")
    world.clock.advance(60)
    assert world.status(task_id)["status"] == said
    assert "output" not in world.status(task_id)
    assert world.mailbox.statuses == ["completed"]


def test_status_404_twice_then_found(world: World) -> None:
    task_id = world.order("[status-404]")
    address = f"/unified-video/{task_id}/status"
    assert [world.get(address).status_code for _ in range(3)] == [404, 404, 200]


def test_status_fails_first_then_is_ready(world: World) -> None:
    task_id = world.order("[status-fails-first]")
    assert world.status(task_id)["status"] == "submitted"
    world.clock.advance(60)
    first = world.status(task_id)
    assert (first["status"], first["error"]["code"]) == ("failed", "content_rejected")
    assert world.status(task_id)["status"] == "completed"


def test_status_down_answers_500_while_callbacks_come(world: World) -> None:
    task_id = world.order("[status-down]")
    world.clock.advance(60)
    assert world.get(f"/unified-video/{task_id}/status").status_code == 500
    assert world.mailbox.statuses == ["completed"]


# --- When callbacks come --------------------------------------------------------------------------


@pytest.mark.parametrize(("word", "times"), [("twenty-at-once", 20), ("thousand", 1000)])
def test_the_same_bytes_come_many_times(world: World, word: str, times: int) -> None:
    world.order(f"[{word}]")
    world.clock.advance(60)
    assert len(world.mailbox.received) == times
    assert len({body for _, body, _ in world.mailbox.received}) == 1


@pytest.mark.parametrize(
    ("word", "statuses"),
    [
        ("reversed", ["completed", "processing", "submitted"]),
        ("fail-then-ready", ["failed", "completed"]),
        ("ready-then-fail", ["completed", "failed"]),
    ],
)
def test_messages_come_in_this_order(world: World, word: str, statuses: list[str]) -> None:
    world.order(f"[{word}]")
    world.clock.advance(60)
    assert world.mailbox.statuses == statuses


def test_days_late_calls_back_after_four_days(world: World) -> None:
    task_id = world.order("[days-late]")
    world.clock.advance(DAYS_LATE * 86_400)
    assert world.status(task_id)["status"] == "completed"
    assert world.mailbox.received == []
    world.clock.advance(60)
    assert world.mailbox.statuses == ["completed"]


# --- What callbacks carry -------------------------------------------------------------------------


def arrived(world: World, word: str, **more: object) -> tuple[str, bytes, dict[str, str]]:
    """The one callback of an order with this word: address, body, headers."""
    world.order(f"[{word}]", **more)
    world.clock.advance(60)
    [one] = world.mailbox.received
    return one


def test_bodies_are_spoiled_and_signed_as_they_are_sent(world: World) -> None:
    assert arrived(world, "empty-callback")[1] == b""


def test_brackets_and_two_megabytes_are_as_large_as_they_say(world: World) -> None:
    assert arrived(world, "deep-nesting")[1] == b"[" * misdelivery.BRACKETS
    world.mailbox.received.clear()
    body = arrived(world, "two-megabytes")[1]
    assert len(body) > misdelivery.LARGE_BYTES
    assert json.loads(body)["status"] == "completed"


@pytest.mark.parametrize(
    "word", ["utf-16", "surrogate", "nan", "duplicate-keys", "chunked", "wrong-type"]
)
def test_spoiled_bodies_still_hold_the_message(world: World, word: str) -> None:
    _, body, _ = arrived(world, word)
    assert json.loads(body)["status"] == "completed"


def test_what_spoils_them_is_in_them(world: World) -> None:
    def body(word: str) -> bytes:
        world.mailbox.received.clear()
        return arrived(world, word)[1]

    assert body("utf-16").startswith(b"\xff\xfe")
    assert rb"\ud800" in body("surrogate")
    assert b"NaN" in body("nan")
    assert rb"\u0000" in body("nul")
    assert body("nul").endswith(b"\0")
    assert b"9" * 5000 in body("long-number")
    assert body("duplicate-keys").count(b'"status"') == 2
    assert isinstance(json.loads(body("list")), list)


def test_wrong_type_and_chunked_are_said_in_headers(world: World) -> None:
    assert arrived(world, "wrong-type")[2]["Content-Type"] == "image/png"
    world.mailbox.received.clear()
    assert arrived(world, "chunked")[2]["Transfer-Encoding"] == "chunked"


def test_foreign_id_names_the_order_before(world: World) -> None:
    before = world.order("[silent]")
    _, body, _ = arrived(world, "foreign-id")
    assert json.loads(body)["taskId"] == before


def test_foreign_id_of_the_first_order_names_nobodys(world: World) -> None:
    _, body, _ = arrived(world, "foreign-id")
    assert json.loads(body)["taskId"] == misdelivery.NOBODY[0]


def test_bad_token_changes_the_address_and_nothing_else(world: World) -> None:
    url, body, _ = arrived(world, "bad-token")
    assert url != CALLBACK
    assert (len(url), url[:-2]) == (len(CALLBACK), CALLBACK[:-2])
    assert json.loads(body)["status"] == "completed"


# --- On real sockets ------------------------------------------------------------------------------


@pytest.fixture
def address(tmp_path) -> Iterator[str]:
    """A simulator behind its own server, in this process."""
    server = Server(("127.0.0.1", 0), lambda environ, start: [])
    store = Store()
    clock = ManualClock()
    simulator = Simulator(store, clock, HttpPost(), Studio(tmp_path, height=64), SETTINGS)
    server.app = WsgiApp(simulator)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.stop()
    thread.join()
    server.server_close()
    store.close()


@pytest.mark.parametrize("word", ["reset", "reset-charged"])
def test_a_reset_is_a_reset_on_the_wire(address: str, word: str) -> None:
    body = json.dumps({"model": "kling-2.5-turbo", "prompt": f"[{word}]", "duration": 5})
    port = int(address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(
            f"POST /unified-video/generate HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        with pytest.raises(ConnectionResetError):
            connection.recv(100)


def test_a_chunked_callback_has_no_length_on_the_wire() -> None:
    heads: list[bytes] = []

    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            data = b""
            while not data.endswith(b"0\r\n\r\n"):
                data += connection.recv(65536)
            heads.append(data)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    assert HttpPost()(url, b'{"status": "completed"}', {"Transfer-Encoding": "chunked"}) == 200
    thread.join()
    listener.close()
    head, _, chunks = heads[0].partition(b"\r\n\r\n")
    assert b"chunked" in head
    assert b"Content-Length" not in head
    assert chunks == b'a\r\n{"status":\r\nd\r\n "completed"}\r\n0\r\n\r\n'
