"""Promise 11: a task of which nothing is known is never quiet, whatever is away."""

from datetime import timedelta
from uuid import uuid4

import pytest
import requests
from django.urls import reverse

from midsync_portal.callback_urls import callback_url
from midsync_portal.models import Task
from midsync_portal.models.status import Status
from tests.clock import let_pass
from tests.wire import ACCEPTED

pytestmark = pytest.mark.django_db(transaction=True)

LIST = reverse("admin:midsync_portal_task_changelist") + "?list=unconfirmed"
MODEL = "kling-2.5-turbo"


@pytest.fixture
def lost(make_task, clock, settings):
    """A task whose answer was lost just now; the key is ours alone."""
    settings.MIDSYNC_KEY_EXCLUSIVE = True
    return make_task(
        status=Status.UNCONFIRMED,
        video_model=MODEL,
        sent_at=clock.now(),
        next_check_at=clock.now() + timedelta(minutes=2),
    )


@pytest.fixture
def read_at(wire, clock):
    """When the usage logs were read, in minutes since the test began; they are empty."""
    read_at = []

    def read(request):
        read_at.append(clock.seconds / 60)
        return 200, {"logs": [], "pagination": {"page": 1, "limit": 100, "total": 0}}

    wire.answers["logs"] = read
    return read_at


def minutes_until(task, clock, worker, done):
    """How many minutes the worker takes, at most an hour."""
    began = clock.seconds
    for _ in range(120):
        let_pass(clock, 30, worker, step=30)
        task.refresh_from_db()
        if done(task):
            return (clock.seconds - began) / 60
    raise AssertionError("an hour has passed")


def test_promise_11_two_readings_at_2_and_15_minutes_settle_it(lost, read_at, wire, worker, clock):
    took = minutes_until(lost, clock, worker, lambda task: task.is_final)
    assert took <= 20
    assert (lost.status, lost.failure_code) == (Status.REJECTED, "no_charge_found")
    first, second = read_at
    assert 2 <= first <= 3
    assert 15 <= second <= 16
    assert wire.count("generate") == 0


@pytest.mark.parametrize("logs", [requests.ReadTimeout("slow"), (403, {}), (200, "<html>")])
def test_promise_11_it_is_flagged_where_the_logs_cannot_be_read(lost, wire, worker, clock, logs):
    wire.answers["logs"] = logs
    took = minutes_until(lost, clock, worker, lambda task: task.needs_review)
    assert 15 <= took <= 20
    assert lost.status == Status.UNCONFIRMED


def test_promise_11_it_is_flagged_while_midsync_is_away(lost, wire, worker, clock):
    gone = requests.ReadTimeout("slow")
    wire.answers |= {name: gone for name in ("logs", "status", "models")}
    took = minutes_until(lost, clock, worker, lambda task: task.needs_review)
    assert took <= 20


def test_promise_11_readings_that_come_too_late_are_not_waited_for(
    lost, read_at, wire, worker, clock
):
    empty, wire.answers["logs"] = wire.answers["logs"], (403, {})
    let_pass(clock, 12 * 60, worker, step=30)
    wire.answers["logs"] = empty
    took = minutes_until(lost, clock, worker, lambda task: task.needs_review)
    assert 12 + took <= 20
    assert len(read_at) == 1
    let_pass(clock, 60 * 60, worker, step=60)
    lost.refresh_from_db()
    assert lost.status == Status.UNCONFIRMED  # one reading proves nothing


def test_promise_11_where_others_use_the_key_it_is_flagged_without_a_reading(
    lost, read_at, wire, worker, clock, settings
):
    settings.MIDSYNC_KEY_EXCLUSIVE = False
    took = minutes_until(lost, clock, worker, lambda task: task.needs_review)
    assert 15 <= took <= 20
    assert read_at == []


def test_promise_11_what_a_killed_sender_left_is_in_the_list_as_soon_as_its_lease_lapses(
    make_task, client, sam, wire, worker, clock
):
    past = clock.now() - timedelta(seconds=1)
    task = make_task(
        status=Status.SUBMITTING,
        sent_at=past,
        lease_token=uuid4(),
        lease_until=past,
        next_check_at=past,
    )
    let_pass(clock, 2, worker)
    client.force_login(sam)
    assert list(client.get(LIST).context["cl"].queryset) == [task]
    let_pass(clock, 30 * 60, worker, step=30)
    task.refresh_from_db()
    assert task.needs_review
    assert wire.count("generate") == 0


def test_promise_11_a_callback_settles_it_at_any_time(lost, client, worker, clock):
    let_pass(clock, 60, worker, step=30)
    path = callback_url(lost.public_id).removeprefix("http://127.0.0.1:8000")
    body = {"taskId": ACCEPTED["taskId"], "status": "failed", "error": "no"}
    assert client.post(path, body, content_type="application/json").status_code == 200
    assert Task.objects.get().status == Status.FAILED
