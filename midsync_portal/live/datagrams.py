"""Short messages between the processes that share one SQLite file: a Unix datagram each.

Every process with a hub has a mailbox, a socket file in a folder beside the database; whoever
has something to say sends it to all of them. Messages may get lost, but never block for long.
"""

import asyncio
import contextlib
import errno
import hashlib
import logging
import os
import secrets
import socket
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

log = logging.getLogger("midsync_portal.live")

LONGEST_PATH = 100  # bytes; a socket's name may have 104 on macOS, 108 on Linux
LONGEST_NAME = 16
SEND_SECONDS = 0.02  # how long to wait for room in a mailbox
LONGEST_MESSAGE = 8192  # bytes


@lru_cache(maxsize=16)
def folder_of(database: str) -> str | None:
    """The folder of the mailboxes of a database file; None for a database in memory."""
    if ":memory:" in database or "mode=memory" in database:
        return None
    path = os.path.realpath(database)
    folder = f"{path}-live"
    if len(os.fsencode(folder)) + 1 + LONGEST_NAME <= LONGEST_PATH:
        return folder
    # Not gettempdir(): TMPDIR may differ between processes of the same portal.
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return f"/tmp/portal-live-{os.getuid()}-{digest}"  # noqa: S108 - private, see Mailbox.open


def send_to_all(folder: str, make: Callable[[], str]) -> None:
    """Put a message into every mailbox of the folder; where there is none, it is not even made.

    Only its first line where the system takes no more at once (macOS: 2,048 bytes). Never fails
    itself: what it tells of has been committed, and a hub finds a change by itself.
    """
    try:
        names = os.listdir(folder)
        if names:
            message = make().encode()
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.settimeout(SEND_SECONDS)
                for name in names:
                    _send(sender, f"{folder}/{name}", message)
    except FileNotFoundError:
        return
    except OSError as problem:
        log.warning("live rows are told nothing, they will be up to 0.5 s late: %s", problem)


def _send(sender: socket.socket, path: str, message: bytes) -> None:
    try:
        sender.sendto(message, path)
    except ConnectionRefusedError:  # its process is gone
        with contextlib.suppress(OSError):
            os.unlink(path)
    except OSError as problem:
        first = message.partition(b"\n")[0]
        if problem.errno == errno.EMSGSIZE and first != message:
            _send(sender, path, first)
        return  # full, or just closed


class Mailbox:
    """Where this process receives; one per hub, on its event loop."""

    def __init__(self, folder: str, on_message: Callable[[str], None]) -> None:
        self.path = f"{folder}/{secrets.token_hex(6)}"
        self._folder = Path(folder)
        self._on_message = on_message
        self._socket: socket.socket | None = None

    def open(self) -> bool:
        """Start to receive. False, with a line in the log, where the place has no sockets."""
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            if self._folder.is_symlink() or self._folder.stat().st_uid != os.getuid():
                raise PermissionError(f"{self._folder} belongs to somebody else")
            receiver.setblocking(False)
            receiver.bind(self.path)
        except OSError as problem:
            receiver.close()
            log.warning("no mailbox for live rows, they will be up to 0.5 s late: %s", problem)
            return False
        self._socket = receiver
        asyncio.get_running_loop().add_reader(receiver, self._receive)
        return True

    def close(self) -> None:
        """Receive no more and remove the socket file."""
        if self._socket is None:
            return
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        self._socket = None
        with contextlib.suppress(OSError):
            os.unlink(self.path)

    def _receive(self) -> None:
        while self._socket is not None:
            try:
                message = self._socket.recv(LONGEST_MESSAGE)
            except OSError:  # empty
                return
            self._on_message(message.decode(errors="replace"))
