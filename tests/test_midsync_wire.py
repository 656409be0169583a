"""The client of MidSync on a real wire: a TCP server on this machine that misbehaves.

Timeouts are fractions of a second; a test that would wait longer has found a flaw.
"""

import gzip
import socket
import ssl
import struct
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from midsync_portal.midsync import errors
from midsync_portal.midsync.client import MidSyncClient

KEY = "canary-key-of-this-test"
BODY = {"model": "kling-2.5-turbo", "prompt": "a very private cat", "duration": 5}
ACCEPTED = (Path(__file__).parent / "payloads" / "generate-midsync.json").read_bytes()
SHORT = 0.3  # seconds
DROPS = 400  # of an answer that drips, one every 20 ms

# Nobody's key: made for this test, so that there is a certificate to refuse.
SELF_SIGNED = """-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgCrNdhkLVZRMeIdB1
eH9bL0A1JVSXMqY2hqt3Hbkq4nahRANCAAQM6ZgMJfnIz8qAcvzOCjUlDyWJG4CP
+NTJ41mTvzzfnf9R393gT2AOt1wRi/tnuBrhDJ6KeY3UqfLNqV4oD92m
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUMVn+21Op7Ls7YtXwyDo3hl8mT1AwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzA4NDcyM1oYDzIxMjYxMDMw
MDg0NzIzWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQM6ZgMJfnIz8qAcvzOCjUlDyWJG4CP+NTJ41mTvzzfnf9R393gT2AO
t1wRi/tnuBrhDJ6KeY3UqfLNqV4oD92mo28wbTAdBgNVHQ4EFgQUUGCKLq5JF/ya
Tf9VuZpAbPlrskMwHwYDVR0jBBgwFoAUUGCKLq5JF/yaTf9VuZpAbPlrskMwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIhAJo140c7hOtNO8B8HcEQjADSIkYGO3m3qyysDB/Si6vZAiAj
mN1KSGSOGH6BHUi+a7kYm7oJlAQE4EuIoRk9mr76JQ==
-----END CERTIFICATE-----
"""


class Server:
    """A TCP server on this machine: `answer` gets each connection; requests are counted."""

    def __init__(self, answer: Callable[[socket.socket, "Server"], None]) -> None:
        self.answer = answer
        self.requests = 0
        self.open: list[socket.socket] = []
        self.drops = 0
        self.over = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.threads: list[threading.Thread] = []
        self.threads.append(threading.Thread(target=self._accept, daemon=True))
        self.threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(connection)
            connection.settimeout(5)
            self.threads.append(
                threading.Thread(target=self._serve, args=[connection], daemon=True)
            )
            self.threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            self.answer(connection, self)

    def read_request(self, connection: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            chunk = connection.recv(65536)
            if not chunk:
                return data
            data += chunk
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (
                int(line[15:])
                for line in head.split(b"\r\n")
                if line.lower()[:15] == b"content-length:"
            ),
            0,
        )
        while len(body) < length:
            body += connection.recv(65536)
        self.requests += 1
        return head

    def close(self) -> None:
        self.over.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
        for thread in self.threads:
            thread.join(10)


@contextmanager
def serving(answer: Callable[[socket.socket, Server], None]) -> Iterator[Server]:
    server = Server(answer)
    try:
        yield server
    finally:
        server.close()


def real_client(url: str, **options: object) -> MidSyncClient:
    options = {"connect_timeout": 2, "read_timeout": 5, "generate_timeout": 5} | options
    return MidSyncClient(url, KEY, **options)


