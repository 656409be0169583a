"""Support's verbs: each has its conditions, leaves the name and the reason, and charges nothing."""

from decimal import Decimal

import pytest
from django.urls import reverse

from midsync_portal import support
from midsync_portal.models import Task, TaskEvent
from midsync_portal.models.status import FINAL, Status

pytestmark = pytest.mark.django_db

TASKS = reverse("admin:midsync_portal_task_changelist")
DONE = {"success": True, "taskId": "ms-9", "status": "completed"}
DONE["output"] = "https://cdn.example.com/nine.mp4"
VERBS = {
    "link_to_midsync": support.link_to_midsync,
    "no_charge_found": support.no_charge_found,
    "give_up": support.give_up,
    "review_done": support.review_done,
    "dealt_with": support.dealt_with,
}


def press(name, task, actor):
    """Use a verb by its function, as the admin does."""
    more = {"midsync_task_id": "ms-9"} if name == "link_to_midsync" else {}
    return VERBS[name](task, actor, reason="ticket 4711", **more)


def facts(task):
    """Everything that a verb could change."""
    row = Task.objects.values().get(pk=task.pk)
    return {name: value for name, value in row.items() if name != "updated_at"}


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("link_to_midsync", Status.UNCONFIRMED, Status.SUCCEEDED),
        ("link_to_midsync", Status.REJECTED, Status.SUCCEEDED),
        ("no_charge_found", Status.UNCONFIRMED, Status.REJECTED),
        ("give_up", Status.UNCONFIRMED, Status.FAILED),
        ("give_up", Status.QUEUED, Status.FAILED),
        ("give_up", Status.RUNNING, Status.FAILED),
    ],
)
def test_promise_16_a_verb_leaves_name_and_reason_and_a_second_press_changes_nothing(
    make_task, tess, wire, name, before, after
):
    wire.answers["status"] = DONE
    task = make_task(status=before)
    press(name, task, tess)
    task.refresh_from_db()
    assert task.status == after
    move = task.events.get(kind=TaskEvent.Kind.MOVE)
    assert (move.actor, move.reason, move.status_before) == (tess, "ticket 4711", before)
    once = facts(task)
    assert press(name, task, tess).startswith("nothing changed")
    assert facts(task) == once
    assert wire.count("generate") == 0


ALLOWED = {
    "link_to_midsync": frozenset(Status) - {Status.SUBMITTING},
    "no_charge_found": {Status.UNCONFIRMED},
    "give_up": {Status.UNCONFIRMED, Status.QUEUED, Status.RUNNING},
    "review_done": frozenset(),
    "dealt_with": {Status.FAILED},
}


@pytest.mark.parametrize("name", VERBS)
@pytest.mark.parametrize("status", Status)
def test_a_verb_moves_nothing_that_it_is_not_meant_for(make_task, tess, wire, name, status):
    wire.answers["status"] = DONE
    task = make_task(status=status)
    before = facts(task)
    said = press(name, task, tess)
    assert said.startswith("nothing changed") == (status not in ALLOWED[name])
    if status not in ALLOWED[name]:
        assert facts(task) == before
    assert task.events.filter(actor=tess, reason="ticket 4711").exists()


@pytest.mark.parametrize("answer", [(404, {}), (503, ""), {"status": "marinating"}])
def test_a_number_that_midsync_does_not_confirm_is_not_taken(make_task, tess, wire, answer):
    wire.answers["status"] = answer
    task = make_task(status=Status.UNCONFIRMED)
    press("link_to_midsync", task, tess)
    task.refresh_from_db()
    assert (task.status, task.midsync_task_id) == (Status.UNCONFIRMED, "")


@pytest.mark.parametrize("number", ["ms-of-another", "", "a b", "x" * 300, "nul\0"])
def test_a_number_of_another_task_or_none_at_all_is_not_even_asked_about(
    make_task, tess, wire, number
):
    make_task(midsync_task_id="ms-of-another")
    task = make_task(status=Status.UNCONFIRMED)
    support.link_to_midsync(task, tess, "ticket 4711", number)
    assert wire.count("status") == 0
    task.refresh_from_db()
    assert task.midsync_task_id == ""


def test_what_was_given_up_says_whether_its_charge_is_known(make_task, tess):
    known = make_task(status=Status.QUEUED, points_charged=Decimal(35))
    unknown = make_task(status=Status.UNCONFIRMED)
    for task in (known, unknown):
        support.give_up(task, tess, "no answer for days")
    assert (known.charge_unknown, unknown.charge_unknown) == (False, True)


def test_a_reviewed_task_leaves_the_list_and_may_come_back(make_task, tess):
    task = make_task()
    task.flag("odd", "worker")
    assert support.review_done(task, tess, "looked at it") == "off the list."
    assert (task.needs_review, task.review_at) == ("", None)
    assert task.events.last().evidence == {"reviewed": "odd"}
    task.flag("odd again", "worker")
    assert task.needs_review == "odd again"


def test_the_verbs_are_in_the_admin_and_want_a_reason(client, make_task, tess, wire):
    client.force_login(tess)
    wire.answers["status"] = DONE
    for name in VERBS:
        task = make_task(status=Status.UNCONFIRMED)
        chosen = {"action": name, "_selected_action": [task.pk], "midsync_task_id": "ms-9"}
        for reason in ({}, {"reason": ""}):
            page = client.post(TASKS, chosen | reason)
            assert page.status_code == 200
            assert 'name="reason"' in page.content.decode()
        assert not task.events.filter(actor=tess).exists()
        assert client.post(TASKS, chosen | {"reason": "ticket 4711"}).status_code == 302
        assert task.events.filter(actor=tess, reason="ticket 4711").exists()
    assert {status for status in Task.objects.values_list("status", flat=True)} <= set(Status)
    assert Task.objects.filter(status__in=FINAL).count() == 3


def test_a_note_is_for_colleagues_and_never_for_the_customer(client, make_task, ana, tess):
    task = make_task()
    support.add_note(task, tess, "the customer called, is angry")
    (note,) = task.events.filter(kind=TaskEvent.Kind.NOTE)
    assert (note.actor, note.reason) == (tess, "the customer called, is angry")
    client.force_login(ana)
    assert "angry" not in client.get(task.get_absolute_url()).content.decode()


def test_an_orphan_is_set_aside_once_and_its_body_stays(client, tess, make_delivery):
    orphan = make_delivery(state="kept")
    client.force_login(tess)
    chosen = {"action": "set_aside", "_selected_action": [orphan.pk], "reason": "a stranger's"}
    client.post(reverse("admin:midsync_portal_callbackdelivery_changelist"), chosen)
    orphan.refresh_from_db()
    assert (orphan.state, bytes(orphan.body)) == ("done", b"{}")
    assert "tess@support.example" in orphan.outcome
    assert support.set_aside(orphan, tess, "again").startswith("nothing changed")


def test_a_waiting_delivery_cannot_be_set_aside(make_task, make_delivery, tess):
    for state in ("new", "done"):
        assert "nothing changed" in support.set_aside(make_delivery(state=state), tess, "x")
    kept = make_delivery(task=make_task(), state="kept")
    assert "nothing changed" in support.set_aside(kept, tess, "x")
