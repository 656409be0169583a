"""How a task takes what MidSync says of it, whichever courier brought it.

Callback, status answer and our own answer to generate all end here. Because a task only ever
moves to a higher rank, late, repeated and reordered reports need no cases of their own. A report
that names another task's id is no proof: it changes nothing and asks support for a review.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import uniform
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from midsync_portal.links import is_usable_link
from midsync_portal.live.carrying import carrying

from .events import TaskEvent
from .people import User
from .rows import rows
from .status import ACCEPTED, FINAL, MOVES_TO, Status

if TYPE_CHECKING:
    from midsync_portal.midsync.types import StatusReport

    from .tasks import Task

ANSWER, CALLBACK, STATUS = "answer", "callback", "status"
CHARGED_AFTER_REFUSAL = "charged after refusal: MidSync works on a task that it had refused"
TAKEN_FOR_UNSENT = "MidSync reports on a task that we took for unsent"
NO_NUMBER = "MidSync reports on this task, but has not told its number"
NO_PROOF = "a callback tells another end of this task, but does not prove it"
LOOK_AT_UNCONFIRMED_AFTER = timedelta(minutes=2)
ORDERERS_LANGUAGE = {
    "orderers_language": Subquery(User.objects.filter(pk=OuterRef("ordered_by")).values("language"))
}


@dataclass(frozen=True)
class Applied:
    """What became of a report: a sentence for support, and whether it is enough by itself."""

    outcome: str
    changed: bool = False
    asks_status: bool = False
    is_understood: bool = True


def usable_link(links: tuple[str, ...]) -> str:
    """The first link that may be shown to a customer; empty where there is none."""
    trusted = tuple(settings.RESULT_ORIGINS_TRUSTED)
    return next((link for link in links if is_usable_link(link, trusted) and _may_host(link)), "")


def _may_host(link: str) -> bool:
    """Whether results may lie on this link's host: on any, or on RESULT_HOSTS where it is set."""
    host = urlsplit(link).hostname or ""
    named = [*settings.RESULT_HOSTS, *map(_host_of, settings.RESULT_ORIGINS_TRUSTED)]
    return not settings.RESULT_HOSTS or any(host == h or host.endswith(f".{h}") for h in named)


def _host_of(origin: str) -> str:
    return urlsplit(origin).hostname or ""


def first_check_at(estimated_seconds: int | None, accepted_at: datetime | None = None) -> datetime:
    """When a task of which we hear is first asked about: 1.2 × MidSync's estimate after it was
    accepted, but not within the next FIRST_CHECK_SECONDS; up to 20 % later, at most 30 s.
    """
    now = timezone.now()
    estimate = timedelta(seconds=1.2 * (estimated_seconds or 0))
    due = (accepted_at or now) + estimate
    wait = max(settings.FIRST_CHECK_SECONDS, (due - now).total_seconds())
    return now + timedelta(seconds=wait + uniform(0, min(0.2 * wait, 30)))  # noqa: S311


def apply_report(
    task: "Task", report: "StatusReport", source: str, savepoint: bool = True, **event: Any
) -> Applied:
    """Apply a report under the row's lock; ids and points are learned even without a move.

    `savepoint` is False for who undoes the whole transaction where this fails.
    """
    with transaction.atomic(savepoint=savepoint):
        try:
            row, applied = _apply_locked(task, report, source, event)
        except IntegrityError:  # another task has learned the same id just now: now it is seen
            row, applied = _apply_locked(task, report, source, event)
    task.become(row)
    return applied


def stop_sending(task: "Task", source: str, **event: Any) -> None:
    """A callback has come for a task that we took for unsent: only MidSync knows its URL, so
    MidSync has it and may have charged for it. It is not sent (again) by itself.
    """
    stopped = task.move_to(
        Status.UNCONFIRMED,
        source,
        only_if=Q(sent_at__isnull=True),
        sent_at=timezone.now(),
        next_check_at=timezone.now() + LOOK_AT_UNCONFIRMED_AFTER,
        reason=TAKEN_FOR_UNSENT,
        **event,
    )
    if stopped:
        task.flag(TAKEN_FOR_UNSENT, source)


