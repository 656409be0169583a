"""Same facts, same end: reports in any order, any number of times, by every courier.

MidSync may tell one fact often, but it tells one story: one pair of ids, one link, one reason for
each way to fail. What depends on the order where it contradicts itself, and is meant to: the first
link stays (a video that plays is not exchanged), the first reason of a failure stays, and so does
the first figure of points until our own answer to the order names the charge. A review for support
is a question that an order may raise and another may not; it is not compared.
"""

import json
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone
from hypothesis import event, given
from hypothesis import strategies as st

from midsync_portal import submission
from midsync_portal.callback_urls import callback_url
from midsync_portal.callbacks import process_due_delivery
from midsync_portal.midsync.types import ReportedStatus, StatusReport
from midsync_portal.models import CallbackDelivery, Task
from midsync_portal.models.reports import ANSWER, CALLBACK, STATUS
from midsync_portal.models.status import RANK, Status
from midsync_portal.reconcile import reconcile_task
from tests.wire import response

from .examples import undone

pytestmark = pytest.mark.django_db

VIDEO = "https://cdn.example.com/one.mp4"
REASONS = {ReportedStatus.FAILED: "too dark", ReportedStatus.CANCELLED: "stopped"}
COMPARED = (
    "status",
    "midsync_task_id",
    "provider_task_id",
    "points_charged",
    "charge_unknown",
    "estimated_seconds",
    "progress",
    "source_url",
    "cover_url",
    "failure_code",
    "failure_message",
)


def end_of(task):
    """How a task stands, as far as it is compared."""
    task.refresh_from_db()
    facts = {name: getattr(task, name) for name in COMPARED}
    return facts | {"accepted": task.accepted_at is not None}


@st.composite
def reports(draw, sources=(CALLBACK, STATUS, ANSWER)):
    """One thing that MidSync says of a task with the ids ms-1 and pv-1, and who brings it."""
    status = draw(st.sampled_from([None, *ReportedStatus]))
    source = draw(st.sampled_from(sources))
    both = ("ms-1", "pv-1")
    ids = both if source == ANSWER else draw(st.sampled_from([(), ("ms-1",), both]))
    if source == ANSWER and status in (None, ReportedStatus.CANCELLED, ReportedStatus.FAILED):
        status = ReportedStatus.QUEUED
    links = (VIDEO,) if draw(st.integers(0, 3)) else ("http://10.0.0.1/one.mp4",)
    succeeded = status == ReportedStatus.SUCCEEDED
    return source, StatusReport(
        status=status,
        status_word=status.value if status else "marinating",
        midsync_task_id=ids[0] if ids else "",
        provider_task_id="pv-1" if len(ids) > 1 else None,
        ids=ids,
        video_urls=links if succeeded else (),
        cover_url="https://cdn.example.com/one.jpg" if succeeded else "",
        failure_code=REASONS[status].replace(" ", "_") if status in REASONS else "",
        failure_message=REASONS.get(status, ""),
        points=draw(st.sampled_from([None, Decimal(35 if source == ANSWER else 34)])),
        progress=draw(st.sampled_from([None, 10, 60])),
        estimated_seconds=draw(st.sampled_from([None, 90])),
    )


def told_in(make_task, start, order):
    """The end of a task that began like this and was told these reports."""
    with undone():
        task = make_task(status=start, sent_at=timezone.now(), submit_key=uuid4())
        for source, report in order:
            task.apply(report, source)
        return end_of(task)


@given(data=st.data())
def test_promise_05_any_order_and_any_repetition_of_reports_ends_the_same(make_task, data):
    start = data.draw(
        st.sampled_from([Status.SUBMITTING, Status.UNCONFIRMED, Status.REJECTED, Status.QUEUED])
    )
    told = data.draw(st.lists(reports(), min_size=1, max_size=6))
    again = data.draw(st.lists(st.sampled_from(told), max_size=4))
    shuffled = data.draw(st.permutations([*told, *again]))
    first = told_in(make_task, start, told)
    assert told_in(make_task, start, shuffled) == first
    claims = [Status(report.status.value) for _, report in told if report.status]
    event(f"ends {first['status']}")
    assert RANK[Status(first["status"])] <= max(RANK[status] for status in [start, *claims])


