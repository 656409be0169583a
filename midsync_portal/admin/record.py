"""The record of one task: who, what, points, bodies, and one timeline of all that happened.

Built in a fixed number of queries, however much has happened: the timeline holds the first and
the newest entries where there are too many.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from midsync_portal.logs import without_secrets
from midsync_portal.models import CallbackDelivery, Quote, Task, TaskEvent
from midsync_portal.models.status import ACCEPTED, Status
from midsync_portal.points import points_text

BODY_SHOWN = 20_000  # characters
EVENTS_SHOWN, DELIVERIES_SHOWN = 300, 50
TOLD_APART = ("answer", "milliseconds", "http_status")  # of the evidence: has a place of its own


@dataclass(frozen=True)
class Mark:
    """A word beside an entry; `tone`: good, warn, bad or empty."""

    text: str
    tone: str = ""


@dataclass(frozen=True)
class Entry:
    """One line of the timeline; `name` stays the same for the same thing."""

    name: str
    at: datetime
    kind: str
    title: str
    who: str = ""
    said: str = ""
    marks: tuple[Mark, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    body: str = ""
    delivery: int | None = None
    version: str = field(default="", compare=False)


def record_page(request: HttpRequest, task: Task, site: admin.AdminSite) -> HttpResponse:
    """The page of a task; changes nothing."""
    events = _events(task)
    deliveries = list(task.deliveries.order_by("-received_at", "-pk")[:DELIVERIES_SHOWN])
    quote = (
        Quote.objects.filter(
            customer=task.customer_id, body_hash=task.body_hash, created_at__lte=task.created_at
        )
        .order_by("-created_at", "-pk")
        .first()
    )
    entries = [*_quoted(quote), *map(_of_event, events)]
    entries += [_of_delivery(one, task) for one in deliveries]
    context = {
        **site.each_context(request),
        "title": _("Task"),
        "task": task,
        "opts": Task._meta,
        "timeline": sorted(entries, key=lambda entry: entry.at),
        "is_cut": len(events) == EVENTS_SHOWN or len(deliveries) == DELIVERIES_SHOWN,
        "sent_body": _shown(_pretty(task.request_body)),
        "verbs": list(verbs_for(task, bool(deliveries))),
        "newest": events[-1].pk if events else 0,
    }
    return TemplateResponse(request, "admin/midsync_portal/record.html", context)


def verbs_for(task: Task, has_deliveries: bool) -> Iterator[tuple[str, str | Promise]]:
    """The verbs that make sense now, the likeliest first; each has its own conditions, too."""
    is_copy_lost = task.video_state == Task.VideoState.GAVE_UP
    ends_by_hand = task.status == Status.FAILED or task.charge_differs or is_copy_lost
    waits = task.status == Status.UNCONFIRMED or task.status in ACCEPTED
    lost = task.status == Status.UNCONFIRMED and not task.midsync_task_id
    offered: list[tuple[str, str | Promise, bool]] = [
        ("ask_midsync", gettext_lazy("Ask MidSync now"), bool(task.midsync_task_id)),
        (
            "link_to_midsync",
            gettext_lazy("Link to MidSync's number"),
            not task.midsync_task_id and task.status != Status.SUBMITTING,
        ),
        ("no_charge_found", gettext_lazy("No charge found"), lost),
        ("reprocess", gettext_lazy("Replay callbacks"), has_deliveries),
        ("fetch_again", gettext_lazy("Fetch the video again"), task.status == Status.SUCCEEDED),
        ("review_done", gettext_lazy("Review done"), bool(task.needs_review)),
        (
            "dealt_with",
            gettext_lazy("Dealt with"),
            ends_by_hand and task.handled_at is None,
        ),
        ("give_up", gettext_lazy("Give up"), waits),
        ("add_note", gettext_lazy("Add a note"), True),
    ]
    return ((name, label) for name, label, makes_sense in offered if makes_sense)


def _events(task: Task) -> list[TaskEvent]:
    """The first events and the newest."""
    newest = task.events.select_related("actor").order_by("-pk")[:EVENTS_SHOWN]
    return list(newest)[::-1]


def _quoted(quote: Quote | None) -> Iterable[Entry]:
    if quote is None:
        return
    price = points_text(quote.points)
    title = _("Quoted %(points)s points") % {"points": price} if price else _("No price was named")
    yield Entry("quote", quote.created_at, "quote", title)


def _of_event(event: TaskEvent) -> Entry:
    evidence: dict[str, Any] = event.evidence if isinstance(event.evidence, dict) else {}
    marks = []
    if status := evidence.get("http_status"):
        marks.append(Mark(f"HTTP {status}", "good" if int(status) < 300 else "bad"))
    if (took := evidence.get("milliseconds")) is not None:
        marks.append(Mark(f"{took} ms"))
    facts = tuple(
        (name.replace("_", " "), _shown(_text(value)))
        for name, value in evidence.items()
        if name not in TOLD_APART and value not in (None, "")
    )
    title = str(event.get_kind_display())
    if event.kind == TaskEvent.Kind.MOVE:
        title = f"{_label(event.status_before)} → {_label(event.status_after)}"
    return Entry(
        f"event-{event.pk}",
        event.created_at,
        event.kind,
        title[:1].upper() + title[1:],
        who=str(event.actor) if event.actor else event.source,
        said=event.reason,
        marks=tuple(marks),
        facts=facts,
        body=_shown(str(evidence.get("answer", ""))),
    )


def _of_delivery(delivery: CallbackDelivery, task: Task) -> Entry:
    state = CallbackDelivery.State(delivery.state)
    tone = {"dead": "bad", "kept": "warn", "done": "good"}.get(delivery.state, "")
    marks = [Mark(str(state.label), tone)]
    if delivery.repeats:
        marks.append(Mark(_("duplicate: came %(n)s times") % {"n": delivery.repeats + 1}, "warn"))
    if task.finished_at and delivery.received_at > task.finished_at:
        marks.append(Mark(_("late: after the end"), "warn"))
    if delivery.outcome.startswith("unreadable"):
        marks.append(Mark(_("unreadable"), "bad"))
    if delivery.is_hint:
        marks.append(Mark(_("account-wide URL")))
    if delivery.is_truncated:
        marks.append(Mark(_("only its beginning is kept"), "warn"))
    text = bytes(delivery.body).decode("utf-8", errors="replace")
    return Entry(
        f"delivery-{delivery.pk}",
        delivery.received_at,
        "callback",
        _("Callback received"),
        who=_("%(bytes)s bytes") % {"bytes": delivery.body_size},
        said=" · ".join(filter(None, (delivery.outcome, delivery.error))),
        marks=tuple(marks),
        facts=tuple((name, _shown(_text(value))) for name, value in delivery.headers.items()),
        body=_shown(text),
        delivery=delivery.pk,
        version=f"{delivery.state} {delivery.repeats}",
    )


def _label(status: str) -> str:
    return str(Status(status).label) if status else "–"


def _pretty(body: str) -> str:
    try:
        return json.dumps(json.loads(body), ensure_ascii=False, indent=2)
    except ValueError:
        return body


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _shown(text: str) -> str:
    """A body as it may be shown: without secrets, and not without end."""
    text = without_secrets(text)
    return text[:BODY_SHOWN] + (" …" if len(text) > BODY_SHOWN else "")
