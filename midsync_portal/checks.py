"""System checks: a wrong setting or database is named before it can hurt."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import DatabaseError


@checks.register(checks.Tags.security)
def mail_is_sent(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Links that set a new password belong into a mailbox, not into a log."""
    if not settings.PORTAL_IS_HTTPS or "console" not in settings.EMAIL_BACKEND:
        return []
    return [
        checks.Warning(
            "EMAIL_HOST is not set: links for a new password, and what tasks are about, are "
            "printed to the log, and nobody gets a message.",
            id="portal.W001",
        )
    ]


@checks.register(checks.Tags.database)
def simulator_and_midsync_never_mix(
    app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """A database that has ordered from a simulator must not order from MidSync, and vice versa."""
    if not databases:
        return []
    from .models import MidSyncGate

    try:
        gate = MidSyncGate.objects.filter(pk=1).first()
    except DatabaseError:
        return []  # not migrated yet
    if gate is None or gate.is_simulated in (None, settings.MIDSYNC_IS_SIMULATED):
        return []
    was, now = ("a simulator", "MidSync") if gate.is_simulated else ("MidSync", "a simulator")
    return [
        checks.Error(
            f"DATABASE_URL: this database holds tasks of {was}, but MIDSYNC_BASE_URL names {now}.",
            hint="Use another database: ids and points of the two must never mix.",
            id="portal.E001",
        )
    ]
