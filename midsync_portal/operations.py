"""What an operator has to know now: words for machines (`/readyz`), sentences for people.

`docs/operations.md` says what each word means and what to do.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone
from django.utils.translation import gettext

from .models import CallbackDelivery, MidSyncGate, WorkerHeartbeat

HEARTBEAT_MAX_AGE = timedelta(seconds=60)
# Without these the portal cannot keep its promises: it is not ready. With any of the others it
# serves and catches up by itself, or waits for support: it is degraded.
NOT_READY = frozenset({"starting", "database", "migrations", "worker"})

_on_disk: frozenset[tuple[str, str]] | None = None


@dataclass(frozen=True)
class Problem:
    """Something that is wrong now: a stable word, and a sentence that says what to do."""

    word: str
    sentence: str


def problems() -> list[Problem]:
    """What is wrong, the worst first; three small queries. Raises DatabaseError."""
    found = []
    alive = timezone.now() - HEARTBEAT_MAX_AGE
    if not WorkerHeartbeat.objects.filter(beat_at__gte=alive).exists():
        found.append(Problem("worker", "No worker is running: start bin/worker."))
    gate = MidSyncGate.objects.filter(pk=1).first()
    if gate and gate.paused_at:
        found.append(
            Problem(
                "paused",
                f"Sending is paused: {gate.paused_reason}. Set the right MIDSYNC_API_KEY and "
                "restart, or resume it in the admin.",
            )
        )
    if gate and gate.is_away:
        found.append(
            Problem(
                "breaker",
                "MidSync cannot be reached: orders wait unsent until it answers again "
                f"({gate.problem or 'no answer'}).",
            )
        )
    elif gate and gate.problem:
        found.append(Problem("trouble", f"MidSync did not answer as it should ({gate.problem})."))
    dead = CallbackDelivery.objects.filter(state=CallbackDelivery.State.DEAD).count()
    if dead:
        sentence = f"{dead} callback{'' if dead == 1 else 's'} could not be applied"
        found.append(Problem("deliveries", f"{sentence}: look at them and reprocess."))
    return found


def operator_problems() -> list[str]:
    """What is wrong, in sentences for support's banner."""
    return [problem.sentence for problem in problems()]


def readiness_words() -> list[str]:
    """What is wrong, in words for `/readyz`; migrations first. Raises DatabaseError."""
    if missing_migrations():
        return ["migrations"]
    return [problem.word for problem in problems()]


def missing_migrations() -> bool:
    """Whether this version has migrations that the database has not seen; one query."""
    global _on_disk
    if _on_disk is None:
        loader = MigrationLoader(None, ignore_no_migrations=True)
        _on_disk = frozenset(key for key in loader.disk_migrations if not _is_squash(loader, key))
    return not _on_disk <= MigrationRecorder(connection).applied_migrations().keys()


def _is_squash(loader: MigrationLoader, key: tuple[str, str]) -> bool:
    return bool(loader.disk_migrations[key].replaces)


def customer_notice() -> str:
    """What a customer should know before ordering, in plain words; empty where all is well."""
    gate = MidSyncGate.objects.filter(pk=1).first()
    if gate is None:
        return ""
    if gate.paused_at:
        return gettext(
            "Ordering is paused for the moment; our team has been told. "
            "Nothing is sent or charged until it goes on."
        )
    if gate.is_away:
        return gettext(
            "MidSync cannot be reached right now. You can order: it is sent when MidSync is back; "
            "nothing is charged until then."
        )
    return ""
