"""A task: one request for one video, what it cost, where it stands and how it came there."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from midsync_portal.live.wakeups import announce_change

from .events import TaskEvent
from .mails import EndMail
from .people import Customer, User
from .reports import Applied, apply_report
from .rows import insert, update
from .status import ACCEPTED, FINAL, MOVES_TO, OPEN, Status

if TYPE_CHECKING:
    from midsync_portal.midsync.types import StatusReport

COST = Coalesce("points_charged", "points_quoted")
EVENT_FIELDS = ("reason", "evidence", "actor", "delivery")


class TaskQuerySet(models.QuerySet["Task"]):
    """Questions about many tasks; a customer's page always begins with `for_customer`."""

    def for_customer(self, customer: Customer | None) -> "TaskQuerySet":
        """The tasks of one customer; none where there is no customer."""
        return self.filter(customer=customer) if customer else self.none()

    def newest_first(self) -> "TaskQuerySet":
        """In the order of every list."""
        return self.order_by("-created_at", "-pk")

    def costing(self, least: Decimal | None, most: Decimal | None) -> "TaskQuerySet":
        """Tasks of so many points: charged, or quoted where no charge is known; None: any."""
        tasks = self.alias(cost=COST) if least is not None or most is not None else self
        if least is not None:
            tasks = tasks.filter(cost__gte=least)
        return tasks if most is None else tasks.filter(cost__lte=most)

    def open(self) -> "TaskQuerySet":
        """Tasks that have not ended."""
        return self.filter(status__in=OPEN)

    def due(self, now: datetime) -> "TaskQuerySet":
        """Open tasks that the worker has to look at, the longest due first."""
        return self.open().filter(next_check_at__lte=now).order_by("next_check_at")

    def unsent(self) -> "TaskQuerySet":
        """Tasks that are written down and provably not at MidSync."""
        return self.filter(status=Status.SUBMITTING, sent_at__isnull=True)

    def videos_due(self, now: datetime) -> "TaskQuerySet":
        """Tasks of whose video we have to make our own copy, the longest due first."""
        return self.filter(video_next_try_at__lte=now).order_by("video_next_try_at")

    def unconfirmed(self) -> "TaskQuerySet":
        """Tasks of which nobody knows yet whether MidSync accepted them."""
        return self.filter(status=Status.UNCONFIRMED)


