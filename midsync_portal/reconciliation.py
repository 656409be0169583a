"""Our tasks against MidSync's usage logs for a period.

The logs carry no task id, so a row is matched by model, points and time: first where all three
agree, the nearest first, then where only the points differ. What lies just outside of the period
may explain what lies inside; only what lies inside is found or counted.
"""

import logging
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from . import gate
from .midsync.errors import MidSyncError
from .midsync.reader.values import POINTS_MAX, read_number
from .midsync.types import UsageLog
from .models import Reconciliation, Task, UsageFinding, User
from .unconfirmed import CLOCKS_MAY_DIFFER
from .upstream import get_client

log = logging.getLogger("midsync_portal.reconciliation")

ROWS_PER_PAGE = 100
PAGES_MAX = 500
PERIOD_MAX = timedelta(days=31)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
AGAIN_AFTER = timedelta(minutes=30)  # where the logs could not be read
SUM_MAX = Decimal(10**12)  # points; a column holds less
Kind = UsageFinding.Kind


@dataclass(frozen=True)
class Pair:
    """A task, a row of the logs, or both where one explains the other."""

    task: Task | None
    row: UsageLog | None

    @property
    def kind(self) -> str:
        """The kind of finding; empty where both agree."""
        if self.row is None:
            return str(Kind.ONLY_OURS)
        if self.task is None:
            return str(Kind.ONLY_THEIRS)
        agree = expected(self.task) == self.row.points_charged
        return "" if agree else str(Kind.DIFFERENT)

    @property
    def at(self) -> datetime | None:
        """When it happened, by our clock where we have it."""
        if self.task is not None:
            return self.task.sent_at
        return self.row.created_at if self.row else None


def expected(task: Task) -> Decimal | None:
    """What a row for this task should say, in points."""
    return task.points_quoted if task.points_charged is None else task.points_charged


def reconcile_period(
    from_at: datetime, to_at: datetime, actor: User | None = None
) -> Reconciliation:
    """Compare a period and keep what came of it; what disagrees becomes findings.

    Where MidSync's logs cannot be read whole, the comparison says why and finds nothing.
    Nothing here sends a generate. Raises ValueError for a period that is empty or too long.
    """
    if not timedelta(0) < to_at - from_at <= PERIOD_MAX:
        days = PERIOD_MAX.days
        raise ValueError(f"A period has to end after it begins, and last {days} days at most.")
    made = Reconciliation(from_at=from_at, to_at=to_at, actor=actor, made_at=timezone.now())
    edge = CLOCKS_MAY_DIFFER + timedelta(seconds=settings.MIDSYNC_GENERATE_TIMEOUT)
    try:
        rows = read_rows(from_at - edge, to_at + edge)
    except MidSyncError as error:
        gate.note_problem("usage logs", str(error))
        made.error = str(error)[:200] or "MidSync's usage logs could not be read"
        return _keep(made, [])
    gate.note_success("usage logs")
    charged = Q(accepted_at__isnull=False) | ~Q(midsync_task_id="")
    tasks = Task.objects.filter(charged, sent_at__range=(from_at - edge, to_at + edge))
    pairs = [
        pair
        for pair in match(tasks.order_by("sent_at", "pk"), rows)
        if _is_in(pair, from_at, to_at)
    ]
    amounts = [_amount(pair.row) for pair in pairs if pair.row] + [
        _amount(row) for row in rows if _is_return(row) and _row_is_in(row, from_at, to_at)
    ]
    made.charged = sum((amount for amount in amounts if amount > 0), Decimal(0))
    made.returned = -sum((amount for amount in amounts if amount < 0), Decimal(0))
    made.ours = sum((expected(pair.task) or Decimal(0) for pair in pairs if pair.task), Decimal(0))
    if max(made.charged, made.returned) >= SUM_MAX:
        made.charged = made.returned = made.ours = Decimal(0)
        made.error = "MidSync's usage logs name more points than there can be"
        return _keep(made, [])
    made.matched = sum(not pair.kind for pair in pairs)
    made.different = sum(pair.kind == Kind.DIFFERENT for pair in pairs)
    made.only_ours = sum(pair.kind == Kind.ONLY_OURS for pair in pairs)
    made.only_theirs = sum(pair.kind == Kind.ONLY_THEIRS for pair in pairs)
    return _keep(made, pairs)


def match(tasks: Iterable[Task], rows: Iterable[UsageLog]) -> list[Pair]:
    """Which row is which task's; whatever has no other half stands alone."""
    by_model: dict[str, tuple[list[Task], list[UsageLog]]] = defaultdict(lambda: ([], []))
    for task in tasks:
        by_model[task.video_model][0].append(task)
    for row in rows:
        if not _is_return(row):
            by_model[row.video_model][1].append(row)
    return [pair for ours, theirs in by_model.values() for pair in _match_model(ours, theirs)]