WORDS = {
    None: "marinating",
    ReportedStatus.QUEUED: "submitted",
    ReportedStatus.RUNNING: "processing",
    ReportedStatus.SUCCEEDED: "completed",
    ReportedStatus.FAILED: "failed",
    ReportedStatus.CANCELLED: "canceled",
}


@st.composite
def bodies(draw):
    """One message of MidSync's as bytes, and its courier: the callback door or a status answer."""
    status = draw(st.sampled_from(list(WORDS)))
    courier = draw(st.sampled_from([CALLBACK, CALLBACK, STATUS]))
    named = draw(st.sampled_from([{}, {"taskId": "ms-1"}, {"taskId": "pv-1"}]))
    body = {"status": WORDS[status], "success": True} | named
    if status == ReportedStatus.SUCCEEDED:
        body["output"] = VIDEO if draw(st.integers(0, 3)) else "ftp://cdn.example.com/one.mp4"
    if status in REASONS:
        body |= {"error": {"code": REASONS[status].replace(" ", "_"), "message": REASONS[status]}}
    body |= draw(st.sampled_from([{}, {"progress": 10}, {"progress": 60}]))
    body |= draw(st.sampled_from([{}, {"pointsCharged": 34}]))
    if courier == CALLBACK and not draw(st.integers(0, 7)):
        return courier, draw(st.sampled_from([b"", b"not json", b"[]", b"\xff\xfe", b"{}"]))
    return courier, json.dumps(body).encode()


def carried_in(make_task, client, wire, order, before_answer):
    """The end of a task that was really sent; the first messages overtake the answer."""
    with undone():
        task = make_task(status=Status.SUBMITTING, submit_key=uuid4())
        path = callback_url(task.public_id).removeprefix("http://127.0.0.1:8000")
        early = [body for courier, body in order[:before_answer] if courier == CALLBACK]
        late = [one for at, one in enumerate(order) if at >= before_answer or one[0] == STATUS]

        def call_back(body):
            answer = client.post(path, body, content_type="application/json")
            assert (answer.status_code, answer.content) == (200, b"ok")

        def answering(request):
            for body in early:
                call_back(body)
            accepted = {"taskId": "ms-1", "providerTaskId": "pv-1", "pointsCharged": 35}
            return response(request, 200, accepted | {"status": "submitted"})

        wire.answers["generate"] = answering
        submission.send(task.pk)
        for courier, body in late:
            if courier == CALLBACK:
                call_back(body)
            else:
                Task.objects.filter(pk=task.pk).update(last_checked_at=None)
                wire.answers["status"] = (200, body)
                reconcile_task(task)
        for delivery in CallbackDelivery.objects.open():
            process_due_delivery(delivery)
        return end_of(task)


@given(data=st.data())
def test_promise_05_any_order_ends_the_same_through_the_door_and_over_the_wire(
    make_task, client, wire, data
):
    told = data.draw(st.lists(bodies(), min_size=1, max_size=6))
    again = data.draw(st.lists(st.sampled_from(told), max_size=3))
    shuffled = data.draw(st.permutations([*told, *again]))
    ends = [
        carried_in(
            make_task, client, wire, order, data.draw(st.integers(0, len(order)), label="early")
        )
        for order in (told, shuffled)
    ]
    event(f"ends {ends[0]['status']}")
    assert ends[0] == ends[1]
    assert ends[0]["points_charged"] == Decimal(35)
    assert (ends[0]["midsync_task_id"], ends[0]["provider_task_id"]) == ("ms-1", "pv-1")