def _apply_locked(
    task: "Task", report: "StatusReport", source: str, event: dict[str, Any]
) -> "tuple[Task, Applied]":
    row = rows(type(task), "id", [task.pk], lock=True, also=ORDERERS_LANGUAGE)[0]
    # Another task can have an id only where this one does not know it yet.
    is_known = set(report.ids) <= {row.midsync_task_id, row.provider_task_id, ""}
    with transaction.atomic(savepoint=not is_known), carrying(row):
        return row, _apply(row, report, source, event)


def _apply(row: "Task", report: "StatusReport", source: str, event: dict[str, Any]) -> Applied:
    if conflict := _conflicting_id(row, report, source):
        row.flag(conflict, source, **event)
        if source == ANSWER and report.points is not None:  # the charge is real all the same
            charged = {"points_charged": report.points, "charge_unknown": False}
            _learn(row, charged, source, event)
        return Applied(conflict, asks_status=source == CALLBACK, is_understood=False)

    facts = _facts(row, report, source)
    if report.status is None:
        _learn(row, facts, source, event)
        if row.status == Status.REJECTED:
            row.flag(NO_PROOF, source, **event)
        word = report.status_word or "none"
        return Applied(
            f"no status that we know: {word}", asks_status=source == CALLBACK, is_understood=False
        )
    status = Status(report.status.value)
    is_higher = row.status in MOVES_TO[status]
    if source == CALLBACK and settings.MIDSYNC_CONFIRM_CALLBACKS and status in FINAL:
        _learn(row, facts, source, event)
        if row.is_final and is_higher:  # nobody asks about ended tasks by himself
            row.flag(NO_PROOF, source, **event)
        return Applied("waits for the status endpoint to confirm", asks_status=True)

    fields: dict[str, Any] = {}
    match status:
        case Status.SUCCEEDED:
            link = usable_link(report.video_urls)
            if not link:
                _learn(row, facts, source, event)
                if row.is_final and is_higher:
                    row.flag(NO_PROOF, source, **event)
                return Applied("ready, but without a usable link", asks_status=True)
            fields = {
                "source_url": link,
                "cover_url": usable_link((report.cover_url,)) if report.cover_url else "",
                "progress": None,
            }
        case Status.FAILED | Status.CANCELLED:
            fields = {
                "failure_code": (report.failure_code or status.value)[:64],
                "failure_message": report.failure_message[:500],
                "progress": None,
            }
        case _ if source != STATUS or Status(row.status) not in ACCEPTED:
            # Whoever asked plans the next question; a courier's word lets us wait.
            estimate = facts.get("estimated_seconds") or row.estimated_seconds
            fields = {"next_check_at": first_check_at(estimate, row.accepted_at)}
    if row.accepted_at is None:  # also where it failed: MidSync charges when it takes an order
        fields["accepted_at"] = timezone.now()
    before, was_unsent = Status(row.status), row.sent_at is None
    if was_unsent:
        fields["sent_at"] = timezone.now()
    # The row is locked, so it is what the database would compare with.
    moved = is_higher and row.move_to(
        status, source, is_locked=True, **{**facts, **fields}, **_why(report, facts, event)
    )
    if not moved:
        if status == row.status == Status.SUCCEEDED and source == STATUS:
            # The link that MidSync gives today lives longer than the one it gave then.
            links = {"source_url": fields["source_url"], "cover_url": fields["cover_url"]}
            facts |= {name: link for name, link in links.items() if link != getattr(row, name)}
        changed = _learn(row, facts, source, event)
        return Applied("details learned" if changed else "nothing new", changed=changed)
    _look_again_at_kept_callbacks(row, facts)
    if before == Status.REJECTED:
        row.flag(CHARGED_AFTER_REFUSAL, source)
    elif was_unsent:
        row.flag(TAKEN_FOR_UNSENT, source)
    elif not row.midsync_task_id:
        row.flag(NO_NUMBER, source)
    return Applied(f"{before.label} → {status.label}", changed=True)


