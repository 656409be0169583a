"""Whose turn it is to write: one writer at a time, among threads and among processes.

SQLite lets one connection write; the others poll for their turn with sleeps of up to 100 ms.
Here they queue first, in the order of their coming: a thread waits for the turn of its process,
the process for a lock on a file beside the database. It is a courtesy, not the guard: SQLite's
own lock stays what keeps the data whole, so a turn that does not come in time is simply skipped.
"""

import fcntl
import os
import threading
import time
from collections import deque

FIRST_PAUSE = 0.0002  # seconds between two looks at another process's lock, growing to
LONGEST_PAUSE = 0.002


class Turns:
    """The queue of one database in this process."""

    def __init__(self, lock_file: str | None) -> None:
        """`lock_file`: shared with the other processes; None where there are none (memory)."""
        self._guard = threading.Lock()
        self._is_taken = False
        self._waiting: deque[threading.Lock] = deque()
        self._file = _open(lock_file) if lock_file else -1

    def take(self, seconds: float) -> bool:
        """Wait for the turn, at most so many seconds; False where it did not come."""
        deadline = time.monotonic() + seconds
        if not self._take_in_process(seconds):
            return False
        if self._take_among_processes(deadline):
            return True
        self._pass_on()
        return False

    def give_back(self) -> None:
        """Let the next one write; only who took the turn may give it back."""
        if self._file >= 0:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        self._pass_on()

    def _take_in_process(self, seconds: float) -> bool:
        with self._guard:
            if not self._is_taken:
                self._is_taken = True
                return True
            gate = threading.Lock()
            gate.acquire()
            self._waiting.append(gate)
        if gate.acquire(timeout=seconds):
            return True
        with self._guard:
            if gate in self._waiting:
                self._waiting.remove(gate)
                return False
            return True  # the turn came in the moment of giving up

    def _pass_on(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_taken = False

    def _take_among_processes(self, deadline: float) -> bool:
        if self._file < 0:
            return True
        pause = FIRST_PAUSE
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    return False
                time.sleep(pause)
                pause = min(pause * 1.5, LONGEST_PAUSE)
            else:
                return True


def _open(lock_file: str) -> int:
    try:
        return os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return -1  # a read-only place: nobody writes there


_turns: dict[str, Turns] = {}
_turns_guard = threading.Lock()


def turns_of(database: str, *, is_shared: bool) -> Turns:
    """The queue of a database; `is_shared`: whether other processes may open it."""
    key = os.path.realpath(database) if is_shared else database
    with _turns_guard:
        if key not in _turns:
            _turns[key] = Turns(f"{key}-writers" if is_shared else None)
        return _turns[key]


def _forget() -> None:
    """After a fork the child must not share the parent's lock."""
    global _turns_guard
    _turns_guard = threading.Lock()
    _turns.clear()


os.register_at_fork(after_in_child=_forget)
