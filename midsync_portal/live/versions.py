"""Which of two versions of a task is the newer one, by the numbers of its events."""

from .wakeups import Change


class Versions:
    """What one hub has of each task that is watched there.

    Carried rows come from under the row's lock, one after the other, so their events are numbered
    in their order. Events that were recorded without it may be committed later than higher
    ones, except on SQLite, which has one writer at a time.
    """

    def __init__(self, *, is_in_order: bool) -> None:
        """`is_in_order`: events are numbered in the order of their commits, as on SQLite."""
        self._is_in_order = is_in_order
        self._carried: dict[int, int] = {}  # by task: the event whose row was taken last
        self._read: dict[int, int] = {}  # by task: the highest event at the moment of the last read

    def read(self, task: int, newest_event: int) -> None:
        """A task was read; this was its highest event then."""
        self._read[task] = newest_event

    def forget(self, task: int) -> None:
        """Nobody watches it any more."""
        self._carried.pop(task, None)
        self._read.pop(task, None)

    def clear(self) -> None:
        """Everything is read again: the database may have crashed, and give numbers anew that it
        had given to what it has lost.
        """
        self._carried.clear()
        self._read.clear()

    def contain(self, change: Change) -> bool:
        """Whether what is here cannot be older than this change."""
        carried = self._carried.get(change.task, 0)
        if self._is_in_order:
            return change.event <= max(carried, self._read.get(change.task, 0))
        return change.has_row and change.event <= carried

    def take(self, change: Change) -> bool:
        """Whether the row that came along is newer than what is here, for sure; then it is what
        is here.
        """
        if not change.has_row or self.contain(change):
            return False
        # What a read did not see was not committed then. What has a lower number than something
        # that it saw may have been.
        if change.event <= self._read.get(change.task, 0):
            return False
        self._carried[change.task] = change.event
        return True
