"""What the client and the readers hand out: frozen, with MidSync's words translated once.

`raw` is the answer as read (numbers with a fraction are `Decimal`), for support and for the
next reader; it is kept out of every repr, because it may echo a prompt.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .models_reader import OfferedModel


class ReportedStatus(StrEnum):
    """How far MidSync says a task is, in our words."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether MidSync will do no more work on the task."""
        return self in (self.SUCCEEDED, self.FAILED, self.CANCELLED)


@dataclass(frozen=True, slots=True)
class ModelList:
    """What can be ordered, as MidSync lists it."""

    models: tuple["OfferedModel", ...] = ()
    raw: object = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class PriceQuote:
    """A price preview; `points` is None when MidSync answered without a readable figure."""

    points: Decimal | None
    model: str | None = None
    raw: dict[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Generation:
    """An accepted task; `points_charged` is the final charge, None while unknown."""

    midsync_task_id: str
    provider_task_id: str = ""
    video_model: str = ""
    provider_model: str = ""
    points_charged: Decimal | None = None
    status: ReportedStatus | None = None
    estimated_seconds: int | None = None
    http_status: int | None = None
    raw: dict[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What a callback or a status answer says about one task.

    `status` is None when the word (kept in `status_word`) is missing or unknown. `video_urls`
    are candidates in order of trust and unchecked: a link is only followed or shown after
    `links.check_link`. `points` is informative and never replaces the charge of a generate.
    `progress` is in percent.
    """

    status: ReportedStatus | None = None
    status_word: str = ""
    midsync_task_id: str = ""
    provider_task_id: str = ""
    ids: tuple[str, ...] = ()
    video_urls: tuple[str, ...] = ()
    cover_url: str = ""
    failure_code: str = ""
    failure_message: str = ""
    points: Decimal | None = None
    progress: int | None = None
    estimated_seconds: int | None = None
    raw: object = field(default=None, repr=False)

    def contradicts(self, *known_ids: str) -> bool:
        """Whether the report names ids, and none of them is a known one (blanks not counted)."""
        known = {known_id for known_id in known_ids if known_id}
        return bool(known and self.ids) and known.isdisjoint(self.ids)


@dataclass(frozen=True, slots=True)
class UsageLog:
    """One row of the account's usage; carries no task id. `created_at` is in UTC."""

    log_id: str
    video_model: str
    mode: str
    points_charged: Decimal | None
    created_at: datetime | None
    raw: dict[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class UsagePage:
    """A page of usage rows; `total` counts the rows of all pages, None if MidSync does not say."""

    logs: tuple[UsageLog, ...]
    page: int
    limit: int
    total: int | None
    raw: object = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """Totals of one model."""

    video_model: str
    requests: int | None
    points_charged: Decimal | None


@dataclass(frozen=True, slots=True)
class UsageSummary:
    """Totals of the account; a figure MidSync leaves out is None."""

    total_points_charged: Decimal | None
    total_requests: int | None
    total_input_tokens: int | None
    total_output_tokens: int | None
    by_model: tuple[ModelUsage, ...] = ()
    raw: object = field(default=None, repr=False)
