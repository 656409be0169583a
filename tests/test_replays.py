"""Support replays a delivery: sees first what it would change, says why, and does it once."""

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from midsync_portal import callbacks
from midsync_portal.callbacks import inbox
from midsync_portal.models import CallbackDelivery, Task, TaskEvent
from midsync_portal.models.status import Status
from tests.posting import READY, VIDEO, let_worker_try, post, post_account_wide

pytestmark = pytest.mark.django_db
State = CallbackDelivery.State
DELIVERIES = reverse("admin:midsync_portal_callbackdelivery_changelist")
TASKS = reverse("admin:midsync_portal_task_changelist")


@pytest.fixture
def task(make_task):
    return make_task(status=Status.QUEUED, midsync_task_id="ms-1", provider_task_id="pv-1")


@pytest.fixture
def support(client, tess):
    """A browser that Tess, of the support group and no more, is logged in with."""
    client.force_login(tess)
    return client


@pytest.fixture
def dead(task, monkeypatch):
    """A delivery that could not be applied, while there was a bug that is repaired by now."""

    def bug(payload):
        raise ZeroDivisionError("a bug")

    with monkeypatch.context() as broken:
        broken.setattr(inbox, "read_report", bug)
        post(task, READY)
        let_worker_try(20)
    delivery = CallbackDelivery.objects.get()
    assert delivery.state == State.DEAD
    return delivery


def page_of(delivery):
    return reverse("admin:midsync_portal_callbackdelivery_replay", args=[delivery.pk])


def everything():
    """All rows that a replay may touch."""
    models = (Task, TaskEvent, CallbackDelivery, LogEntry)
    return [list(model.objects.order_by("pk").values()) for model in models]


def test_promise_16_the_page_shows_what_a_replay_would_change_and_changes_nothing(support, dead):
    change = reverse("admin:midsync_portal_callbackdelivery_change", args=[dead.pk])
    assert page_of(dead) in support.get(change).content.decode()
    before = everything()
    for _ in range(2):
        answer = support.get(page_of(dead))
        page = answer.content.decode()
        for part in ("in queue", "ready", VIDEO, "given up", "applied"):
            assert part in page
        assert "in queue → ready" in str(answer.context["preview"])
    assert everything() == before


def test_promise_16_a_replay_wants_a_reason_and_leaves_the_name(support, tess, task, dead):
    before = everything()
    for reason in ("", "   ", "x" * 301):
        answer = support.post(page_of(dead), {"reason": reason})
        assert answer.status_code == 422
    assert everything() == before
    answer = support.post(page_of(dead), {"reason": "ticket 4711"}, follow=True)
    assert "in queue → ready" in answer.content.decode()
    task.refresh_from_db()
    dead.refresh_from_db()
    assert (task.status, dead.state, dead.error) == (Status.SUCCEEDED, State.DONE, "")
    event = task.events.get(kind=TaskEvent.Kind.SUPPORT)
    assert (event.actor, event.reason, event.delivery) == (tess, "ticket 4711", dead)
    assert event.evidence["changes"]["status"] == ["in queue", "ready"]
    assert "ticket 4711" in LogEntry.objects.get().change_message


def test_promise_16_a_second_replay_changes_nothing_and_says_so(support, task, dead):
    support.post(page_of(dead), {"reason": "first"})
    rows = Task.objects.values().get(), CallbackDelivery.objects.values().get()
    assert "would change nothing" in support.get(page_of(dead)).content.decode()
    answer = support.post(page_of(dead), {"reason": "second"}, follow=True)
    assert "Nothing changed" in answer.content.decode()
    assert (Task.objects.values().get(), CallbackDelivery.objects.values().get()) == rows
    assert task.events.filter(kind=TaskEvent.Kind.MOVE).count() == 1
    reasons = task.events.filter(kind=TaskEvent.Kind.SUPPORT).values_list("reason", flat=True)
    assert list(reasons) == ["first", "second"]


