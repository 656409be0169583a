"""The inbox: what was stored is applied at once, and tried again where that failed.

Everything here may run any number of times for one delivery: a task's rank only rises.
"""

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import uniform

from django.db import transaction
from django.db.models import DateTimeField, F, Value
from django.db.models.functions import Least
from django.utils import timezone

from midsync_portal import gate
from midsync_portal.figures import count
from midsync_portal.logs import without_secrets
from midsync_portal.midsync.reader import UnreadableBody, is_challenge, read_body, read_report
from midsync_portal.midsync.text import clean_message
from midsync_portal.midsync.types import StatusReport
from midsync_portal.models import CallbackDelivery, Task
from midsync_portal.models.reports import CALLBACK, stop_sending
from midsync_portal.models.rows import update
from midsync_portal.models.status import Status
from midsync_portal.reconcile import reconcile_task

from .orphans import link
from .patience import NOTING, impatient
from .storing import NotKept

log = logging.getLogger("midsync_portal.callbacks")

State = CallbackDelivery.State
TRIES_MAX = 20
WAITS = (2, 4, 8, 16, 32, 60)  # seconds after the first, second, … failure; then:
LAST_WAIT = 300
# A worker that died with a delivery in hand has lost it after this.
WORKER_HOLDS = timedelta(seconds=20)
STATUS_AT_MOST_EVERY = timedelta(seconds=10)
WAS_ASKED = "MidSync was asked"  # how `reconcile_task` begins where MidSync has answered
CANNOT_ASK = "a callback says nothing that we can use, and MidSync could not be asked about it"


@dataclass(frozen=True)
class Processed:
    """What came of a delivery; `changed`: whether its task is another now."""

    state: str
    outcome: str
    answer: str = ""
    changed: bool = False


@dataclass(frozen=True)
class Said:
    """What a body says; `report` is None where it cannot be read, and the rest says why."""

    report: StatusReport | None
    challenge: str = ""
    state: str = State.DONE
    outcome: str = ""


def apply_delivery(delivery: CallbackDelivery, body: bytes, is_repeat: bool) -> str:
    """Apply a delivery in the request that brought it; gives back the challenge to echo, if any.

    Whatever goes wrong stays on the delivery for the worker. Raises only NotKept: a body over
    CALLBACK_BODIES_PER_TASK that could be neither applied nor kept after all.
    """
    began = time.monotonic()
    try:
        if is_repeat and delivery.state not in (State.NEW, State.DEAD):
            return understand(body).challenge
        again_at = delivery.next_try_at if is_repeat else _next_try(1)
        said = understand(body)  # before anybody has to wait for us
        with impatient(can_be_redone=_can_be_redone(delivery)):
            processed = process(delivery, said, again_at)
    except Exception as error:
        log.exception("delivery %s could not be applied", delivery.pk)
        _leave_to_worker(delivery, error, is_repeat)
        return ""
    _log(delivery, processed, began)
    return processed.answer


def _can_be_redone(delivery: CallbackDelivery) -> bool:
    """Whether a crash of the machine may take back what is applied, until the worker does it again.

    Not where the worker would not: the body is not kept, or was given up. Nor where the task might
    look unsent meanwhile, and be sent: only one that MidSync has accepted never is again.
    """
    task = delivery.task
    is_due = delivery.pk is not None and delivery.state == State.NEW
    return is_due and task is not None and task.is_accepted


def understand(body: bytes | None) -> Said:
    """What a body says; None is one of which only the beginning was kept."""
    if body is None:
        return Said(None, outcome="too large to read again")
    try:
        payload = read_body(body)
    except UnreadableBody as error:
        return Said(None, state=State.KEPT, outcome=f"unreadable ({error})")
    return Said(read_report(payload), is_challenge(payload) or "")


def process(delivery: CallbackDelivery, said: Said, again_at: datetime | None) -> Processed:
    """Apply what a body says, and note on the delivery what came of it.

    Runs in the caller's transaction, all of which has to be undone if this fails. `again_at`:
    when to look again if MidSync's number of the task is not known yet, so that it cannot be asked.
    """
    before = delivery.state
    processed = _process(delivery, said)
    is_news = processed.changed or before != State.DONE or processed.state != State.DONE
    if delivery.pk and is_news:
        waits = processed.state == State.NEW
        written = {
            "state": processed.state,
            "outcome": processed.outcome[:200],
            "error": "",
            "processed_at": timezone.now(),
            "next_try_at": (again_at or timezone.now()) if waits else None,
        }
        # Not over what a repeat at the same moment has noted.
        update(CallbackDelivery, delivery.pk, written, state=before)
        for name, value in written.items():
            setattr(delivery, name, value)
    return processed


def _process(delivery: CallbackDelivery, said: Said) -> Processed:
    report = said.report
    if report and said.challenge and report.status is None:
        return Processed(State.DONE, "challenge answered", answer=said.challenge)
    task = delivery.task or link(delivery, report)
    if task is None:
        if delivery.state == State.DONE:
            return Processed(State.DONE, delivery.outcome)
        return Processed(State.KEPT, "it names no task of ours, or more than one")
    if delivery.is_hint:
        return _asks(task, State.DONE, "came by the account-wide URL, so it proves nothing")
    if report is None:
        return _asks(task, said.state, said.outcome)
    event = {"delivery": delivery} if delivery.pk else {}
    applied = task.apply(report, CALLBACK, savepoint=False, **event)
    if applied.asks_status:
        state = State.DONE if applied.is_understood else State.KEPT
        return _asks(task, state, applied.outcome, changed=applied.changed)
    return Processed(State.DONE, applied.outcome, changed=applied.changed)


