"""What the operator watches: the gate towards MidSync, the workers, the list of models."""

from django.contrib import admin
from django.http import HttpRequest
from django.template.defaultfilters import pluralize

from midsync_portal import gate
from midsync_portal.models import CatalogCopy, MidSyncGate, User, WorkerHeartbeat
from midsync_portal.people import may_operate

from .evidence import EvidenceAdmin
from .verbs import verb


def resume_sending(row: MidSyncGate, actor: User, reason: str) -> str:
    """Send again after MidSync refused our key; one sentence of what came of it."""
    waited = gate.resume(actor, reason)
    if waited is None:
        return "nothing changed: sending is not paused."
    return f"resumed; {waited} order{pluralize(waited)} waited for it."


@admin.register(MidSyncGate)
class MidSyncGateAdmin(EvidenceAdmin):
    """Whether MidSync may be called; *resume* sends again after MidSync refused our key."""

    list_display = (
        "__str__",
        "paused_at",
        "paused_reason",
        "breaker_open_until",
        "problem",
        "problem_at",
    )
    exclude = ("paused_key_fingerprint",)
    actions = (
        verb(
            "resume_sending",
            "Resume sending",
            resume_sending,
            "What waits unsent goes out within seconds. If MidSync still refuses our key, sending "
            "pauses again; nothing is charged for that. Your reason and your name go into the "
            "history of each order that waited, where its customer reads the reason.",
            permission="operate",
        ),
    )

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Operators."""
        return may_operate(request.user)


@admin.register(WorkerHeartbeat)
class WorkerHeartbeatAdmin(EvidenceAdmin):
    """Which workers live."""

    list_display = ("name", "started_at", "beat_at")


@admin.register(CatalogCopy)
class CatalogCopyAdmin(EvidenceAdmin):
    """MidSync's list of models as last received."""

    list_display = ("__str__", "fetched_at")
