"""The wire to the hosts on which results lie, scripted: what a name leads to, what is answered."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.dialects.clip import clip

# The simulator's, which the tests' settings trust: no TLS there.
ORIGIN = "http://127.0.0.1:8900"
VIDEO, COVER = f"{ORIGIN}/media/v.webm", f"{ORIGIN}/media/v.jpg"
CERTIFICATE = Path(__file__).with_name("media_example_com.pem")  # for media.example.com, key too

Script = bytes | Iterable[bytes] | Callable[[], Iterable[bytes]]


def http(body: bytes = b"", status: str = "200 OK", **headers: Any) -> bytes:
    """An answer with its length; a header of None is left out, underscores become hyphens."""
    named = {"Content_Type": "video/webm", "Content_Length": len(body)} | headers
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in named.items() if value]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode() + body


class ResultHost:
    """Every socket that the guard opens ends here. `paths` says what a path is answered.

    `names` says what a name resolves to, each time anew; `dialled` where sockets were opened to.
    """

    def __init__(self, monkeypatch: Any) -> None:
        self.paths: dict[str, Script] = {"/media/v.webm": http(clip())}
        self.names: dict[str, list[list[str]]] = {"127.0.0.1": [["127.0.0.1"]]}
        self.dialled: list[tuple[str, int]] = []
        self.requests: list[bytes] = []
        self.tls: ssl.SSLContext | None = None
        self._threads: list[threading.Thread] = []
        monkeypatch.setattr("midsync_portal.videos.guard.resolve", self._resolve)
        monkeypatch.setattr("midsync_portal.videos.guard.dial", self._dial)

    def speak_tls(self) -> None:
        """Answer with the certificate of media.example.com from now on."""
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(CERTIFICATE)

    def asked(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [request.split()[1].decode() for request in self.requests]

    def finish(self) -> None:
        """Wait until every conversation is over."""
        for thread in self._threads:
            thread.join(10)

    def _resolve(self, host: str, port: int) -> list[str]:
        answers = self.names.get(host)
        if not answers:
            raise socket.gaierror(f"no such name: {host}")
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def _dial(self, address: str, port: int, seconds: float) -> socket.socket:
        self.dialled.append((address, port))
        ours, theirs = socket.socketpair()
        thread = threading.Thread(target=self._serve, args=(theirs,), daemon=True)
        self._threads.append(thread)
        thread.start()
        return ours

    def _serve(self, line: socket.socket) -> None:
        line.settimeout(10)
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(line.close)
            if self.tls:
                line = self.tls.wrap_socket(line, server_side=True)
                stack.callback(line.close)
            request = b""
            while b"\r\n\r\n" not in request:
                came = line.recv(65536)
                if not came:
                    return
                request += came
            self.requests.append(request)
            script = self.paths.get(request.split()[1].decode(), http(status="404 Not Found"))
            if callable(script):
                script = script()
            for piece in [script] if isinstance(script, bytes) else script:
                line.sendall(piece)