def _match_model(tasks: list[Task], rows: list[UsageLog]) -> Iterator[Pair]:
    """The pairs of one model; a row without a time fits none."""
    rows = sorted(rows, key=lambda row: row.created_at or LONG_AGO)
    times = [row.created_at or LONG_AGO for row in rows]
    used: set[int] = set()
    for points_agree in (True, False):
        left = []
        for task in tasks:
            begin, end = _charged_between(task)
            fitting = [
                at
                for at in range(bisect_left(times, begin), bisect_right(times, end))
                if at not in used
                and (not points_agree or expected(task) == rows[at].points_charged)
            ]
            if not fitting:
                left.append(task)
                continue
            sent_at = task.sent_at or task.created_at
            nearest = min(fitting, key=lambda at: abs(times[at] - sent_at))
            used.add(nearest)
            yield Pair(task, rows[nearest])
        tasks = left
    yield from (Pair(task, None) for task in tasks)
    yield from (Pair(None, row) for at, row in enumerate(rows) if at not in used)


def _charged_between(task: Task) -> tuple[datetime, datetime]:
    call = timedelta(seconds=settings.MIDSYNC_GENERATE_TIMEOUT)
    sent_at = task.sent_at or task.created_at
    return sent_at - CLOCKS_MAY_DIFFER, sent_at + call + CLOCKS_MAY_DIFFER


def reconcile_last_night() -> None:
    """The worker's nightly comparison of yesterday (UTC), once, from RECONCILE_HOUR on."""
    now = timezone.now()
    if settings.RECONCILE_HOUR < 0 or now.hour < settings.RECONCILE_HOUR or gate.is_away():
        return
    to_at = now.replace(hour=0, minute=0, second=0, microsecond=0)
    from_at = to_at - timedelta(days=1)
    before = Reconciliation.objects.filter(from_at=from_at, actor=None).first()
    if before and (not before.error or before.made_at > now - AGAIN_AFTER):
        return
    if not before and not Task.objects.filter(created_at__range=(from_at, to_at)).exists():
        return
    if before:
        before.delete()
    try:
        made = reconcile_period(from_at, to_at)
    except IntegrityError:  # another worker was faster
        return
    except Exception:
        log.exception("last night could not be reconciled")
        failed = "The comparison broke; the log says why"
        with suppress(IntegrityError):
            _keep(
                Reconciliation(from_at=from_at, to_at=to_at, made_at=timezone.now(), error=failed),
                [],
            )
        return
    log.info("reconciled %s: %s", made, made.error or f"net {made.net} points")


def handle_finding(finding: UsageFinding, actor: User, reason: str) -> str:
    """Support has cleared a finding up; it leaves the work list."""
    handled = UsageFinding.objects.filter(pk=finding.pk, handled_at__isnull=True).update(
        handled_at=timezone.now(), handled_by=actor, handled_reason=reason[:500]
    )
    finding.refresh_from_db()
    return "off the list." if handled else "nothing changed: it is on no list."


def read_rows(begin: datetime, end: datetime) -> list[UsageLog]:
    """All rows of a period. Raises MidSyncError where they cannot be read whole."""
    rows: list[UsageLog] = []
    for page in range(1, PAGES_MAX + 1):
        gate.owe()
        answer = get_client().usage_logs(
            from_=begin, to=end, page=page, limit=ROWS_PER_PAGE, may_repeat=gate.may_repeat
        )
        rows += answer.logs
        if not answer.logs or (answer.total is not None and len(rows) >= answer.total):
            return rows
        if answer.total is None and len(answer.logs) < ROWS_PER_PAGE:
            return rows
    raise MidSyncError(f"more than {PAGES_MAX} pages of usage logs: choose a shorter period")


def _keep(made: Reconciliation, pairs: list[Pair]) -> Reconciliation:
    """Write down a comparison and its findings, those that are known already left out."""
    with transaction.atomic():
        made.save()
        UsageFinding.objects.bulk_create(
            (
                UsageFinding(
                    reconciliation=made,
                    kind=pair.kind,
                    task=pair.task,
                    log_id=pair.row.log_id[:200] if pair.row else "",
                    video_model=_model(pair)[:100],
                    at=pair.at,
                    ours=expected(pair.task) if pair.task else None,
                    theirs=pair.row.points_charged if pair.row else None,
                )
                for pair in pairs
                if pair.kind and _counts(pair)
            ),
            ignore_conflicts=True,
        )
    return made


def _counts(pair: Pair) -> bool:
    """Whether somebody has to look: what others do with a shared key is not ours to clear up."""
    return pair.kind != Kind.ONLY_THEIRS or settings.MIDSYNC_KEY_EXCLUSIVE


def _model(pair: Pair) -> str:
    if pair.task is not None:
        return pair.task.video_model
    return pair.row.video_model if pair.row else ""


def _amount(row: UsageLog | None) -> Decimal:
    if row is None:
        return Decimal(0)
    if row.points_charged is not None:
        return row.points_charged
    said = read_number(row.raw.get("pointsCharged"))
    return said if said is not None and abs(said) <= POINTS_MAX else Decimal(0)


def _is_return(row: UsageLog) -> bool:
    """Whether a row gives points back."""
    return row.points_charged is None and _amount(row) < 0


def _is_in(pair: Pair, from_at: datetime, to_at: datetime) -> bool:
    return pair.at is None or from_at <= pair.at < to_at


def _row_is_in(row: UsageLog, from_at: datetime, to_at: datetime) -> bool:
    return row.created_at is None or from_at <= row.created_at < to_at
