"""What is looked for: read from a URL, told what of it makes no sense, turned into a condition."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from midsync_portal.models import User
from midsync_portal.models.status import Status
from midsync_portal.models.tasks import TaskQuerySet

from .text import NEEDLE_MAX

POINTS_MAX = Decimal(10) ** 10
YEARS = range(2000, 2200)


@dataclass(frozen=True)
class TaskFilter:
    """What a list is narrowed down to; empty values narrow nothing. Dates are whole days.

    Points are those charged, or the quoted ones where no charge is known.
    """

    q: str = ""
    status: str = ""
    model: str = ""
    since: date | None = None
    until: date | None = None
    least: Decimal | None = None
    most: Decimal | None = None
    mine: bool = False
    zone: tzinfo = UTC  # in which days begin and end
    ignored: tuple[str, ...] = field(default=(), compare=False)  # sentences: what made no sense

    @property
    def count(self) -> int:
        """How many of the folded filters are in use (the search box is always seen)."""
        return len(self.values.keys() - {"q"})

    @property
    def values(self) -> dict[str, str]:
        """The parts that are in use, as they stand in the URL."""
        parts = {part.name: getattr(self, part.name) for part in fields(self)}
        del parts["ignored"], parts["zone"]
        if self.mine:
            parts["mine"] = "1"
        for name in ("least", "most"):
            if parts[name] is not None:
                parts[name] = f"{parts[name]:f}"
        return {name: str(value) for name, value in parts.items() if value not in ("", None, False)}

    @property
    def query(self) -> str:
        """The URL's query, without parts that are not in use; empty for all tasks."""
        return urlencode(self.values)

    def __bool__(self) -> bool:
        return bool(self.values)

    def narrow(self, tasks: TaskQuerySet, user: User) -> TaskQuerySet:
        """Those of the tasks that fit, whatever their text; `user` is who "mine" means."""
        if self.status:
            tasks = tasks.filter(status=self.status)
        if self.model:
            tasks = tasks.filter(video_model=self.model)
        if self.since:
            tasks = tasks.filter(created_at__gte=self._start(self.since))
        if self.until:
            tasks = tasks.filter(created_at__lt=self._start(self.until + timedelta(days=1)))
        if self.mine:
            tasks = tasks.filter(ordered_by=user)
        return tasks.costing(self.least, self.most)

    def _start(self, day: date) -> datetime:
        """The moment a day begins for whoever reads."""
        return datetime.combine(day, time.min, self.zone).astimezone(UTC)


def read_filter(sent: Mapping[str, str], models: Iterable[str], zone: tzinfo = UTC) -> TaskFilter:
    """The filter of a URL; what makes no sense is left out and said in `ignored`.

    `models` are the ids that may be asked for; days begin and end in `zone`.
    """
    said: list[str] = []
    text = _clean(sent.get("q", ""))
    if len(text) > NEEDLE_MAX:
        said.append(
            _("Only the first %(count)d characters are searched for.") % {"count": NEEDLE_MAX}
        )
    found = TaskFilter(
        q=text[:NEEDLE_MAX].strip(),
        status=_one_of(sent, "status", Status.values, _("a status"), said),
        model=_one_of(sent, "model", models, _("a model"), said),
        since=_date(sent, "since", said),
        until=_date(sent, "until", said),
        least=_points(sent, "least", said),
        most=_points(sent, "most", said),
        mine=sent.get("mine") == "1",
        zone=zone,
    )
    if found.since and found.until and found.since > found.until:
        said.append(_("The first day is after the last one, so both were left out."))
        found = replace(found, since=None, until=None)
    if found.least is not None and found.most is not None and found.least > found.most:
        said.append(_("The least points are more than the most, so both were left out."))
        found = replace(found, least=None, most=None)
    return replace(found, ignored=tuple(said))


def _one_of(
    sent: Mapping[str, str], name: str, known: Iterable[str], what: str, said: list[str]
) -> str:
    value = sent.get(name, "").strip()
    if value and value not in known:
        _leave_out(value, what, said)
        return ""
    return value


def _date(sent: Mapping[str, str], name: str, said: list[str]) -> date | None:
    text = sent.get(name, "").strip()
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if day.year in YEARS:
        return day
    _leave_out(text, _("a day"), said)
    return None


def _points(sent: Mapping[str, str], name: str, said: list[str]) -> Decimal | None:
    text = sent.get(name, "").strip()
    if not text:
        return None
    try:
        points = Decimal(text)
    except InvalidOperation:
        points = Decimal(-1)
    if points.is_finite() and 0 <= points < POINTS_MAX:
        return points.quantize(Decimal("0.0001")).normalize() + 0
    _leave_out(text, _("a number of points"), said)
    return None


def _leave_out(value: str, what: str, said: list[str]) -> None:
    shown = _clean(value)
    shown = f"{shown[:40]}…" if len(shown) > 40 else shown
    said.append(
        _("“%(value)s” is not %(what)s, so it was left out.") % {"value": shown, "what": what}
    )


def _clean(text: str) -> str:
    """Text that a database takes: no NUL, no halves of characters."""
    return text.encode("utf-8", "replace").decode().replace("\x00", " ").strip()
