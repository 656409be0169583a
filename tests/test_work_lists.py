"""The work lists on the admin's first page: what is on them, and that each empties."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from midsync_portal import support
from midsync_portal.callbacks import replay
from midsync_portal.models import Reconciliation, Task
from midsync_portal.models.status import Status
from midsync_portal.reconcile import reconcile_task
from midsync_portal.reconciliation import handle_finding
from midsync_portal.videos import fetch_again
from midsync_portal.worklists import WORK_LISTS, work_list

pytestmark = pytest.mark.django_db

INDEX = reverse("admin:index")
DONE = {"taskId": "ms-9", "status": "completed", "output": "https://cdn.example.com/nine.mp4"}


@pytest.fixture
def waiting(make_task, make_delivery):
    """One row on each list, and the verb that takes it off."""
    now = timezone.now()
    review = make_task()
    review.flag("odd", "worker")
    long_ago = {"created_at": now - timedelta(hours=1), "midsync_task_id": "ms-late"}
    gave_up = {"status": Status.SUCCEEDED, "video_state": "gave_up", "video_error": "404"}
    dead = make_delivery(
        task=make_task(), state="dead", body=b'{"status": "queued"}', error="OperationalError"
    )
    night = Reconciliation.objects.create(from_at=now - timedelta(days=1), to_at=now)
    finding = night.findings.create(kind="theirs", log_id="log-1")
    return {
        "findings": (finding, handle_finding),
        "review": (review, support.review_done),
        "unconfirmed": (make_task(status=Status.UNCONFIRMED), support.no_charge_found),
        "late": (make_task(**long_ago), support.give_up),
        "failed": (make_task(status=Status.FAILED), support.dealt_with),
        "differs": (make_task(points_quoted=35, points_charged=52), support.dealt_with),
        "silent": (
            make_task(created_at=now - timedelta(minutes=20), midsync_task_id="ms-9"),
            reconcile_task,
        ),
        "orphans": (make_delivery(state="kept"), support.set_aside),
        "dead": (dead, replay),
        "unsaved": (make_task(**gave_up), fetch_again),
    }


@pytest.mark.parametrize("name", [one.name for one in WORK_LISTS])
def test_each_list_is_a_filter_that_empties_by_dealing_with_it(client, waiting, tess, wire, name):
    wire.answers["status"] = DONE
    client.force_login(tess)
    row, deal = waiting[name]
    (one,) = [one for one in WORK_LISTS if one.name == name]
    page = client.get(reverse(f"admin:midsync_portal_{one.model}_changelist"), {"list": name})
    assert row in page.context["cl"].queryset
    before = one.count()
    deal(row, tess, reason="ticket 4711")
    assert one.count() == before - 1
    assert row not in one.rows()
    assert wire.count("generate") == 0


def test_what_is_well_is_on_no_list(make_task, make_delivery):
    heard_of = make_task(created_at=timezone.now() - timedelta(minutes=20))
    make_delivery(task=heard_of, state="done")
    make_task(status=Status.SUCCEEDED, points_quoted=35, points_charged=35)
    make_task(status=Status.REJECTED)
    long_ago = timezone.now() - timedelta(days=8)
    make_task(status=Status.FAILED, finished_at=long_ago, points_charged=35)
    assert {one.name: one.count() for one in WORK_LISTS if one.count()} == {}


def test_a_failure_of_the_weekend_waits_until_it_was_dealt_with(make_task, tess):
    friday = timezone.now() - timedelta(days=3)
    task = make_task(status=Status.FAILED, finished_at=friday)
    assert task in work_list("failed", "task").rows()
    support.dealt_with(task, tess, "told the customer")
    assert task not in work_list("failed", "task").rows()


def test_a_copy_that_is_gone_for_good_can_be_dealt_with(make_task, tess):
    gone = {"status": Status.SUCCEEDED, "video_state": Task.VideoState.GAVE_UP}
    task = make_task(**gone, source_url="https://cdn.example.com/a.mp4")
    assert task in work_list("unsaved", "task").rows()
    assert support.dealt_with(task, tess, "the provider has deleted it") == "off the list."
    assert task not in work_list("unsaved", "task").rows()


def test_a_failure_that_was_dealt_with_comes_back_where_something_new_happens(make_task, tess):
    task = make_task(status=Status.FAILED, points_quoted=35, points_charged=52)
    support.dealt_with(task, tess, "told the customer")
    assert task.handled_at
    task.move_to(Status.SUCCEEDED, "status", source_url="https://cdn.example.com/a.mp4")
    assert task.handled_at is None
    assert task in work_list("differs", "task").rows()


def test_the_first_page_shows_every_count_with_a_constant_number_of_queries(
    client, waiting, tess, make_task
):
    client.force_login(tess)
    client.get(INDEX)
    with CaptureQueriesContext(connection) as few:
        page = client.get(INDEX).content.decode()
    for one in WORK_LISTS:
        assert f'id="work-{one.name}"' in page
        assert f"?list={one.name}" in page
    for _ in range(5):
        make_task(status=Status.FAILED, points_quoted=1, points_charged=2).flag("odd", "worker")
    client.force_login(tess)
    client.get(INDEX)
    with CaptureQueriesContext(connection) as many:
        client.get(INDEX)
    assert len(many) == len(few)
    assert len(many) <= 20


def test_counting_ends_somewhere(monkeypatch, make_task, client, tess):
    monkeypatch.setattr("midsync_portal.worklists.COUNTED_MAX", 2)
    monkeypatch.setattr("midsync_portal.templatetags.support.COUNTED_MAX", 2)
    for _ in range(3):
        make_task(status=Status.UNCONFIRMED)
    client.force_login(tess)
    assert "1+" in client.get(INDEX).content.decode()


if connection.vendor == "postgresql":  # SQLite takes no partial index for a bound value

    def test_counts_are_served_by_indexes_of_their_own(waiting):
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
        served = {
            "review": "task_review",
            "unconfirmed": "task_status",
            "late": "task_",
            "failed": "task_failed",
            "differs": "task_charge_differs",
            "unsaved": "task_unsaved",
            "orphans": "delivery_orphans",
            "dead": "delivery_dead",
        }
        for one in WORK_LISTS:
            if one.name in served:
                assert served[one.name] in one.rows().order_by().explain(), one.name
        assert Task.objects.exists()
