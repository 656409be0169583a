"""A line between a client and a port of this machine: whole, cut, or faulty in one of many ways.

One serves both the browser (its line to the portal is cut and repaired) and the portal's own
client of MidSync (which must say of every fault whether anything was sent).
"""

import contextlib
import socket
import struct
import threading
from enum import Enum, auto
from types import TracebackType

SO_LINGER_RESET = struct.pack("ii", 1, 0)
DRIP_SECONDS = 0.02
CUT_AFTER = 40  # bytes of the answer
WAITING_MAX = 3  # connections that fill a backlog of none


class Fault(Enum):
    """What the line does to connections made from now on."""

    NONE = auto()
    CUT = auto()  # accepts and closes: nobody is there behind it
    REFUSED = auto()  # nobody listens
    CONNECT_HANG = auto()  # listens, but its backlog is full: a connection is never made
    STALL = auto()  # accepts, and says and reads nothing
    RESET_BEFORE = auto()  # reset before a byte was passed on
    RESET_AFTER = auto()  # the request is passed on; reset when its answer begins
    CUT_ANSWER = auto()  # closed after the first bytes of the answer
    DRIP = auto()  # the answer comes byte by byte
    HALF_OPEN = auto()  # the request is passed on; the answer is lost, and nobody says so
    DELAY = auto()  # the answer comes whole when `release` is called


class Line:
    """Passes bytes on from its own port to a port of this machine; a context manager.

    `connections` counts those that were accepted, `sent` the bytes that were passed on towards
    the target, `dripped` the bytes of an answer that came one by one.
    """

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._open: set[socket.socket] = set()
        self._streams: set[socket.socket] = set()  # both ends of a stream's connection
        self._dead: set[socket.socket] = set()
        self._forgotten: set[socket.socket] = set()
        self._waiting: list[socket.socket] = []
        self._fault = Fault.NONE
        self._released = threading.Event()
        self._over = threading.Event()
        self.connections = self.sent = self.dripped = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "Line":
        self._listen()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._released.set()
        self._stop_listening()
        self.cut()

    def cut(self) -> None:
        """End every connection; new ones get no further either."""
        self._fault = Fault.CUT
        for end in list(self._open):
            self._close(end)

    def go_dead(self) -> None:
        """Let every stream stay open and carry nothing any more; new connections work.

        Those that wait for a next request are ended, as a browser does itself when the machine
        goes to sleep.
        """
        self._dead |= self._streams & self._open
        for end in self._open - self._dead:
            self._close(end)

    def forget(self) -> None:
        """Reset each connection that is open as soon as something is sent on it, as a balancer
        does with one that it does not know any more; new connections work.
        """
        self._forgotten |= self._open

    def repair(self) -> None:
        """Pass on again."""
        self.spoil(Fault.NONE)

    def spoil(self, fault: Fault) -> None:
        """Do this to new connections."""
        gone = (Fault.REFUSED, Fault.CONNECT_HANG)
        if self._fault in gone or fault in gone:
            self._stop_listening()
        self._fault = fault
        if fault is Fault.CONNECT_HANG:
            self._fill_the_backlog()
        elif fault is not Fault.REFUSED and self._server.fileno() < 0:
            self._server = socket.create_server(("127.0.0.1", self.port))
            self._listen()

    def release(self) -> None:
        """Let delayed answers come."""
        self._released.set()

    def _listen(self) -> None:
        threading.Thread(target=self._accept, args=[self._server], daemon=True).start()

    def _stop_listening(self) -> None:
        for end in (self._server, *self._waiting):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._waiting.clear()

    def _fill_the_backlog(self) -> None:
        self._server = socket.create_server(("127.0.0.1", self.port), backlog=0)
        for _ in range(WAITING_MAX):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", self.port))
            self._waiting.append(waiting)

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                near, _ = server.accept()
            except OSError:
                return
            self.connections += 1
            match self._fault:
                case Fault.CUT:
                    near.close()
                case Fault.RESET_BEFORE:
                    threading.Thread(target=self._reset_before, args=[near], daemon=True).start()
                case Fault.STALL:
                    self._open.add(near)
                case _:
                    self._connect(near)

    def _reset_before(self, near: socket.socket) -> None:
        """Reset when the request begins: sooner, the connection itself might fail."""
        with near, contextlib.suppress(OSError):
            near.recv(1, socket.MSG_PEEK)
            near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, SO_LINGER_RESET)

    def _connect(self, near: socket.socket) -> None:
        far = socket.create_connection(self._target)
        self._open |= {near, far}
        threading.Thread(target=self._pass_on, args=(near, far), daemon=True).start()
        threading.Thread(target=self._pass_back, args=(far, near), daemon=True).start()

    def _pass_on(self, near: socket.socket, far: socket.socket) -> None:
        fault = self._fault
        with contextlib.suppress(OSError):
            while data := near.recv(65_536):
                if near in self._forgotten:
                    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, SO_LINGER_RESET)
                    self._open.discard(near)
                    near.close()  # without a farewell: RST
                    break
                if data.startswith(b"GET "):
                    is_stream = data.startswith(b"GET /stream/")
                    change = set.update if is_stream else set.difference_update
                    change(self._streams, {near, far})
                if near not in self._dead:
                    self.sent += len(data)
                    far.sendall(data)
        if fault is not Fault.RESET_AFTER:  # closing it would say a farewell
            self._close(near)
        self._close(far)

    def _pass_back(self, far: socket.socket, near: socket.socket) -> None:
        fault = self._fault
        with contextlib.suppress(OSError):
            while data := far.recv(65_536):
                if fault is Fault.DELAY:
                    self._released.wait()
                if fault is Fault.RESET_AFTER:
                    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, SO_LINGER_RESET)
                    break
                if fault is Fault.CUT_ANSWER:
                    near.sendall(data[:CUT_AFTER])
                    break
                if fault is Fault.DRIP:
                    self._drip(near, data)
                elif fault is not Fault.HALF_OPEN and far not in self._dead:
                    near.sendall(data)
            else:
                if fault is Fault.HALF_OPEN:
                    return
        if fault is Fault.RESET_AFTER:
            self._open.discard(near)
            near.shutdown(socket.SHUT_RD)  # nobody else holds it any more
            near.close()  # without a farewell: RST
        else:
            self._close(near)
        self._close(far)

    def _drip(self, near: socket.socket, data: bytes) -> None:
        for byte in data:
            if self._over.wait(DRIP_SECONDS):
                return
            near.sendall(bytes([byte]))
            self.dripped += 1

    def _close(self, end: socket.socket) -> None:
        self._open.discard(end)
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
