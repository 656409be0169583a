"""uvicorn's HTTP protocol with the limits that it lacks: slow headers, dead peers."""

import asyncio
import socket
from functools import partial

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

REQUEST_SECONDS = 15.0  # from the first byte awaited to the end of the headers
DEAD_PEER_MILLISECONDS = 60_000  # unacknowledged data: what the system takes for a dead line


class PatientProtocol(H11Protocol):
    """Patient, but not for ever; the name of the class is what `bin/web` gives to uvicorn.

    `scope["state"]` gets two things that ASGI has no words for: `abort` cuts the connection
    without waiting for its peer, `write` is `write_at_once` below.
    """

    # Of all connections: the process has been asked to end. Who connects between that and the
    # moment at which uvicorn closes its idle connections would be forgotten, and waited for.
    is_ending = False

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected: its request has to come."""
        super().connection_made(transport)
        if PatientProtocol.is_ending:
            transport.abort()
            return
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
            # asyncio forgets it for sockets that uvicorn's supervisor has bound: headers and body
            # are two writes, and the second would wait 40 ms for the first to be acknowledged.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                connection.setsockopt(
                    socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_PEER_MILLISECONDS
                )
        self._expect_request()

    def data_received(self, data: bytes) -> None:
        """Bytes of a request; the deadline ends with its headers."""
        before = self.cycle
        if before is not None and before.response_complete and self._deadline is None:
            self._expect_request()  # the next request has begun
        super().data_received(data)
        if self.cycle is not before:
            self._stop_waiting()
            self.scope["state"]["abort"] = self.transport.abort
            self.scope["state"]["write"] = partial(self.write_at_once, self.cycle)

    def write_at_once(self, answer: RequestResponseCycle, body: bytes) -> bool:
        """Write a piece of the answer that is under way, without a turn of the event loop.

        False where nothing was written: it has not begun or has ended, or the peer is slow.
        """
        if (
            answer is not self.cycle
            or not answer.response_started
            or answer.response_complete
            or answer.disconnected
            or self.flow.write_paused
            or self.transport.is_closing()
        ):
            return False
        if self.scope["http_version"] == "1.1":  # h11 announced chunks; to 1.0 the end of the line
            body = b"%x\r\n%b\r\n" % (len(body), body)
        self.transport.write(body)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _expect_request(self) -> None:
        self._deadline = self.loop.call_later(REQUEST_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        self.transport.abort()
