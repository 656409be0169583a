"""What waits for support: each list is a filter of the admin, and empties by dealing with it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .models import CallbackDelivery, Task, UsageFinding
from .models.status import ACCEPTED, OPEN, Status

LATE_AFTER = timedelta(minutes=30)
CALLBACK_EXPECTED_WITHIN = timedelta(minutes=10)
FAILURES_WAIT = timedelta(days=7)  # longer than a weekend, in whatever time zone
COUNTED_MAX = 1_000  # more than that is not counted


@dataclass(frozen=True)
class WorkList:
    """One list: its name in URLs, what it is called, how it empties, and its rows."""

    name: str
    label: str | Promise
    remedy: str | Promise
    model: str  # of the admin page that shows it
    rows: Callable[[], QuerySet[Any]]

    def count(self) -> int:
        """How many wait, up to `COUNTED_MAX`; one query."""
        return self.rows().order_by()[:COUNTED_MAX].count()


def _review() -> QuerySet[Task]:
    return Task.objects.filter(review_at__isnull=False)


def _unconfirmed() -> QuerySet[Task]:
    return Task.objects.unconfirmed()


def _late() -> QuerySet[Task]:
    before = timezone.now() - LATE_AFTER
    return Task.objects.filter(status__in=sorted(OPEN), created_at__lt=before)


def _no_callback() -> QuerySet[Task]:
    before = timezone.now() - CALLBACK_EXPECTED_WITHIN
    came = Exists(CallbackDelivery.objects.filter(task=OuterRef("pk")))
    return Task.objects.filter(~came, status__in=sorted(ACCEPTED), created_at__lt=before)


def _failed() -> QuerySet[Task]:
    since = timezone.now() - FAILURES_WAIT
    failed = Task.objects.filter(status=Status.FAILED, handled_at__isnull=True)
    return failed.filter(finished_at__gte=since)


def _charge_differs() -> QuerySet[Task]:
    return Task.objects.filter(
        ~Q(points_charged=F("points_quoted")),
        points_quoted__isnull=False,
        points_charged__isnull=False,
        handled_at__isnull=True,
    )


def _unsaved() -> QuerySet[Task]:
    return Task.objects.filter(video_state=Task.VideoState.GAVE_UP, handled_at__isnull=True)


def _orphans() -> QuerySet[CallbackDelivery]:
    return CallbackDelivery.objects.filter(task=None, state=CallbackDelivery.State.KEPT)


def _findings() -> QuerySet[UsageFinding]:
    return UsageFinding.objects.filter(handled_at__isnull=True)


def _dead() -> QuerySet[CallbackDelivery]:
    return CallbackDelivery.objects.filter(state=CallbackDelivery.State.DEAD)


WORK_LISTS = (
    WorkList(
        "review",
        _("Needs review"),
        _("Look into the reason, then “Review done”."),
        "task",
        _review,
    ),
    WorkList(
        "unconfirmed",
        _("Unconfirmed"),
        _("Link to MidSync's number, or “No charge found”."),
        "task",
        _unconfirmed,
    ),
    WorkList(
        "late",
        _("Late"),
        _("Open for more than 30 minutes: ask MidSync, or give up."),
        "task",
        _late,
    ),
    WorkList(
        "failed",
        _("Failed in the last 7 days"),
        _("Answer the customer, then “Dealt with”."),
        "task",
        _failed,
    ),
    WorkList(
        "differs",
        _("Charge differs from quote"),
        _("Clear it up with MidSync, then “Dealt with”."),
        "task",
        _charge_differs,
    ),
    WorkList(
        "silent",
        _("No callback yet"),
        _("Accepted 10 minutes ago, nothing heard: ask MidSync."),
        "task",
        _no_callback,
    ),
    WorkList(
        "orphans",
        _("Callbacks that fit no task"),
        _("Link their task to MidSync's number, or set them aside."),
        "callbackdelivery",
        _orphans,
    ),
    WorkList(
        "dead",
        _("Dead deliveries"),
        _("Read the error, then replay or set aside."),
        "callbackdelivery",
        _dead,
    ),
    WorkList(
        "unsaved",
        _("Copies that failed"),
        _("Fetch the video again; where it is gone for good, “Dealt with”."),
        "task",
        _unsaved,
    ),
    WorkList(
        "findings",
        _("Usage logs disagree"),
        _("Clear it up with MidSync, then “Dealt with”."),
        "usagefinding",
        _findings,
    ),
)


def work_list(name: str | None, model: str) -> WorkList | None:
    """The list of this name on the page of this model."""
    return next((one for one in WORK_LISTS if (one.name, one.model) == (name, model)), None)