def reply(body: bytes, status: str = "200 OK", *headers: str, length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


def answering(data: bytes) -> Callable[[socket.socket, Server], None]:
    def serve(connection: socket.socket, server: Server) -> None:
        while server.read_request(connection):
            connection.sendall(data)

    return serve


def test_every_generate_opens_a_connection_of_its_own_and_reads_share_one():
    with serving(answering(reply(ACCEPTED))) as server:
        client = real_client(server.url)
        client.generate(BODY, "1")
        client.generate(BODY, "2")
        assert (len(server.open), server.requests) == (2, 2)
        client.quote(BODY)
        client.quote(BODY)
        assert (len(server.open), server.requests) == (3, 4)


@pytest.mark.parametrize("status", ["301", "302", "303", "307", "308"])
def test_a_redirect_is_not_followed_and_nothing_is_posted_twice(status):
    location = "Location: /unified-video/generate"
    with serving(answering(reply(b"moved", f"{status} Moved", location))) as server:
        with pytest.raises(errors.MidSyncUnavailable):
            real_client(server.url).generate(BODY, "1")
        assert server.requests == 1


def test_a_refused_connection_is_proof_that_nothing_was_sent():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(errors.MidSyncNotSent):
        real_client(f"http://127.0.0.1:{port}").generate(BODY, "1")


def test_an_unknown_name_is_proof_that_nothing_was_sent(monkeypatch):
    def no_name(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_name)
    with pytest.raises(errors.MidSyncNotSent):
        real_client("http://midsync.test").generate(BODY, "1")


def test_a_refused_certificate_is_proof_that_nothing_was_sent(tmp_path):
    (tmp_path / "both.pem").write_text(SELF_SIGNED)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")

    def serve(connection: socket.socket, server: Server) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            server.read_request(secure)

    with serving(serve) as server:
        with pytest.raises(errors.MidSyncNotSent):
            real_client(server.url.replace("http:", "https:")).generate(BODY, "1")
        assert server.requests == 0


def test_a_stalled_tls_handshake_leaves_the_outcome_unknown():
    with serving(lambda connection, server: server.over.wait(5)) as server:
        client = real_client(server.url.replace("http:", "https:"), connect_timeout=SHORT)
        with pytest.raises(errors.MidSyncUnavailable):
            client.generate(BODY, "1")


def test_a_broken_tls_handshake_leaves_the_outcome_unknown():
    def serve(connection: socket.socket, server: Server) -> None:
        connection.sendall(b"not TLS\r\n" * 9)

    with serving(serve) as server, pytest.raises(errors.MidSyncUnavailable):
        real_client(server.url.replace("http:", "https:")).generate(BODY, "1")


def reset(connection: socket.socket, server: Server) -> None:
    server.read_request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def cut_without_answer(connection: socket.socket, server: Server) -> None:
    server.read_request(connection)


def cut_in_the_body(connection: socket.socket, server: Server) -> None:
    server.read_request(connection)
    connection.sendall(reply(ACCEPTED[:-30], length=len(ACCEPTED)))


def cut_in_the_headers(connection: socket.socket, server: Server) -> None:
    server.read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")


def cut_in_a_chunk(connection: socket.socket, server: Server) -> None:
    server.read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{")


def no_http(connection: socket.socket, server: Server) -> None:
    server.read_request(connection)
    connection.sendall(b"hello\r\n\r\n")


@pytest.mark.parametrize(
    "fault",
    [reset, cut_without_answer, cut_in_the_body, cut_in_the_headers, cut_in_a_chunk, no_http],
)
def test_a_connection_lost_after_the_request_leaves_the_outcome_unknown(fault):
    with serving(fault) as server:
        with pytest.raises(errors.MidSyncUnavailable):
            real_client(server.url).generate(BODY, "1")
        assert server.requests == 1


def dripping(head: bytes, drop: bytes) -> Callable[[socket.socket, Server], None]:
    def serve(connection: socket.socket, server: Server) -> None:
        server.read_request(connection)
        connection.sendall(head)
        for _ in range(DROPS):
            if server.over.wait(0.02):
                return
            server.drops += 1
            connection.sendall(drop)

    return serve


DRIPS = {
    "nothing at all": (b"", b""),
    "the status line": (b"", b"H"),
    "endless 100": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "the headers": (b"HTTP/1.1 200 OK\r\nX-Drip: ", b"x"),
    "the body": (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" "),
    "a chunk size": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "a redirect": (b"HTTP/1.1 307 X\r\nLocation: /\r\nContent-Length: 9999\r\n\r\n", b" "),
}


@pytest.mark.parametrize(("head", "drop"), DRIPS.values(), ids=DRIPS.keys())
def test_an_answer_that_drips_ends_at_the_total_deadline(head, drop):
    with serving(dripping(head, drop)) as server:
        client = real_client(server.url, generate_timeout=SHORT, read_timeout=SHORT)
        with pytest.raises(errors.MidSyncUnavailable):
            client.generate(BODY, "1")
        assert server.drops < DROPS, "the client waited until the answer ended by itself"
        server.drops = 0
        with pytest.raises(errors.MidSyncUnavailable):
            client.quote(BODY)
        assert server.drops < DROPS
        assert server.requests == 2


def test_a_slow_answer_within_the_deadline_is_read():
    def serve(connection: socket.socket, server: Server) -> None:
        server.read_request(connection)
        for byte in reply(ACCEPTED):
            connection.sendall(bytes([byte]))

    with serving(serve) as server:
        assert real_client(server.url).generate(BODY, "1").midsync_task_id == "ms-1"


def test_an_early_refusal_whose_body_is_lost_is_still_a_refusal():
    refused = reply(b"{", "422 Unprocessable", length=100)

    def serve(connection: socket.socket, server: Server) -> None:
        server.read_request(connection)
        connection.sendall(refused)

    with serving(serve) as server, pytest.raises(errors.InvalidRequest):
        real_client(server.url).generate(BODY, "1")
    refused = reply(b"{", "429 Slow down", length=100)
    with serving(serve) as server, pytest.raises(errors.MidSyncUnavailable):
        real_client(server.url).generate(BODY, "1")


def test_ten_megabytes_are_not_read():
    def serve(connection: socket.socket, server: Server) -> None:
        server.read_request(connection)
        connection.sendall(reply(b"", length=10_000_000))
        for _ in range(160):
            connection.sendall(b" " * 65536)

    with serving(serve) as server, pytest.raises(errors.MidSyncUnavailable) as caught:
        real_client(server.url).generate(BODY, "1")
    assert caught.value.detail == "too large"


def test_a_gzip_bomb_is_not_unpacked():
    bomb = gzip.compress(b" " * 50_000_000)
    with serving(answering(reply(bomb, "200 OK", "Content-Encoding: gzip"))) as server:
        client = real_client(server.url)
        tracemalloc.start()
        try:
            with pytest.raises(errors.MidSyncUnavailable) as caught:
                client.generate(BODY, "1")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert caught.value.detail == "too large"
    assert peak < 8_000_000


def test_a_packed_answer_is_read_though_none_is_asked_for():
    packed = reply(gzip.compress(ACCEPTED), "200 OK", "Content-Encoding: gzip")
    with serving(answering(packed)) as server:
        assert real_client(server.url).generate(BODY, "1").midsync_task_id == "ms-1"
    broken = reply(b"not gzip at all", "200 OK", "Content-Encoding: gzip")
    with serving(answering(broken)) as server, pytest.raises(errors.MidSyncUnavailable):
        real_client(server.url).generate(BODY, "1")
