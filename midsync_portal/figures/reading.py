"""Reading: how the portal is now, and how the last hour was. A constant number of small queries."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from midsync_portal.models import (
    CallbackDelivery,
    MidSyncGate,
    Tally,
    Task,
    WebHeartbeat,
    WorkerHeartbeat,
)
from midsync_portal.models.status import ACCEPTED, Status
from midsync_portal.operations import HEARTBEAT_MAX_AGE

from .tallies import BOUNDS, IN_ALL

HOUR = 60  # minutes
# Answers of MidSync that are as they should be, whatever they say.
ANSWERED = frozenset({"ok", "MidSyncRefused", "NotFound", "InvalidRequest", "InsufficientPoints"})
TAKEN = frozenset({"new", "repeat"})  # outcomes of callbacks that were answered 200


@dataclass(frozen=True)
class Queue:
    """One kind of work that waits: how much of it, and for how many seconds the oldest is due."""

    name: str
    title: str
    depth: int
    oldest: float | None


@dataclass
class Minute:
    """What happened in one minute."""

    at: datetime
    calls: int = 0
    errors: int = 0
    callbacks: int = 0
    refused: int = 0
    slow: Counter[int] = field(default_factory=Counter)  # calls by bound of milliseconds

    @property
    def p95(self) -> float | None:
        """Milliseconds within which 95 of 100 calls were answered."""
        return percentile(self.slow, 0.95)


@dataclass(frozen=True)
class Health:
    """How the portal is."""

    at: datetime
    queues: list[Queue]
    dead: int
    workers: int
    heartbeat: float | None  # seconds since the newest; None: none in a day
    web: int
    streams: int
    gate: MidSyncGate | None
    minutes: list[Minute]

    @property
    def calls(self) -> int:
        """Requests to MidSync in the last hour."""
        return sum(minute.calls for minute in self.minutes)

    @property
    def errors(self) -> int:
        """Those of them that MidSync did not answer as it should."""
        return sum(minute.errors for minute in self.minutes)

    @property
    def error_percent(self) -> float:
        """Errors per hundred requests."""
        return 100 * self.errors / self.calls if self.calls else 0.0

    def within(self, share: float) -> float | None:
        """Milliseconds within which this share of the hour's requests was answered."""
        return percentile(sum((minute.slow for minute in self.minutes), Counter()), share)

    @property
    def p50(self) -> float | None:
        """Milliseconds within which half of the requests were answered."""
        return self.within(0.5)

    @property
    def p95(self) -> float | None:
        """Milliseconds within which 95 of 100 requests were answered."""
        return self.within(0.95)

    @property
    def callbacks(self) -> int:
        """Callbacks that were taken in the last hour."""
        return sum(minute.callbacks for minute in self.minutes)

    @property
    def refused(self) -> int:
        """Callbacks that were refused in the last hour; they have left no row."""
        return sum(minute.refused for minute in self.minutes)


def read_health() -> Health:
    """How it is now. Raises DatabaseError."""
    now = timezone.now()
    newest = WorkerHeartbeat.objects.order_by("-beat_at").values_list("beat_at", flat=True)
    beats = list(newest[:100])
    alive = [at for at in beats if now - at <= HEARTBEAT_MAX_AGE]
    web = WebHeartbeat.objects.filter(beat_at__gte=now - HEARTBEAT_MAX_AGE).aggregate(
        processes=Count("pk"), streams=Sum("streams")
    )
    queues, dead = read_queues(now)
    return Health(
        at=now,
        queues=queues,
        dead=dead,
        workers=len(alive),
        heartbeat=(now - beats[0]).total_seconds() if beats else None,
        web=web["processes"],
        streams=web["streams"] or 0,
        gate=MidSyncGate.objects.filter(pk=1).first(),
        minutes=read_minutes(now),
    )


def read_queues(now: datetime) -> tuple[list[Queue], int]:
    """What waits, and how many callbacks wait for support; three queries."""
    unsent = Q(status=Status.SUBMITTING, sent_at__isnull=True)
    unconfirmed = Q(status=Status.UNCONFIRMED)
    accepted = Q(status__in=sorted(ACCEPTED))
    due = Q(next_check_at__lte=now)
    tasks = Task.objects.open().aggregate(
        **{
            f"{name}_{what}": found
            for name, which in (("send", unsent), ("confirm", unconfirmed), ("check", accepted))
            for what, found in (
                ("depth", Count("pk", filter=which)),
                ("oldest", Min("next_check_at", filter=which & due)),
            )
        }
    )
    waiting = CallbackDelivery.objects.filter(state__in=["new", "dead"]).aggregate(
        depth=Count("pk", filter=Q(state="new")),
        oldest=Min("next_try_at", filter=Q(state="new", next_try_at__lte=now)),
        dead=Count("pk", filter=Q(state="dead")),
    )
    videos = Task.objects.filter(video_next_try_at__isnull=False).aggregate(
        depth=Count("pk"), oldest=Min("video_next_try_at", filter=Q(video_next_try_at__lte=now))
    )

    def queue(name: str, title: object, depth: int, oldest: datetime | None) -> Queue:
        late = max(0.0, (now - oldest).total_seconds()) if oldest else None
        return Queue(name, str(title), depth, late)

    return [
        queue("send", _("orders to send"), tasks["send_depth"], tasks["send_oldest"]),
        queue("confirm", _("unconfirmed"), tasks["confirm_depth"], tasks["confirm_oldest"]),
        queue("check", _("at MidSync"), tasks["check_depth"], tasks["check_oldest"]),
        queue("callbacks", _("callbacks to apply"), waiting["depth"], waiting["oldest"]),
        queue("videos", _("videos to save"), videos["depth"], videos["oldest"]),
    ], waiting["dead"]


def read_minutes(now: datetime) -> list[Minute]:
    """The last sixty whole minutes and the one that runs, the oldest first; one query."""
    this = now.replace(second=0, microsecond=0)
    first = this - timedelta(minutes=HOUR)
    minutes = {at: Minute(at) for at in (first + timedelta(minutes=n) for n in range(HOUR + 1))}
    for tally in Tally.objects.filter(minute__gte=first, kind__in=["midsync", "callback"]):
        minute = minutes.get(tally.minute)
        if minute is None:
            continue  # a clock elsewhere is ahead
        if tally.kind == "midsync":
            minute.calls += tally.number
            minute.errors += 0 if tally.outcome in ANSWERED else tally.number
            minute.slow[tally.ms_up_to] += tally.number
        elif tally.outcome in TAKEN:
            minute.callbacks += tally.number
        else:
            minute.refused += tally.number
    return list(minutes.values())


def read_totals() -> Iterable[Tally]:
    """Everything that was ever counted; one query."""
    return Tally.objects.filter(minute=IN_ALL).order_by("kind", "name", "outcome", "ms_up_to")


def percentile(slow: Mapping[int, int], share: float) -> float | None:
    """Milliseconds within which this share was done, from counts by bound; None without any.

    Between two bounds a straight line is drawn; what took longer than all counts as the last.
    """
    timed = {bound: number for bound, number in slow.items() if bound}
    wanted, so_far, below = share * sum(timed.values()), 0, 0
    for bound in BOUNDS:
        number = timed.get(bound, 0)
        if number and so_far + number >= wanted:
            return below + (bound - below) * (wanted - so_far) / number
        so_far, below = so_far + number, bound
    return float(BOUNDS[-1]) if timed else None
