"""Support in the admin: finds a task by anything, reads everything, changes nothing by hand."""

import json

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from midsync_portal import gate
from midsync_portal.callback_urls import callback_token, callback_url
from midsync_portal.models import CallbackDelivery, Task, TaskEvent
from midsync_portal.models.status import Status

pytestmark = pytest.mark.django_db

TASKS = reverse("admin:midsync_portal_task_changelist")
DELIVERIES = reverse("admin:midsync_portal_callbackdelivery_changelist")


@pytest.fixture
def support(client, tess):
    """A browser that Tess of support is logged in with."""
    client.force_login(tess)
    return client


def found(support, term):
    """The tasks that a search finds."""
    answer = support.get(TASKS, {"q": term})
    assert answer.status_code == 200
    return set(answer.context["cl"].queryset)


def test_a_task_is_found_by_any_id_by_a_link_by_e_mail_and_by_words(support, make_task, ana):
    one = make_task(midsync_task_id="ms-one", provider_task_id="pv-one", prompt="a red fox")
    two = make_task(midsync_task_id="ms-two", provider_task_id="pv-two", prompt="動画の狐")
    assert found(support, str(one.public_id)) == {one}
    assert found(support, f"https://portal.example/tasks/{two.public_id}/") == {two}
    assert found(support, " ms-one ") == {one}
    assert found(support, "pv-two") == {two}
    assert found(support, ana.email.upper()) == {one, two}
    assert found(support, "fox red") == {one}
    assert found(support, "動画") == {two}
    assert found(support, "nothing like it") == set()


def test_an_exact_id_is_found_by_the_index_before_any_words(
    support, make_task, django_assert_max_num_queries
):
    make_task(midsync_task_id="fox", prompt="a cat")
    make_task(prompt="a fox")
    assert [task.midsync_task_id for task in found(support, "fox")] == ["fox"]


@pytest.mark.parametrize("term", ["\x00", "%", "'; drop table", "a" * 5000, "@", "💥"])
def test_an_odd_search_is_answered(support, make_task, term):
    make_task()
    found(support, term)


def test_lists_and_filters(support, make_task):
    wrong = make_task(status=Status.QUEUED)
    wrong.flag("odd", "worker")
    lost = make_task(status=Status.UNCONFIRMED)
    dear = make_task(points_quoted=35, points_charged=52)
    make_task(points_quoted=35, points_charged=35)
    for name, task in (("review", wrong), ("unconfirmed", lost), ("differs", dear)):
        answer = support.get(TASKS, {"list": name})
        assert list(answer.context["cl"].queryset) == [task]
    assert support.get(TASKS, {"status__exact": "unconfirmed"}).context["cl"].result_count == 1


def test_the_record_shows_history_and_deliveries_but_never_the_token(support, client, make_task):
    task = make_task(status=Status.QUEUED, midsync_task_id="ms-1")
    path = callback_url(task.public_id).removeprefix("http://127.0.0.1:8000")
    client.post(path, '{"taskId": "ms-1", "status": "failed"}', content_type="application/json")
    answer = support.get(reverse("admin:midsync_portal_task_change", args=[task.pk]))
    page = answer.content.decode()
    assert "ms-1" in page
    assert "failed" in page
    assert callback_token(task.public_id) not in page
    delivery = CallbackDelivery.objects.get()
    answer = support.get(
        reverse("admin:midsync_portal_callbackdelivery_change", args=[delivery.pk])
    )
    assert "&quot;status&quot;: &quot;failed&quot;" in answer.content.decode()


@pytest.mark.parametrize("who", ["tess", "sam"])
@pytest.mark.parametrize("model", ["task", "taskevent", "callbackdelivery", "quote"])
def test_nobody_adds_changes_or_deletes_evidence(client, request, make_task, who, model):
    client.force_login(request.getfixturevalue(who))
    task = make_task()
    task.flag("odd", "worker")
    assert client.get(reverse(f"admin:midsync_portal_{model}_add")).status_code == 403
    if model == "task":
        change = reverse("admin:midsync_portal_task_change", args=[task.pk])
        assert client.post(change, {"status": "succeeded"}).status_code == 403
        delete = reverse("admin:midsync_portal_task_delete", args=[task.pk])
        assert client.post(delete, {"post": "yes"}).status_code == 403
        task.refresh_from_db()
        assert task.status == Status.QUEUED


