"""A clock that a test moves, in place of django.utils.timezone.now; and workers under it."""

from datetime import datetime, timedelta

from midsync_portal.management.commands.worker import Worker


class Clock:
    """Stands still between two moves. Columns filled by the database's own clock do not follow."""

    def __init__(self, began_at: datetime) -> None:
        self.began_at = began_at
        self._now = began_at

    def now(self) -> datetime:
        """The time in the test."""
        return self._now

    def advance(self, **by: float) -> None:
        """Move on: `seconds=`, `minutes=`, as timedelta names them."""
        self._now += timedelta(**by)

    @property
    def seconds(self) -> float:
        """Since the test began."""
        return (self._now - self.began_at).total_seconds()


def let_pass(clock: Clock, seconds: int, *workers: Worker, step: int = 1) -> None:
    """Let workers look at the tables every `step` seconds and finish what they took."""
    for _ in range(0, seconds, step):
        for worker in workers:
            worker.look()
        for worker in workers:
            worker.wait()
        clock.advance(seconds=step)
