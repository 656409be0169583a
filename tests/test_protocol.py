"""uvicorn's protocol as we run it: slow headers, dead peers, pieces written at once."""

import asyncio
import http.client
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from midsync_portal.serving import protocol
from tests.serving import PATIENCE, Loop

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def loop():
    loop = Loop()
    yield loop
    loop.close()


@contextmanager
def served(loop: Loop, app) -> Iterator[int]:
    """A server with our protocol in front of this application; the port."""

    async def start() -> asyncio.Server:
        config = Config(app, http=protocol.PatientProtocol, log_config=None, access_log=False)
        config.load()
        state = ServerState()
        return await asyncio.get_running_loop().create_server(
            lambda: protocol.PatientProtocol(config, state, {}), "127.0.0.1", 0
        )

    server = loop.run(start())
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call(server.close)


async def hello(scope, receive, send) -> None:
    headers = [(b"content-length", b"5")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})


@pytest.fixture
def port(loop):
    """A server that says hello."""
    with served(loop, hello) as port:
        yield port


def test_slow_headers_are_cut_off(monkeypatch, port):
    monkeypatch.setattr(protocol, "REQUEST_SECONDS", 0.05)
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        client.sendall(REQUEST[:10])
        assert client.recv(100) == b""


def test_slow_headers_of_a_second_request_are_cut_off_too(monkeypatch, port):
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        client.sendall(REQUEST)
        answer = b""
        while not answer.endswith(b"hello"):
            answer += client.recv(1000)
        monkeypatch.setattr(protocol, "REQUEST_SECONDS", 0.05)
        client.sendall(REQUEST[:10])
        assert client.recv(100) == b""


def test_requests_one_after_the_other_are_answered_on_one_connection(port):
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        for _ in range(3):
            client.sendall(REQUEST)
            answer = b""
            while not answer.endswith(b"hello"):
                answer += client.recv(1000)
            assert answer.startswith(b"HTTP/1.1 200")


def test_who_connects_while_the_process_ends_is_cut_off(monkeypatch, port):
    monkeypatch.setattr(protocol.PatientProtocol, "is_ending", True)
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        try:
            came = client.recv(100)
        except ConnectionResetError:
            came = b""
        assert came == b""


# --- Pieces written at once -----------------------------------------------------------------------


def pieces(wrote: list[bool], line: list):
    """An application that streams: some pieces by ASGI's words, some at once."""

    async def app(scope, receive, send) -> None:
        write = scope["state"]["write"]
        line[:] = [write]
        wrote.append(write(b"too early"))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one,", "more_body": True})
        wrote.append(write(b"two,"))
        await send({"type": "http.response.body", "body": b"three,", "more_body": True})
        wrote.append(write("四,".encode()))
        await send({"type": "http.response.body", "body": b"five"})
        wrote.append(write(b"too late"))

    return app


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_pieces_written_at_once_come_in_their_place(loop, version):
    wrote: list[bool] = []
    with served(loop, pieces(wrote, [])) as port:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        client._http_vsn_str = f"HTTP/{version}"
        client.request("GET", "/")
        answer = client.getresponse()
        assert bool(answer.chunked) == (version == "1.1")
        assert answer.read().decode() == "one,two,three,四,five"
        client.close()
    assert wrote == [False, True, True, False]


def test_an_answer_cannot_write_into_the_next_one_of_its_connection(loop):
    line: list = []
    with served(loop, pieces([], line)) as port:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        for _ in range(2):
            client.request("GET", "/")
            first = line[0] if line else None
            assert client.getresponse().read().decode() == "one,two,three,四,five"
        assert first is not None
        assert first is not line[0]
        assert first(b"into the second") is False
        client.close()


def test_a_peer_that_does_not_read_is_not_written_to_for_ever(loop):
    wrote: list[bool] = []

    async def app(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while scope["state"]["write"](b"x" * 65_536):
            wrote.append(True)
        scope["state"]["abort"]()

    with (
        served(loop, app) as port,
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client,
    ):
        client.sendall(REQUEST)
        client.settimeout(PATIENCE)
        try:
            while client.recv(1_000_000):
                pass
        except ConnectionResetError:
            pass
    assert 0 < len(wrote) < 1000
