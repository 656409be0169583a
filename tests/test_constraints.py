"""What the database itself refuses, whoever writes: each constraint, tried to break.

Beside `update()` also raw SQL, because a promise of the database must not depend on Django.
"""

from decimal import Decimal
from itertools import product
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models, transaction
from django.utils import timezone

from midsync_portal.models import (
    CallbackDelivery,
    CatalogCopy,
    Membership,
    MidSyncGate,
    Quote,
    Task,
    TaskEvent,
    User,
)
from midsync_portal.models.status import RANK, Status

pytestmark = pytest.mark.django_db

NOW = timezone.now()
# What breaks a constraint: its name, the status of a sound task, what is written over it.
BREAKS = [
    ("task_status_known", Status.QUEUED, {"status": "odd"}),
    ("task_status_known", Status.QUEUED, {"status": "QUEUED"}),
    ("task_points_positive", Status.QUEUED, {"points_charged": Decimal(-1)}),
    ("task_points_positive", Status.QUEUED, {"points_quoted": Decimal("-0.0001")}),
    ("task_beyond_sending_was_sent", Status.QUEUED, {"sent_at": None}),
    ("task_beyond_sending_was_sent", Status.UNCONFIRMED, {"sent_at": None}),
    ("task_lease_whole", Status.SUBMITTING, {"lease_until": NOW}),
    ("task_lease_whole", Status.SUBMITTING, {"lease_token": uuid4()}),
    ("task_lease_whole", Status.SUBMITTING, {"lease_token": uuid4(), "lease_until": NOW}),
    (
        "task_lease_only_while_sending",
        Status.QUEUED,
        {"lease_token": uuid4(), "lease_until": NOW},
    ),
    ("task_succeeded_has_video", Status.SUCCEEDED, {"source_url": ""}),
    ("task_ended_has_reason", Status.REJECTED, {"failure_code": ""}),
    ("task_ended_has_reason", Status.FAILED, {"failure_code": ""}),
    ("task_reason_only_where_ended", Status.SUCCEEDED, {"failure_code": "x"}),
    ("task_reason_only_where_ended", Status.RUNNING, {"failure_message": "because"}),
    ("task_charge_known_or_not", Status.FAILED, {"charge_unknown": True, "points_charged": 1}),
    ("task_video_state_known", Status.SUCCEEDED, {"video_state": "odd"}),
    ("task_video_fetching_is_due", Status.SUCCEEDED, {"video_state": "fetching"}),
    ("task_video_stored_is_there", Status.SUCCEEDED, {"video_state": "stored"}),
    (
        "task_video_stored_is_there",
        Status.SUCCEEDED,
        {"video_state": "stored", "video": "videos/x.mp4", "video_type": "video/mp4"},
    ),
    ("task_final_has_end", Status.FAILED, {"finished_at": None}),
    ("task_final_has_end", Status.QUEUED, {"finished_at": NOW}),
    ("task_open_is_due", Status.QUEUED, {"next_check_at": None}),
    ("task_review_whole", Status.QUEUED, {"needs_review": "why"}),
    ("task_review_whole", Status.QUEUED, {"review_at": NOW}),
    ("task_progress_percent", Status.RUNNING, {"progress": 101}),
]


def refuses(name):
    """The database names the constraint that it refuses by; unique ones by their columns."""
    return pytest.raises(IntegrityError, match=name)


@pytest.mark.parametrize(
    ("name", "status", "wrong"), BREAKS, ids=[f"{n}-{'-'.join(w)}" for n, _, w in BREAKS]
)
def test_the_database_refuses_what_no_task_may_be(make_task, name, status, wrong):
    task = make_task(status=status)
    with refuses(name), transaction.atomic():
        Task.objects.filter(pk=task.pk).update(**wrong)
    table, quoted = Task._meta.db_table, connection.ops.quote_name
    values = {
        column: Task._meta.get_field(column).get_db_prep_save(value, connection)
        for column, value in wrong.items()
    }
    sets = ", ".join(f"{quoted(column)} = %s" for column in values)
    with refuses(name), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {quoted(table)} SET {sets} WHERE id = %s",  # noqa: S608
            [*values.values(), task.pk],
        )