class Task(models.Model):
    """One request for one video. `move_to` is the only writer of `status`.

    Points are Decimal. `next_check_at` says when the worker looks at an open task next: to send
    it, to call its lease lapsed, or to ask MidSync; `video_next_try_at` when it fetches the video.
    """

    class VideoState(models.TextChoices):
        NONE = "none", "not here yet"
        FETCHING = "fetching", "being saved"
        STORED = "stored", "saved"
        GAVE_UP = "gave_up", "could not be saved"

    class WaitsFor(models.TextChoices):
        """What an unsent task waits for."""

        MIDSYNC = "midsync", "MidSync to be reachable"
        ROOM = "room", "MidSync to be less busy"
        OPERATOR = "operator", "an operator to resume sending"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="tasks")
    ordered_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="tasks", db_index=False
    )
    submit_key = models.UUIDField()
    video_model = models.CharField(max_length=100)
    prompt = models.TextField(blank=True)
    parameters = models.JSONField(default=dict)
    request_body = models.TextField(help_text="canonical JSON as quoted, without callbackUrl")
    body_hash = models.CharField(max_length=64)

    based_on = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="used_again"
    )

    status = models.CharField(max_length=20, choices=Status, default=Status.SUBMITTING)
    progress = models.PositiveSmallIntegerField(null=True, blank=True, help_text="percent")
    failure_code = models.CharField(max_length=64, blank=True)
    failure_message = models.CharField(max_length=500, blank=True)
    points_quoted = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    points_charged = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    charge_unknown = models.BooleanField(default=False)
    needs_review = models.CharField(max_length=200, blank=True, help_text="reason; empty: no")
    review_at = models.DateTimeField(null=True, blank=True)
    # When support has dealt with a failure or another charge; anew with each move.
    handled_at = models.DateTimeField(null=True, blank=True)

    midsync_task_id = models.CharField(max_length=200, blank=True)
    provider_task_id = models.CharField(max_length=200, blank=True)
    provider_model = models.CharField(max_length=200, blank=True)
    estimated_seconds = models.PositiveIntegerField(null=True, blank=True)

    source_url = models.CharField(max_length=2048, blank=True)
    cover_url = models.CharField(max_length=2048, blank=True)
    video = models.FileField(upload_to="videos/", blank=True)
    poster = models.FileField(upload_to="videos/", blank=True)
    video_state = models.CharField(max_length=10, choices=VideoState, default=VideoState.NONE)
    video_type = models.CharField(max_length=40, blank=True)
    video_size = models.PositiveBigIntegerField(null=True, blank=True, help_text="bytes")
    video_saved_at = models.DateTimeField(null=True, blank=True)
    video_tries = models.PositiveSmallIntegerField(default=0)
    video_next_try_at = models.DateTimeField(null=True, blank=True)
    video_error = models.CharField(max_length=200, blank=True, help_text="why the last try failed")

    sent_at = models.DateTimeField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    send_attempts = models.PositiveSmallIntegerField(default=0)
    waits_for = models.CharField(max_length=10, choices=WaitsFor, blank=True)
    next_check_at = models.DateTimeField(null=True, blank=True)
    last_checked_at = models.DateTimeField(null=True, blank=True)
    # When a delivery that was not enough by itself had MidSync asked; such checks come first.
    check_wanted_at = models.DateTimeField(null=True, blank=True)
    not_found_count = models.PositiveSmallIntegerField(default=0)
    checks = models.PositiveSmallIntegerField(default=0)
    log_readings = models.PositiveSmallIntegerField(default=0)

    created_at = models.DateTimeField(default=timezone.now)
    accepted_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    recorded: tuple[int, ...] = ()  # the events that this instance has left
    is_carried = False  # `live.carrying` announces them
    # Read along with the row, by who asks `rows` for it.
    orderers_language: str | None = None
    newest_event: int | None = None

    objects = TaskQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["customer", "submit_key"], name="task_once_per_form"),
            models.UniqueConstraint(
                fields=["midsync_task_id"],
                condition=~Q(midsync_task_id=""),
                name="task_midsync_id_once",
            ),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="task_status_known"),
            models.CheckConstraint(
                condition=(Q(points_quoted__isnull=True) | Q(points_quoted__gte=0))
                & (Q(points_charged__isnull=True) | Q(points_charged__gte=0)),
                name="task_points_positive",
            ),
            models.CheckConstraint(
                condition=Q(sent_at__isnull=False) | Q(status__in=["submitting", "rejected"]),
                name="task_beyond_sending_was_sent",
            ),
            models.CheckConstraint(
                condition=Q(lease_token__isnull=True, lease_until__isnull=True)
                | Q(lease_token__isnull=False, lease_until__isnull=False, sent_at__isnull=False),
                name="task_lease_whole",
            ),
            models.CheckConstraint(
                condition=Q(lease_token__isnull=True) | Q(status="submitting"),
                name="task_lease_only_while_sending",
            ),
            models.CheckConstraint(
                condition=~Q(status="succeeded") | ~Q(source_url=""),
                name="task_succeeded_has_video",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["rejected", "failed", "cancelled"]) | ~Q(failure_code=""),
                name="task_ended_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["rejected", "failed", "cancelled"])
                | Q(failure_code="", failure_message=""),
                name="task_reason_only_where_ended",
            ),
            models.CheckConstraint(
                condition=Q(charge_unknown=False) | Q(points_charged__isnull=True),
                name="task_charge_known_or_not",
            ),
            models.CheckConstraint(
                condition=Q(video_state__in=["none", "fetching", "stored", "gave_up"]),
                name="task_video_state_known",
            ),
            models.CheckConstraint(
                condition=Q(status__in=sorted(FINAL), finished_at__isnull=False)
                | Q(~Q(status__in=sorted(FINAL)), finished_at__isnull=True),
                name="task_final_has_end",
            ),
            models.CheckConstraint(
                condition=Q(status__in=sorted(FINAL)) | Q(next_check_at__isnull=False),
                name="task_open_is_due",
            ),
            models.CheckConstraint(
                condition=Q(needs_review="", review_at__isnull=True)
                | Q(~Q(needs_review=""), review_at__isnull=False),
                name="task_review_whole",
            ),
            models.CheckConstraint(
                condition=Q(progress__isnull=True) | Q(progress__lte=100),
                name="task_progress_percent",
            ),
            models.CheckConstraint(
                condition=~Q(video_state="fetching") | Q(video_next_try_at__isnull=False),
                name="task_video_fetching_is_due",
            ),
            models.CheckConstraint(
                condition=~Q(video_state="stored")
                | (~Q(video="") & ~Q(video_type="") & Q(video_size__isnull=False)),
                name="task_video_stored_is_there",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "-created_at", "-id"], name="task_list"),
            models.Index(fields=["ordered_by", "-created_at", "-id"], name="task_of_person"),
            # What the list of a customer can be narrowed down to; see `finding.filters`.
            models.Index(
                fields=["customer", "status", "-created_at", "-id"], name="task_list_status"
            ),
            models.Index(
                fields=["customer", "video_model", "-created_at", "-id"], name="task_list_model"
            ),
            models.Index(
                "customer",
                COST,
                F("created_at").desc(),
                name="task_list_points",
            ),
            models.Index(fields=["-created_at", "-id"], name="task_newest"),
            models.Index(
                fields=["finished_at"],
                condition=Q(status="failed", handled_at__isnull=True),
                name="task_failed",
            ),
            models.Index(
                fields=["created_at"],
                condition=Q(
                    ~Q(points_charged=F("points_quoted")),
                    points_quoted__isnull=False,
                    points_charged__isnull=False,
                    handled_at__isnull=True,
                ),
                name="task_charge_differs",
            ),
            models.Index(
                fields=["created_at"], condition=Q(video_state="gave_up"), name="task_unsaved"
            ),
            models.Index(
                fields=["next_check_at"], condition=Q(status__in=sorted(OPEN)), name="task_due"
            ),
            models.Index(
                fields=["video_next_try_at"],
                condition=Q(video_next_try_at__isnull=False),
                name="task_video_due",
            ),
            models.Index(
                fields=["provider_task_id"],
                condition=~Q(provider_task_id=""),
                name="task_provider_id",
            ),
            models.Index(fields=["status", "-created_at"], name="task_status"),
            models.Index(
                fields=["review_at"], condition=Q(review_at__isnull=False), name="task_review"
            ),
            models.Index(fields=["customer", "body_hash", "-created_at"], name="task_body"),
            models.Index(
                fields=["-finished_at"],
                condition=Q(status="succeeded", accepted_at__isnull=False),
                name="task_ready",
            ),
        ]

    def __str__(self) -> str:
        return str(self.public_id)

    def get_absolute_url(self) -> str:
        """The customer's page of this task."""
        return reverse("task-detail", args=[self.public_id])

    @property
    def is_open(self) -> bool:
        """Whether something can still happen without anybody asking for it."""
        return self.status in OPEN

    @property
    def is_final(self) -> bool:
        """Whether the task has ended (a proof of success may still lift a failure)."""
        return self.status in FINAL

    @property
    def is_accepted(self) -> bool:
        """Whether MidSync has it and is not done."""
        return self.status in ACCEPTED

    @property
    def waits_unsent(self) -> bool:
        """Whether it is written down and provably not at MidSync yet."""
        return self.status == Status.SUBMITTING and self.sent_at is None

    @property
    def charge_differs(self) -> bool:
        """Whether MidSync charged other points than it quoted."""
        return (
            self.points_quoted is not None
            and self.points_charged is not None
            and self.points_quoted != self.points_charged
        )

    @property
    def points_difference(self) -> Decimal:
        """Charged minus quoted, in points; only where both are known."""
        return (self.points_charged or Decimal(0)) - (self.points_quoted or Decimal(0))

    def move_to(
        self,
        status: Status,
        source: str,
        *,
        only_if: Q | None = None,
        is_locked: bool = False,
        **fields: Any,
    ) -> bool:
        """Move to a status of higher rank; False where the task is there or beyond already.

        Writes `fields` with it, the TaskEvent and the wake-up in the same transaction.
        `reason`, `evidence`, `actor` and `delivery` among the fields go to the event.
        `only_if` is a further condition on the row as it is in the database; `is_locked` says
        that the caller holds the row's lock and this is how it is there, so it is not read again.
        """
        event = {key: fields.pop(key) for key in EVENT_FIELDS if key in fields}
        now = timezone.now()
        fields |= {"lease_token": None, "lease_until": None}  # whoever sent it need not hold it
        fields |= {"handled_at": None}  # what support dealt with was something else
        fields["finished_at"] = now if status in FINAL else None
        if status not in FINAL or status == Status.SUCCEEDED:  # a proof lifts a refusal or failure
            fields = {"failure_code": "", "failure_message": ""} | fields
        if status == Status.SUCCEEDED:  # the worker makes our own copy
            fields |= {"video_state": self.VideoState.FETCHING, "video_next_try_at": now}
        before = self.status
        fields |= {"status": status, "updated_at": now}
        if is_locked and before not in MOVES_TO[status]:
            return False
        # Who holds the lock holds a transaction, and undoes the whole of it if this fails.
        with transaction.atomic(savepoint=not is_locked):
            if is_locked:
                self.learn(fields)
            else:
                movable = Q(pk=self.pk, status__in=MOVES_TO[status]) & (only_if or Q())
                if not Task.objects.filter(movable).update(**fields):
                    return False
                self.refresh_from_db()
            self.record(
                TaskEvent.Kind.MOVE, source, status_before=before, status_after=status, **event
            )
            if status in FINAL:
                EndMail.objects.plan(self)
        return True

    def learn(self, fields: dict[str, Any]) -> None:
        """Write some columns of a row that is locked, and have them here too."""
        update(Task, self.pk, fields)
        for name, value in fields.items():
            setattr(self, name, value)

    def become(self, row: "Task") -> None:
        """Be as another instance of the same row is."""
        for field in self._meta.concrete_fields:
            setattr(self, field.attname, getattr(row, field.attname))

    def record(self, kind: "TaskEvent.Kind", source: str, **fields: Any) -> "TaskEvent":
        """Leave one TaskEvent and wake the hub; call it inside the transaction of the change."""
        event = TaskEvent(task=self, kind=kind, source=source, **fields)
        insert(event)
        self.recorded += (event.pk,)
        if not self.is_carried:
            announce_change(self, event.pk, is_new=kind == TaskEvent.Kind.CREATED)
        return event

    def apply(
        self, report: "StatusReport", source: str, savepoint: bool = True, **event: Any
    ) -> Applied:
        """Take what MidSync says of this task; see `reports.apply_report`."""
        return apply_report(self, report, source, savepoint, **event)

    def flag(self, reason: str, source: str, **event: Any) -> None:
        """Ask support for a review; the first reason stays until support has dealt with it."""
        with transaction.atomic():
            flagged = Task.objects.filter(pk=self.pk, needs_review="").update(
                needs_review=reason[:200], review_at=timezone.now(), updated_at=timezone.now()
            )
            if flagged:
                self.record(TaskEvent.Kind.REVIEW, source, reason=reason, **event)
        self.refresh_from_db()