def test_asking_midsync_wants_a_reason_and_leaves_the_name(support, tess, make_task, wire):
    task = make_task(status=Status.QUEUED, midsync_task_id="ms-1")
    chosen = {"action": "ask_midsync", "_selected_action": [task.pk]}
    page = support.post(TASKS, chosen)
    assert "Nothing is sent again" in page.content.decode()
    assert wire.count("status") == 0
    page = support.post(TASKS, chosen | {"reason": ""})
    assert wire.count("status") == 0
    support.post(TASKS, chosen | {"reason": "ticket 4711"})
    assert wire.count("status") == 1
    event = task.events.get(kind=TaskEvent.Kind.CHECK)
    assert (event.actor, event.reason) == (tess, "ticket 4711")


def test_reprocessing_twice_changes_nothing_the_second_time(support, tess, client, make_task):
    task = make_task(status=Status.QUEUED, midsync_task_id="ms-1")
    path = callback_url(task.public_id).removeprefix("http://127.0.0.1:8000")
    body = json.dumps({"taskId": "ms-1", "status": "failed", "error": "no"})
    client.post(path, body, content_type="application/json")
    delivery = CallbackDelivery.objects.get()
    for where, row in ((TASKS, task), (DELIVERIES, delivery)):
        chosen = {"action": "reprocess", "_selected_action": [row.pk], "reason": "ticket 4711"}
        assert support.post(where, chosen).status_code == 302
    task.refresh_from_db()
    assert task.status == Status.FAILED
    assert task.events.filter(kind=TaskEvent.Kind.MOVE).count() == 1
    assert {event.actor for event in task.events.filter(kind=TaskEvent.Kind.SUPPORT)} == {tess}


def test_an_operator_says_why_sending_is_resumed_and_support_does_not_resume(
    support, olga, make_task
):
    gate.pause("MidSync refuses our API key (401)")
    waits = make_task(status=Status.SUBMITTING, sent_at=None, waits_for="operator")
    other = make_task(status=Status.SUBMITTING, sent_at=None, waits_for="room")
    assert "Sending is paused" in support.get(reverse("admin:index")).content.decode()
    gates = reverse("admin:midsync_portal_midsyncgate_changelist")
    resume = {"action": "resume_sending", "_selected_action": [1]}
    why = resume | {"reason": "MidSync restored the key"}
    support.post(gates, why)
    assert gate.is_paused()
    support.force_login(olga)
    assert "MidSync still refuses our key" in support.post(gates, resume).content.decode()
    assert gate.is_paused()
    said = support.post(gates, why, follow=True).content.decode()
    assert "resumed; 1 order waited for it." in said
    assert not gate.is_paused()
    event = waits.events.get(kind=TaskEvent.Kind.SUPPORT)
    assert (event.actor, event.reason) == (olga, "MidSync restored the key")
    assert "MidSync restored the key" in LogEntry.objects.filter(user=olga).get().change_message
    assert "sending is not paused" in support.post(gates, why, follow=True).content.decode()
    assert waits.events.filter(kind=TaskEvent.Kind.SUPPORT).count() == 1
    assert not other.events.filter(kind=TaskEvent.Kind.SUPPORT).exists()


def test_customers_and_strangers_reach_no_page_of_the_admin(client, ana, make_task):
    pages = [TASKS, reverse("admin:index"), reverse("admin:midsync_portal_user_changelist")]
    for page in pages:
        assert client.get(page).status_code == 302
    client.force_login(ana)
    for page in pages:
        assert client.get(page).status_code in (302, 403)


def test_support_reads_people_but_only_a_superuser_changes_them(support, client, sam, ana):
    change = reverse("admin:midsync_portal_user_change", args=[ana.pk])
    assert support.get(change).status_code == 200
    assert support.post(change, {"is_staff": "on"}).status_code == 403
    client.force_login(sam)
    assert client.get(change).status_code == 200
    assert (
        client.post(
            reverse("admin:midsync_portal_user_delete", args=[ana.pk]), {"post": "yes"}
        ).status_code
        == 403
    )


def test_every_page_of_the_admin_opens(client, sam, make_task):
    from django.contrib import admin

    make_task()
    client.force_login(sam)
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        assert client.get(reverse(name)).status_code == 200, name
    assert Task.objects.exists()
