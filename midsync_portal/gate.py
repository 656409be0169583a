"""What all processes know together about calling MidSync, in one row: paused, away, how often.

- **Paused.** A refused key (401, 403) stops all sending until an operator acts: by *resume* in
  the admin, or by another MIDSYNC_API_KEY, which is noticed by its fingerprint.
- **Breaker.** MIDSYNC_BREAKER_FAILURES outages within a minute mean that MidSync is away: nothing
  is sent or asked. Every MIDSYNC_BREAKER_SECONDS one process may make one probe; a good answer
  ends it.
- **Budget.** The workers together make at most MIDSYNC_RATE requests a second.

Every change is one conditional UPDATE or made under the row's lock, never across a call.
"""

import hashlib
import logging
from datetime import datetime, timedelta
from random import uniform

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from .midsync.errors import MidSyncError
from .models import MidSyncGate, Task, TaskEvent, User

log = logging.getLogger("midsync_portal.gate")

FAILURES_WITHIN = timedelta(seconds=60)
CLOCKS_MAY_DIFFER = timedelta(seconds=10)
TRIES = 5  # to take from the budget while other workers do, too


def get_gate() -> MidSyncGate:
    """The single row."""
    gate, _ = MidSyncGate.objects.get_or_create(pk=1)
    return gate


def jittered(seconds: float) -> float:
    """A wait ±20 %, so that what was put off together does not come back together."""
    return seconds * uniform(0.8, 1.2)  # noqa: S311


# --- Paused -----------------------------------------------------------------------------------


def key_fingerprint() -> str:
    """A one-way mark of the API key, to notice that it was changed."""
    secret = f"{settings.SECRET_KEY}:{settings.MIDSYNC_API_KEY}"
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


def is_paused() -> bool:
    """Whether sending waits for an operator."""
    gate = MidSyncGate.objects.filter(pk=1, paused_at__isnull=False).first()
    if gate is None:
        return False
    if gate.paused_key_fingerprint != key_fingerprint():
        resume()
        return False
    return True


def pause(reason: str) -> None:
    """Stop all sending: MidSync refuses our key."""
    log.error("sending is paused: %s", reason)
    get_gate()
    MidSyncGate.objects.filter(pk=1, paused_at__isnull=True).update(
        paused_at=timezone.now(),
        paused_reason=reason[:200],
        paused_key_fingerprint=key_fingerprint(),
    )


def resume(actor: User | None = None, reason: str = "") -> int | None:
    """Send again; how many orders waited for it, None where sending is not paused.

    Each of them has in its history which operator resumed it and why.
    """
    paused = MidSyncGate.objects.filter(pk=1, paused_at__isnull=False)
    with transaction.atomic():
        if not paused.update(paused_at=None, paused_reason="", paused_key_fingerprint=""):
            return None
        waiting = list(Task.objects.unsent().filter(waits_for=Task.WaitsFor.OPERATOR))
        for task in waiting if actor else []:
            task.record(TaskEvent.Kind.SUPPORT, "support", actor=actor, reason=reason[:500])
        _send_what_waits_for(Task.WaitsFor.OPERATOR)
    log.warning("sending is resumed")
    return len(waiting)


def _send_what_waits_for(what: Task.WaitsFor) -> None:
    """Let the workers send what was put off; in the order of their orders."""
    waiting = Task.objects.unsent().filter(waits_for=what, next_check_at__gt=timezone.now())
    waiting.update(next_check_at=F("created_at"))


# --- The last problem -------------------------------------------------------------------------


def note_problem(question: str, problem: str) -> None:
    """Tell the operator what went wrong last; a good answer to the same question clears it."""
    log.warning("MidSync, %s: %s", question, problem)
    get_gate()
    MidSyncGate.objects.filter(pk=1).update(
        problem=f"{question}: {problem}"[:200], problem_at=timezone.now()
    )


def note_success(question: str) -> None:
    """MidSync answered this kind of question as it should: its last problem is over."""
    if get_gate().problem.startswith(f"{question}: "):
        MidSyncGate.objects.filter(pk=1, problem__startswith=f"{question}: ").update(
            problem="", problem_at=None
        )


# --- Breaker ----------------------------------------------------------------------------------


