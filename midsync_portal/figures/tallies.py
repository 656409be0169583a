"""Counting: in memory first, then added to the rows that all processes share.

A process that is killed takes up to ten seconds of its counts with it; nothing else rests on them.
"""

import logging
import threading
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db import Error, transaction
from django.db.models import F
from django.utils import timezone

from midsync_portal.models import Tally

log = logging.getLogger("midsync_portal.figures")

EVERY = 10.0  # seconds between two times of writing down
KEPT = timedelta(days=2)  # of the minutes; the totals are for ever
IN_ALL = datetime(1970, 1, 1, tzinfo=UTC)  # the "minute" of the totals
# Milliseconds up to which something took; what took longer goes to LONGER, what was not timed to 0.
BOUNDS = (25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000)
LONGER = 2_147_483_647


class What(NamedTuple):
    """What is counted: `kind` (midsync, callback, delivery, video), `name` (an endpoint or a
    door), `outcome`, and the bound of BOUNDS under which it took so long. Few different ones.
    """

    kind: str
    name: str
    outcome: str
    ms_up_to: int


class Tallies:
    """The counts of this process that are not yet in the database."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._counts: defaultdict[tuple[datetime, What], list[float]] = self._none()
        self._swept_at = IN_ALL

    @staticmethod
    def _none() -> defaultdict[tuple[datetime, What], list[float]]:
        return defaultdict(lambda: [0, 0.0])

    def count(self, kind: str, name: str, outcome: str, milliseconds: float | None = None) -> None:
        """One more. Costs no query and never fails."""
        bound = 0
        if milliseconds is not None:
            bound = next((bound for bound in BOUNDS if milliseconds <= bound), LONGER)
        what = What(kind, name[:40], outcome[:40], bound)
        minute = timezone.now().replace(second=0, microsecond=0)
        with self._guard:
            counted = self._counts[minute, what]
            counted[0] += 1
            counted[1] += milliseconds or 0.0

    def write_down(self) -> None:
        """Add the counts to the shared rows; where the database is away, at the next time."""
        with self._guard:
            counts, self._counts = self._counts, self._none()
        if not counts:
            return
        added: defaultdict[tuple[datetime, What], list[float]] = self._none()
        for (minute, what), (number, milliseconds) in counts.items():
            for when in (minute, IN_ALL):
                added[when, what][0] += number
                added[when, what][1] += milliseconds
        try:
            with transaction.atomic():
                # In one order, so that two processes never wait for each other's rows.
                for (when, what), (number, milliseconds) in sorted(added.items()):
                    _add(when, what, int(number), round(milliseconds))
                self._sweep()
        except Error as problem:
            log.warning("counts could not be written down yet: %s", type(problem).__name__)
            with self._guard:
                for key, (number, milliseconds) in counts.items():
                    self._counts[key][0] += number
                    self._counts[key][1] += milliseconds

    def _sweep(self) -> None:
        """Once an hour, forget the minutes of the day before yesterday."""
        now = timezone.now()
        if now - self._swept_at > timedelta(hours=1):
            self._swept_at = now
            Tally.objects.filter(minute__gt=IN_ALL, minute__lt=now - KEPT).delete()


def _add(minute: datetime, what: What, number: int, milliseconds: int) -> None:
    row = what._asdict() | {"minute": minute}
    more = {"number": F("number") + number, "milliseconds": F("milliseconds") + milliseconds}
    if not Tally.objects.filter(**row).update(**more):
        Tally.objects.bulk_create([Tally(**row)], ignore_conflicts=True)
        Tally.objects.filter(**row).update(**more)


tallies = Tallies()
count = tallies.count
