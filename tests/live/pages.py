"""Open pages that follow rows through everything: they reconnect, and know the last they saw."""

import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterable

ROW = re.compile(rb'data-task="([0-9a-f-]{36})" data-status="([a-z]+)"')
PAUSE = 0.1  # seconds until a page connects anew


class WatchingPage(threading.Thread):
    """A page with a stream of these rows; `last` is what it shows."""

    def __init__(self, port: int, cookie: str, tasks: Iterable[str], pause: float = PAUSE) -> None:
        super().__init__(daemon=True)
        self.last: dict[str, str] = {}
        self.connects = 0
        self._pause = pause
        self._address = ("127.0.0.1", port)
        self._request = (
            f"GET /stream/?rows={','.join(tasks)} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Cookie: {cookie}\r\n\r\n"
        ).encode()
        self._line: socket.socket | None = None
        self._is_closed = threading.Event()
        self.start()

    def run(self) -> None:
        """Read; after an end connect anew, as a browser does."""
        while not self._is_closed.is_set():
            with contextlib.suppress(OSError):
                self._read()
            self._is_closed.wait(self._pause)

    def _read(self) -> None:
        with socket.create_connection(self._address, timeout=30) as self._line:
            self._line.sendall(self._request)
            unread = b""
            while came := self._line.recv(65_536):
                if not unread and b" 200 " in came.partition(b"\r\n")[0]:
                    self.connects += 1
                unread += came
                whole, mark, unread = unread.rpartition(b"</li>")
                for task, status in ROW.findall(whole + mark):
                    self.last[task.decode()] = status.decode()
                unread = unread or b" "

    def drop(self) -> None:
        """Cut the line."""
        if self._line is not None:
            try:
                self._line.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it is just connecting

    def close(self) -> None:
        """Close the page."""
        self._is_closed.set()
        self.drop()
        self.join(5)


def wait_until(what: str, is_so, patience: float = 20) -> None:
    """Return as soon as it is so."""
    deadline = time.monotonic() + patience
    pause = threading.Event()
    while not is_so():
        assert time.monotonic() < deadline, f"it did not come about that {what}"
        pause.wait(0.02)


def lost(pages: list[WatchingPage], tasks: list[str], status: str = "succeeded") -> list[str]:
    """Which rows show something else, on which page."""
    return [
        f"page {number} shows {page.last.get(task)} for {task}"
        for number, page in enumerate(pages)
        for task in tasks
        if page.last.get(task) != status
    ]
