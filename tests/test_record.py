"""The record of a task: everything that is known of it, on one page that changes nothing."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from midsync_portal.callback_urls import callback_token, callback_url
from midsync_portal.models import Quote, TaskEvent
from midsync_portal.models.status import Status
from midsync_portal.reconcile import reconcile_task
from midsync_portal.submission import send

pytestmark = pytest.mark.django_db

TASKS = reverse("admin:midsync_portal_task_changelist")
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> \u202egnp.exe\u0007"


@pytest.fixture
def support(client, tess):
    """A browser that Tess of support is logged in with."""
    client.force_login(tess)
    return client


def record(support, task):
    """The page of a task."""
    answer = support.get(reverse("admin:midsync_portal_task_change", args=[task.pk]))
    assert answer.status_code == 200
    return answer


def entries(support, task, kind):
    """What the timeline says of one kind."""
    return [one for one in record(support, task).context["timeline"] if one.kind == kind]


def test_the_timeline_tells_a_whole_life_in_order(support, make_task, client, tess, wire, clock):
    task = make_task(status=Status.SUBMITTING, sent_at=None)
    Quote.objects.create(
        customer=task.customer,
        video_model=task.video_model,
        body_hash=task.body_hash,
        points=35,
        created_at=task.created_at - timedelta(seconds=5),
    )
    task.record(TaskEvent.Kind.CREATED, "customer", actor=task.ordered_by)
    clock.advance(seconds=1)
    send(task.pk)
    task.refresh_from_db()
    clock.advance(seconds=60)
    path = callback_url(task.public_id).removeprefix("http://127.0.0.1:8000")
    for body in ({"taskId": task.midsync_task_id, "status": "failed", "error": "no"}, {}, {}):
        client.post(path, json.dumps(body), content_type="application/json")
        clock.advance(seconds=20)
    reconcile_task(task, actor=tess, reason="ticket 4711")
    page = record(support, task)
    kinds = [one.kind for one in page.context["timeline"]]
    assert kinds[:4] == ["quote", "created", "sent", "move"]
    assert kinds.count("callback") == 2
    answered = page.context["timeline"][3]
    assert answered.marks[0].text.startswith("HTTP 2")
    assert answered.marks[1].text.endswith(" ms")
    assert task.midsync_task_id in answered.body
    (check,) = [one for one in page.context["timeline"] if one.kind == "check"]
    assert (check.who, check.said) == (tess.email, "ticket 4711")
    assert check.body


def test_callbacks_carry_their_marks(support, make_task, make_delivery):
    task = make_task(status=Status.FAILED)
    after = task.finished_at + timedelta(seconds=1)
    make_delivery(task=task, state="done", repeats=2, received_at=task.finished_at)
    make_delivery(task=task, state="kept", body=b"\xff", outcome="unreadable (no JSON)")
    make_delivery(task=task, state="done", body=b"[]", received_at=after, is_hint=True)
    make_delivery(task=task, state="dead", body=b"1", error="OperationalError: gone")
    marks = [{mark.text for mark in one.marks} for one in entries(support, task, "callback")]
    assert {"applied", "duplicate: came 3 times"} in marks
    assert {"applied", "late: after the end", "account-wide URL"} in marks
    assert any("unreadable" in some for some in marks)
    assert any("given up" in some for some in marks)


def test_no_secret_is_on_the_page(support, make_task, make_delivery, settings):
    task = make_task()
    told = {"answer": f"{settings.MIDSYNC_API_KEY} {callback_url(task.public_id)}"}
    task.record(TaskEvent.Kind.CHECK, "worker", evidence=told)
    make_delivery(task=task, body=callback_url(task.public_id).encode(), state="kept")
    page = record(support, task).content.decode()
    assert "[secret]" in page
    assert callback_token(task.public_id) not in page
    assert settings.MIDSYNC_API_KEY not in page


def test_hostile_text_is_inert_and_turned_text_is_written_out(support, make_task, make_delivery):
    task = make_task(
        status=Status.FAILED,
        prompt=HOSTILE,
        failure_message=HOSTILE,
        midsync_task_id=HOSTILE,
        parameters={"note": HOSTILE},
    )
    task.flag(HOSTILE, "worker")
    task.record(TaskEvent.Kind.CHECK, "worker", reason=HOSTILE, evidence={"answer": HOSTILE})
    make_delivery(task=task, body=HOSTILE.encode(), outcome=HOSTILE, state="kept")
    page = record(support, task).content.decode()
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "‹U+202E›gnp.exe‹U+0007›" in page


def test_a_record_takes_a_constant_number_of_queries(support, make_task, make_delivery):
    task = make_task()
    record(support, task)
    with CaptureQueriesContext(connection) as few:
        record(support, task)
    for number in range(30):
        task.record(TaskEvent.Kind.CHECK, "worker", actor=task.ordered_by)
        make_delivery(task=task, body=str(number).encode(), state="done")
    with CaptureQueriesContext(connection) as many:
        record(support, task)
    assert len(many) == len(few)
    assert len(few) <= 15


def test_a_very_long_history_is_cut_and_says_so(support, make_task, monkeypatch):
    monkeypatch.setattr("midsync_portal.admin.record.EVENTS_SHOWN", 3)
    task = make_task()
    for number in range(5):
        task.record(TaskEvent.Kind.CHECK, "worker", reason=f"number {number}")
    page = record(support, task)
    assert [one.said for one in page.context["timeline"]] == ["number 2", "number 3", "number 4"]
    assert "Only the newest entries" in page.content.decode()


def test_only_verbs_that_make_sense_are_offered(support, make_task):
    def offered(**fields):
        return {name for name, _ in record(support, make_task(**fields)).context["verbs"]}

    lost = offered(status=Status.UNCONFIRMED)
    assert lost == {"link_to_midsync", "no_charge_found", "give_up", "add_note"}
    running = offered(status=Status.RUNNING, midsync_task_id="ms-1")
    assert running == {"ask_midsync", "give_up", "add_note"}
    assert "fetch_again" in offered(status=Status.SUCCEEDED)
    assert "dealt_with" in offered(status=Status.FAILED)
    assert "dealt_with" in offered(status=Status.SUCCEEDED, video_state="gave_up")
    dealt_with = {"video_state": "gave_up", "handled_at": timezone.now()}
    assert "dealt_with" not in offered(status=Status.SUCCEEDED, **dealt_with)


def test_a_verb_pressed_on_the_record_leads_back_to_it(support, make_task, tess):
    task = make_task(status=Status.UNCONFIRMED)
    chosen = {"action": "give_up", "_selected_action": task.pk, "from_record": "1"}
    asked = support.post(TASKS, chosen)
    assert 'name="from_record"' in asked.content.decode()
    answer = support.post(TASKS, chosen | {"reason": "no answer for days"})
    assert answer["Location"] == reverse("admin:midsync_portal_task_change", args=[task.pk])
    (moved,) = entries(support, task, "move")
    assert (moved.who, moved.said) == (tess.email, "no answer for days")


def test_support_sees_what_the_customer_sees_and_that_is_written_down(support, make_task, tess):
    task = make_task(prompt="a red fox")
    page = reverse("admin:support_as_customer", args=[task.pk])
    assert support.get(page).status_code == 405
    seen = support.post(page).content.decode()
    assert "a red fox" in seen
    assert "<form" not in seen
    assert f'href="{task.get_absolute_url()}"' not in seen
    event = task.events.get()
    assert (event.kind, event.actor) == (TaskEvent.Kind.NOTE, tess)


def test_what_does_not_exist_has_no_record(support, make_task):
    for key in ("999999", "nonsense"):
        page = reverse("admin:midsync_portal_task_change", args=[key])
        assert support.get(page).status_code == 404
    assert support.post(reverse("admin:support_as_customer", args=[999999])).status_code == 404