def test_every_check_of_a_task_is_tried():
    checks = {
        constraint.name
        for constraint in Task._meta.constraints
        if isinstance(constraint, models.CheckConstraint)
    }
    assert checks == {name for name, _, _ in BREAKS}


def test_every_constraint_is_in_the_database():
    for model in apps.get_app_config("midsync_portal").get_models():
        with connection.cursor() as cursor:
            there = connection.introspection.get_constraints(cursor, model._meta.db_table)
        named = {constraint.name for constraint in model._meta.constraints}
        assert named <= there.keys(), model


@pytest.mark.parametrize(("before", "after"), list(product(Status, Status)))
def test_promise_05_the_history_holds_no_move_that_does_not_rise(make_task, before, after):
    task = make_task()
    move = {"kind": TaskEvent.Kind.MOVE, "source": "callback"}
    move |= {"status_before": before, "status_after": after}
    if RANK[after] > RANK[before]:
        assert task.events.create(**move).pk
        return
    with refuses("event_move_rises"), transaction.atomic():
        task.events.create(**move)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("event_kind_known", {"kind": "odd"}),
        ("event_status_known", {"kind": "facts", "status_after": "odd"}),
        ("event_status_known", {"kind": "facts", "status_before": "odd"}),
        ("event_move_rises", {"kind": "move"}),
    ],
)
def test_the_database_refuses_an_odd_event(make_task, name, wrong):
    task = make_task()
    with refuses(name), transaction.atomic():
        task.events.create(source="callback", **wrong)


def delivery(task, **fields):
    """A delivery as it is stored."""
    wanted = {"body": b"{}", "body_sha256": "0" * 64, "body_size": 2, "next_try_at": NOW}
    wanted |= {"received_at": NOW, "last_received_at": NOW, "named_task": uuid4()}
    return CallbackDelivery.objects.create(task=task, **wanted | fields)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("delivery_state_known", {"state": "odd"}), ("delivery_new_is_due", {"next_try_at": None})],
)
def test_the_database_refuses_an_odd_delivery(make_task, name, wrong):
    with refuses(name), transaction.atomic():
        delivery(make_task(), **wrong)


def test_one_body_is_one_delivery_of_a_task_and_one_orphan(make_task):
    lost = uuid4()
    for task, named in ((make_task(), lost), (make_task(), lost), (None, lost), (None, uuid4())):
        delivery(task, named_task=named)
        with refuses("body_sha256|delivery_|named_task"), transaction.atomic():
            delivery(task, named_task=named)


def test_ids_and_forms_are_unique(make_task):
    task = make_task(midsync_task_id="ms-1")
    for same in ("midsync_task_id", "submit_key", "public_id"):
        with refuses(same), transaction.atomic():
            make_task(**{same: getattr(task, same)})


def test_the_database_refuses_odd_prices_people_and_second_single_rows(ana, ben):
    customer = ana.customers.get()
    quote = {"customer": customer, "video_model": "m", "body_hash": "h"}
    with refuses("quote_points_positive"), transaction.atomic():
        Quote.objects.create(points=Decimal(-1), **quote)
    with refuses("membership_role_known"), transaction.atomic():
        Membership.objects.create(user=ben, customer=customer, role="odd")
    with refuses("membership"), transaction.atomic():
        Membership.objects.create(user=ana, customer=customer)
    with refuses("user_email_any_case"), transaction.atomic():
        User.objects.filter(pk=ben.pk).update(email=ana.email.upper())
    with refuses("gate_single_row"), transaction.atomic():
        MidSyncGate.objects.create(pk=2)
    with refuses("catalog_single_row"), transaction.atomic():
        CatalogCopy.objects.create(pk=2, raw="{}", fetched_at=NOW)


def test_tasks_and_people_with_a_history_cannot_be_deleted(make_task, ana):
    task = make_task()
    task.flag("odd", "worker")
    for row in (task, ana, ana.customers.get()):
        with pytest.raises(models.ProtectedError):
            row.delete()