def is_away() -> bool:
    """Whether MidSync counts as away: nothing is sent, and only a probe is asked."""
    return MidSyncGate.objects.filter(pk=1, breaker_open_until__isnull=False).exists()


def note_outage(question: str, error: MidSyncError, began_at: datetime) -> None:
    """Count an outage (not reached, no usable answer) of a request that began at `began_at`."""
    note_problem(question, str(error))
    now = timezone.now()
    with transaction.atomic():
        gate = MidSyncGate.objects.select_for_update(no_key=True).get(pk=1)
        if gate.is_away:
            return
        if gate.breaker_closed_at and began_at < gate.breaker_closed_at:
            return  # it hung since before MidSync came back: no news
        if gate.failures_since is None or now - gate.failures_since > FAILURES_WITHIN:
            gate.failures, gate.failures_since = 0, now
        gate.failures += 1
        if gate.failures >= settings.MIDSYNC_BREAKER_FAILURES:
            gate.breaker_open_until = _next_probe(now)
        gate.save(update_fields=["failures", "failures_since", "breaker_open_until"])
    if gate.is_away:
        log.error("MidSync is away: nothing is sent until it answers a probe")


def claim_probe() -> bool:
    """Take the right to ask one question while MidSync is away; one process gets it at a time.

    Whatever becomes of the claimer, the next probe is due after MIDSYNC_BREAKER_SECONDS.
    """
    now = timezone.now()
    until = get_gate().breaker_open_until
    if until is None or until > now:
        return False
    due = MidSyncGate.objects.filter(pk=1, breaker_open_until=until)
    return bool(due.update(breaker_open_until=_next_probe(now)))


def close_breaker() -> None:
    """MidSync has answered: everything that waited goes on."""
    log.warning("MidSync is back")
    MidSyncGate.objects.filter(pk=1).update(
        failures=0,
        failures_since=None,
        breaker_open_until=None,
        breaker_closed_at=timezone.now(),
        problem="",
        problem_at=None,
    )
    _send_what_waits_for(Task.WaitsFor.MIDSYNC)


def _next_probe(now: datetime) -> datetime:
    """Later than MIDSYNC_BREAKER_SECONDS by up to 20 %, never sooner."""
    return now + timedelta(seconds=settings.MIDSYNC_BREAKER_SECONDS * uniform(1.0, 1.2))  # noqa: S311


# --- Budget -----------------------------------------------------------------------------------


def take(wanted: int) -> int:
    """How many requests, at most `wanted`, a worker may make now; they count as made."""
    for _ in range(TRIES):
        if wanted < 1:
            return 0
        gate, now = get_gate(), timezone.now()
        left = _budget_left(gate, now)
        granted = min(wanted, int(left + 1e-6))
        if granted < 1:
            return 0
        never = {"budget_at__isnull": True}
        as_read = {"budget_at": gate.budget_at} if gate.budget_at else never
        unchanged = MidSyncGate.objects.filter(pk=1, budget=gate.budget, **as_read)
        if unchanged.update(budget=left - granted, budget_at=now):
            return granted
    return 0


def owe(requests: int = 1) -> None:
    """Count requests that are made without waiting for the budget; those after them wait."""
    MidSyncGate.objects.filter(pk=1).update(budget=F("budget") - requests)


def may_repeat() -> bool:
    """Whether a worker's question without an answer may be asked once more at once."""
    if is_away():
        return False
    owe()
    return True


def _budget_left(gate: MidSyncGate, now: datetime) -> float:
    """A bucket of one second's requests that fills evenly."""
    rate = float(settings.MIDSYNC_RATE)
    if gate.budget_at is None:
        return rate
    passed = now - gate.budget_at
    if passed < -CLOCKS_MAY_DIFFER:  # written by a clock that was wrong: begin anew
        return max(1.0, min(rate, gate.budget))
    return min(rate, gate.budget + max(0.0, passed.total_seconds()) * rate)


def bind_to_midsync() -> None:
    """Remember, before the first send, whether this database orders from a simulator."""
    if get_gate().is_simulated is None:
        MidSyncGate.objects.filter(pk=1, is_simulated__isnull=True).update(
            is_simulated=settings.MIDSYNC_IS_SIMULATED
        )
