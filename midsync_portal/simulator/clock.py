"""The simulator's time: the real one, or one that tests move by hand."""

import time
from collections.abc import Callable


class Clock:
    """Seconds since the epoch; ``advance`` jumps ahead without waiting.

    Whoever wants to act at certain times registers with ``watch``: on the way to the new time the
    clock stops at every due moment, in order, and calls back there.
    """

    def __init__(self, source: Callable[[], float] = time.time) -> None:
        self._source = source
        self._offset = 0.0
        self._watchers: list[tuple[Callable[[], float | None], Callable[[], None]]] = []

    def now(self) -> float:
        """The time, in seconds since the epoch."""
        return self._source() + self._offset

    def watch(self, next_due: Callable[[], float | None], act: Callable[[], None]) -> None:
        """Call ``act`` whenever ``advance`` reaches the time that ``next_due`` names."""
        self._watchers.append((next_due, act))

    def advance(self, seconds: float) -> None:
        """Jump ``seconds`` ahead; everything that falls due on the way happens in its order."""
        if seconds < 0:
            raise ValueError("Time only moves forward.")
        end = self.now() + seconds
        while True:
            due = [(at, act) for next_due, act in self._watchers if (at := next_due()) is not None]
            at, act = min(due, key=lambda pair: pair[0], default=(end, None))
            if act is None or at > end:
                break
            self._offset += max(0.0, at - self.now())
            act()
        self._offset += max(0.0, end - self.now())


class ManualClock(Clock):
    """A clock that stands still until it is advanced."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        super().__init__(lambda: start)
