"""`models.rows` reads and writes what the ORM does, only faster."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Model
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from midsync_portal.models import CallbackDelivery, Task, TaskEvent
from midsync_portal.models.rows import insert, rows, update
from midsync_portal.models.status import Status

pytestmark = pytest.mark.django_db


@pytest.fixture
def full_task(make_task) -> Task:
    """A task with something in columns of every kind."""
    return make_task(
        status=Status.SUCCEEDED,
        source_url="https://cdn.example.com/one.mp4",
        prompt="狐 🦊 %s",
        parameters={"duration": 5, "urls": ["https://a.example/1.png"], "audio": True},
        points_quoted=Decimal("48.5"),
        points_charged=Decimal("48.5"),
        midsync_task_id="one-of-ours",
        video_size=2**40,
        check_wanted_at=timezone.now(),
    )


def values(row: Model) -> dict:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


@pytest.mark.parametrize("column", ["id", "public_id", "submit_key", "midsync_task_id"])
def test_a_row_is_the_same_as_the_orm_reads_it(full_task, make_task, column):
    make_task()
    found = rows(Task, column, [getattr(full_task, column)])
    assert [values(row) for row in found] == [values(Task.objects.get(pk=full_task.pk))]
    assert not found[0].get_deferred_fields()
    assert found[0]._state.db == "default"
    assert not found[0]._state.adding


def test_several_rows_are_one_query_and_no_values_none(
    full_task, make_task, django_assert_num_queries
):
    others = [make_task() for _ in range(3)]
    wanted = [full_task.pk, *(task.pk for task in others)]
    for _ in range(2):
        with django_assert_num_queries(1):
            assert {row.pk for row in rows(Task, "id", [*wanted, 10**9])} == set(wanted)
    with django_assert_num_queries(0):
        assert rows(Task, "id", []) == []


def test_a_row_that_was_read_can_be_saved(full_task):
    row = rows(Task, "id", [full_task.pk])[0]
    row.prompt = "another"
    row.save(update_fields=["prompt"])
    assert Task.objects.get(pk=full_task.pk).prompt == "another"


@pytest.mark.django_db(transaction=True)
def test_a_lock_needs_a_transaction(full_task):
    for _ in range(2):
        with pytest.raises(TransactionManagementError):
            rows(Task, "id", [full_task.pk], lock=True)
        with transaction.atomic():
            assert rows(Task, "id", [full_task.pk], lock=True)
    assert rows(Task, "id", [full_task.pk])


def test_a_new_row_is_the_same_as_the_orm_writes_it(make_task):
    task = make_task(status=Status.RUNNING, midsync_task_id="one-of-ours")
    delivery = CallbackDelivery(
        task=task,
        named_task=task.public_id,
        body=b"\x00\xff %s {}",
        body_sha256="0" * 64,
        body_size=9,
        headers={"user-agent": "狐"},
        received_at=timezone.now(),
        last_received_at=timezone.now(),
        state="done",
    )
    insert(delivery)
    for number in range(2):  # the second by the text that was kept
        event = TaskEvent(
            task=task, kind="facts", source="test", delivery=delivery, evidence={"n": number}
        )
        insert(event)
        for row in (delivery, event):
            assert values(type(row).objects.get(pk=row.pk)) == values(row)
            assert not row._state.adding


def test_a_row_that_breaks_a_rule_is_refused(make_task):
    event = TaskEvent(task=make_task(), kind="nonsense", source="test")
    with pytest.raises(IntegrityError), transaction.atomic():
        insert(event)
    assert event.pk is None


def test_columns_are_written_where_others_have_these_values(full_task, make_task):
    other = make_task()
    written = {
        "prompt": "犬 %s",
        "parameters": {"duration": 10},
        "points_charged": Decimal("48.12345"),
        "video_size": None,
        "lease_token": None,
        "check_wanted_at": timezone.now(),
        "status": Status.SUCCEEDED,
    }
    assert not update(Task, full_task.pk, written, status=Status.FAILED)
    assert values(Task.objects.get(pk=full_task.pk)) == values(full_task)
    assert update(Task, full_task.pk, written, status=Status.SUCCEEDED, checks=0)
    by_hand = Task.objects.get(pk=full_task.pk)
    Task.objects.filter(pk=full_task.pk).update(**written)
    assert values(Task.objects.get(pk=full_task.pk)) == values(by_hand)
    assert Task.objects.get(pk=other.pk).prompt == other.prompt
    assert not update(Task, 10**9, written)


if connection.vendor == "postgresql":  # SQLite keeps its statements by itself

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("threshold", [2, None])
    def test_postgresql_plans_a_statement_once_where_it_may(full_task, monkeypatch, threshold):
        def planned() -> list[str]:
            with connection.cursor() as cursor:
                cursor.execute("SELECT statement FROM pg_prepared_statements WHERE NOT from_sql")
                return [statement.split()[0] for (statement,) in cursor.fetchall()]

        connection.close()
        monkeypatch.setitem(connection.settings_dict["OPTIONS"], "prepare_threshold", threshold)
        for number in range(5):
            (row,) = rows(Task, "id", [full_task.pk])
            assert values(row) == values(Task.objects.get(pk=full_task.pk))
            assert update(Task, row.pk, {"progress": number, "check_wanted_at": timezone.now()})
            event = TaskEvent(task=row, kind="facts", source="test", evidence={"n": number})
            insert(event)
            assert values(TaskEvent.objects.get(pk=event.pk)) == values(event)
        assert sorted(planned()) == (["INSERT", "SELECT", "UPDATE"] if threshold else [])
