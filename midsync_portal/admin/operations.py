"""What the operator watches: the gate towards MidSync, the workers, the list of models."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from midsync_portal import gate
from midsync_portal.models import CatalogCopy, MidSyncGate, WorkerHeartbeat
from midsync_portal.people import may_operate

from .evidence import EvidenceAdmin


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
    actions = ("resume_sending",)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Operators."""
        return may_operate(request.user)

    @admin.action(description="Resume sending", permissions=["operate"])
    def resume_sending(self, request: HttpRequest, rows: QuerySet[MidSyncGate]) -> None:
        """Send again; what waited unsent goes out within seconds."""
        gate.resume()
        self.message_user(request, "Sending is resumed.")


@admin.register(WorkerHeartbeat)
class WorkerHeartbeatAdmin(EvidenceAdmin):
    """Which workers live."""

    list_display = ("name", "started_at", "beat_at")


@admin.register(CatalogCopy)
class CatalogCopyAdmin(EvidenceAdmin):
    """MidSync's list of models as last received."""

    list_display = ("__str__", "fetched_at")