def test_a_replay_that_fails_says_so_and_leaves_the_name(support, tess, task, dead, monkeypatch):
    def bug(payload):
        raise ZeroDivisionError("the bug is still there")

    monkeypatch.setattr(inbox, "read_report", bug)
    assert "cannot be applied" in support.get(page_of(dead)).content.decode()
    answer = support.post(page_of(dead), {"reason": "ticket 4711"}, follow=True)
    assert "the bug is still there" in answer.content.decode()
    dead.refresh_from_db()
    assert dead.state == State.DEAD
    assert task.events.get(kind=TaskEvent.Kind.SUPPORT).actor == tess


def test_a_preview_shows_the_flag_that_a_foreign_id_would_set(support, task, make_task):
    make_task(status=Status.QUEUED, midsync_task_id="ms-2")
    post(task, READY | {"taskId": "ms-2"})
    Task.objects.filter(pk=task.pk).update(needs_review="", review_at=None)
    delivery = CallbackDelivery.objects.get()
    assert "names the id of another task" in support.get(page_of(delivery)).content.decode()
    task.refresh_from_db()
    assert task.needs_review == ""


def test_an_orphan_is_given_to_the_task_that_it_proves_to_be_of_and_to_no_other(
    support, settings, make_task
):
    settings.CALLBACK_SIGNATURE, settings.CALLBACK_SIGNATURE_SECRET = "hmac", "shared"
    make_task(midsync_task_id="ms-2")
    post_account_wide(READY)
    orphan = CallbackDelivery.objects.get()
    assert "no task of ours" in support.get(page_of(orphan)).content.decode()
    answer = support.post(page_of(orphan), {"reason": "ticket 4711"}, follow=True)
    assert "Nothing changed" in answer.content.decode()
    orphan.refresh_from_db()
    assert orphan.task is None
    assert "ticket 4711" in LogEntry.objects.get().change_message
    task = make_task(midsync_task_id="ms-1")
    assert str(task.public_id) in support.get(page_of(orphan)).content.decode()
    orphan.refresh_from_db()
    assert orphan.task is None
    support.post(page_of(orphan), {"reason": "ticket 4711"})
    orphan.refresh_from_db()
    task.refresh_from_db()
    assert (orphan.task, task.status) == (task, Status.QUEUED)
    assert task.events.get(kind=TaskEvent.Kind.SUPPORT).reason == "ticket 4711"


def test_lists_show_before_each_row_what_a_replay_would_change(support, task, dead):
    before = everything()
    for where, row in ((DELIVERIES, dead), (TASKS, task)):
        answer = support.post(where, {"action": "reprocess", "_selected_action": [row.pk]})
        assert "in queue → ready" in answer.content.decode()
    assert everything() == before


def test_a_replay_is_for_support_only(client, ana, dead):
    for _ in range(2):
        assert client.get(page_of(dead)).status_code in (302, 403)
        assert client.post(page_of(dead), {"reason": "mine"}).status_code in (302, 403)
        client.force_login(ana)
    dead.refresh_from_db()
    assert dead.state == State.DEAD


def test_staff_without_the_right_to_see_callbacks_replays_none(client, tess, dead):
    tess.groups.clear()
    client.force_login(tess)
    assert client.get(page_of(dead)).status_code == 403
    assert client.post(page_of(dead), {"reason": "mine"}).status_code == 403


@pytest.mark.parametrize("find", ["ms-1", "pv-1", "\x00", "no-id", "sha", "task", "'; --"])
def test_deliveries_are_found_by_whole_ids(support, task, dead, find):
    term = {"sha": dead.body_sha256.upper(), "task": str(task.public_id)}.get(find, find)
    answer = support.get(DELIVERIES, {"q": term})
    assert answer.status_code == 200
    found = list(answer.context["cl"].queryset)
    assert found == ([] if find in ("no-id", "'; --") else [dead])


def test_orphans_are_a_list_of_their_own(support, dead):
    from uuid import uuid4

    post(uuid4(), READY)
    for chosen, count in (({}, 2), ({"list": "orphans"}, 1)):
        answer = support.get(DELIVERIES, chosen)
        assert answer.context["cl"].result_count == count


def test_previewing_a_large_body_says_that_midsync_is_asked(task, tess):
    post(task, READY | {"padding": "x" * 70_000})
    delivery = CallbackDelivery.objects.get()
    seen = callbacks.preview([delivery])
    assert not seen.changes
    assert "too large" in seen.outcome