def _why(report: "StatusReport", facts: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
    learned = {name: str(value) for name, value in facts.items()}
    evidence = {"status": report.status_word} | learned | event.get("evidence", {})
    return {"reason": report.failure_message[:500]} | event | {"evidence": evidence}


def _conflicting_id(row: "Task", report: "StatusReport", source: str) -> str:
    """Why the ids of a report cannot be this task's; empty where they can."""
    ids = {found for found in report.ids if found}
    if not ids:
        return ""
    known = {row.midsync_task_id, row.provider_task_id} - {""}
    if not ids <= known and _is_anothers(row, ids):
        return "a report names the id of another task"
    if not known or ids & known:
        return ""
    if source in (ANSWER, STATUS) and not row.provider_task_id:
        # Asked by our own id, it answers with the provider's; or our own answer names the id
        # after a callback has told us the provider's.
        return ""
    return "a report names an id that is not this task's"


def _is_anothers(row: "Task", ids: set[str]) -> bool:
    taken = Q(midsync_task_id__in=ids) | Q(provider_task_id__in=ids)
    return type(row).objects.exclude(pk=row.pk).filter(taken).exists()


def _facts(row: "Task", report: "StatusReport", source: str) -> dict[str, Any]:
    """The ids, points and progress that this report teaches."""
    facts: dict[str, Any] = {}
    if source == ANSWER and report.midsync_task_id:
        # Our own answer names both ids for certain; a callback that overtook it may have given
        # us the provider's id for MidSync's.
        facts["midsync_task_id"] = report.midsync_task_id[:200]
        told = row.midsync_task_id if row.midsync_task_id != report.midsync_task_id else ""
        provider_id = report.provider_task_id or row.provider_task_id or told
        facts["provider_task_id"] = provider_id[:200]
    elif source == STATUS and row.midsync_task_id and row.midsync_task_id not in report.ids:
        if not row.provider_task_id:
            facts["provider_task_id"] = report.midsync_task_id[:200]
    elif not row.midsync_task_id and report.midsync_task_id:
        facts["midsync_task_id"] = report.midsync_task_id[:200]
    if report.provider_task_id and not (row.provider_task_id or "provider_task_id" in facts):
        facts["provider_task_id"] = report.provider_task_id[:200]
    if report.points is not None and (source == ANSWER or row.points_charged is None):
        facts |= {"points_charged": report.points, "charge_unknown": False}
    if report.estimated_seconds and not row.estimated_seconds:
        facts["estimated_seconds"] = report.estimated_seconds
    goes_on = not row.is_final or row.status in MOVES_TO[Status.QUEUED]  # a refusal may be lifted
    if report.progress is not None and goes_on:
        facts["progress"] = max(report.progress, row.progress or 0)
    if facts.get("midsync_task_id") and row.needs_review == NO_NUMBER:
        facts |= {"needs_review": "", "review_at": None}
    return {name: value for name, value in facts.items() if getattr(row, name) != value}


def _learn(row: "Task", facts: dict[str, Any], source: str, event: dict[str, Any]) -> bool:
    """Write facts without a move to a locked row; False where there was nothing new."""
    if not facts:
        return False
    written = {"updated_at": timezone.now()} | facts
    row.learn(written)
    _look_again_at_kept_callbacks(row, facts)
    kind = TaskEvent.Kind.PROGRESS if set(facts) == {"progress"} else TaskEvent.Kind.FACTS
    learned = {name: str(value) for name, value in facts.items()}
    row.record(kind, source, **event | {"evidence": event.get("evidence", {}) | learned})
    return True


def _look_again_at_kept_callbacks(row: "Task", facts: dict[str, Any]) -> None:
    """A callback that named an id which we did not know then may count now that we know it."""
    if not facts.keys().isdisjoint(("midsync_task_id", "provider_task_id")):
        row.deliveries.filter(state="kept").update(state="new", next_try_at=timezone.now())