def _asks(task: Task, state: str, outcome: str, changed: bool = False) -> Processed:
    """The delivery is not enough by itself: the worker asks MidSync."""
    if ask_status_soon(task):
        return Processed(state, f"{outcome}: MidSync is asked", changed=changed)
    if task.status == Status.SUCCEEDED:
        return Processed(state, f"{outcome}: the video is here already", changed=changed)
    if task.is_final and not task.midsync_task_id:
        task.flag(CANNOT_ASK, CALLBACK)
        return Processed(State.KEPT, f"{outcome}: MidSync cannot be asked", changed=changed)
    when = "" if task.is_final else " once we know its number"
    return Processed(State.NEW, f"{outcome}: MidSync is asked{when}", changed=changed)


def ask_status_soon(task: Task) -> bool:
    """Let the worker ask MidSync, at most once per 10 s however many callbacks come.

    False where it does not ask about this task by itself: ended, being sent, or without a number.
    """
    task.refresh_from_db()
    if task.waits_unsent:
        stop_sending(task, CALLBACK)
    if not task.is_open:
        return False
    at = timezone.now()
    if task.last_checked_at:
        at = max(at, task.last_checked_at + STATUS_AT_MOST_EVERY)
    if task.status == Status.SUBMITTING or not task.midsync_task_id:
        return False
    soon = Least("next_check_at", Value(at, DateTimeField()))
    Task.objects.filter(pk=task.pk).update(next_check_at=soon, check_wanted_at=timezone.now())
    return True


def process_due_delivery(delivery: CallbackDelivery) -> None:
    """The worker's try at a delivery that its request left behind."""
    claimed = CallbackDelivery.objects.filter(
        pk=delivery.pk, state=State.NEW, next_try_at=delivery.next_try_at
    ).update(next_try_at=timezone.now() + WORKER_HOLDS, tries=F("tries") + 1)
    if not claimed:
        return
    delivery.refresh_from_db()
    began = time.monotonic()
    try:
        if delivery.tries > TRIES_MAX:
            raise RuntimeError(delivery.error or "each worker that tried it has died")
        said = understand(body_of(delivery))
        with transaction.atomic():
            processed = process(delivery, said, _next_try(delivery.tries))
        if processed.state == State.NEW and delivery.task:
            processed = _settle(delivery, delivery.task, processed)
    except Exception as error:
        log.exception("delivery %s could not be applied", delivery.pk)
        put_back(delivery, error)
    else:
        _log(delivery, processed, began)


def _settle(delivery: CallbackDelivery, task: Task, processed: Processed) -> Processed:
    """Ask about an ended task, since no schedule does; after the last try support looks."""
    outcome = processed.outcome
    if task.is_final and task.midsync_task_id and gate.take(1):
        said = reconcile_task(task)
        if said.startswith(WAS_ASKED):
            return _end(delivery, Processed(State.DONE, f"{outcome}. {said}"))
    if delivery.tries < TRIES_MAX:
        return processed
    task.flag(CANNOT_ASK, CALLBACK)
    return _end(delivery, Processed(State.KEPT, f"{outcome}, in vain"))


def _end(delivery: CallbackDelivery, processed: Processed) -> Processed:
    CallbackDelivery.objects.filter(pk=delivery.pk, state=State.NEW).update(
        state=processed.state, outcome=processed.outcome[:200], next_try_at=None
    )
    return processed


def body_of(delivery: CallbackDelivery) -> bytes | None:
    """The body as it came; None where only its beginning was kept."""
    return None if delivery.is_truncated else bytes(delivery.body)


def put_back(delivery: CallbackDelivery, error: Exception) -> None:
    """Note a failure on the delivery; after 20 tries it is support's."""
    is_dead = delivery.tries >= TRIES_MAX
    CallbackDelivery.objects.filter(pk=delivery.pk, state=State.NEW).update(
        state=State.DEAD if is_dead else State.NEW,
        tries=delivery.tries,
        error=error_text(error),
        next_try_at=None if is_dead else _next_try(delivery.tries),
    )


def error_text(error: Exception) -> str:
    """An exception as it is kept: its kind and what it says, in characters that can be stored."""
    return clean_message(without_secrets(f"{type(error).__name__}: {error}"), 2000)


def _leave_to_worker(delivery: CallbackDelivery, error: Exception, is_repeat: bool) -> None:
    """Note a request's failure; where even that fails, the worker finds the row due as stored."""
    try:
        if delivery.pk is None:
            delivery.error = error_text(error)
            delivery.save(force_insert=True)
            return
        with impatient(NOTING):
            if is_repeat:  # the worker's schedule is not moved by however many repeats
                rows = CallbackDelivery.objects.filter(pk=delivery.pk)
                rows.update(error=error_text(error))
            else:
                delivery.tries = 1
                put_back(delivery, error)
    except Exception as problem:
        log.exception("delivery %s: not even that could be noted", delivery.pk)
        if delivery.pk is None:
            raise NotKept("neither applied nor kept") from problem


def _next_try(tries: int) -> datetime:
    """When to try again after so many failures: 2, 4, 8 … 60 s, then 5 min, ±20 %."""
    wait = WAITS[tries - 1] if tries <= len(WAITS) else LAST_WAIT
    return timezone.now() + timedelta(seconds=wait * uniform(0.8, 1.2))  # noqa: S311


def _log(delivery: CallbackDelivery, processed: Processed, began: float) -> None:
    named = delivery.named_task or "an unknown task"
    took = round((time.monotonic() - began) * 1000)
    count("delivery", "", str(processed.state), took)
    facts = {"delivery": delivery.pk, "task": str(named), "outcome": processed.outcome}
    facts |= {"state": str(processed.state), "ms": took}
    log.info(
        "callback for task %s: %s (%s ms)", named, processed.outcome, took, extra={"facts": facts}
    )
