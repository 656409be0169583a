"""The account-wide URL: signed callbacks find their task, and MidSync's answer decides."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from midsync_portal.callbacks import match_orphans, storing
from midsync_portal.models import CallbackDelivery, Task, TaskEvent
from midsync_portal.models.status import Status
from midsync_portal.reconcile import reconcile_due_task
from tests.posting import READY, VIDEO, let_worker_try, post, post_account_wide, signed

pytestmark = pytest.mark.django_db
State = CallbackDelivery.State
SCHEMES = {"hmac": "shared", "kie": "shared", "standard-webhooks": "whsec_c2VjcmV0"}


@pytest.fixture(params=SCHEMES)
def scheme(request, settings):
    settings.CALLBACK_SIGNATURE = request.param
    settings.CALLBACK_SIGNATURE_SECRET = SCHEMES[request.param]
    return request.param


@pytest.fixture
def task(make_task):
    return make_task(status=Status.QUEUED, midsync_task_id="ms-1", provider_task_id="pv-1")


def fate(task):
    task.refresh_from_db()
    return task.status, task.needs_review


@pytest.mark.parametrize("named", ["ms-1", "pv-1"])
def test_promise_06_by_either_id_it_only_makes_the_worker_ask(scheme, task, wire, named):
    answer = post_account_wide(READY | {"taskId": named}, task_id=named)
    assert (answer.status_code, answer.content) == (200, b"ok")
    assert fate(task) == (Status.QUEUED, "")
    assert task.source_url == ""
    assert task.next_check_at <= timezone.now()
    delivery = CallbackDelivery.objects.get()
    assert (delivery.task, delivery.is_hint, delivery.state) == (task, True, State.DONE)
    wire.answers["status"] = {"taskId": "ms-1", "status": "failed", "error": "not made"}
    reconcile_due_task(task)
    assert fate(task) == (Status.FAILED, "")


def test_a_forged_body_under_a_good_kie_signature_teaches_nothing(settings, task, wire):
    settings.CALLBACK_SIGNATURE, settings.CALLBACK_SIGNATURE_SECRET = "kie", "shared"
    headers = signed(READY)
    from django.test import Client

    forged = READY | {"status": "failed", "error": "made up", "pointsCharged": 9, "progress": 77}
    answer = Client().post(
        "/callbacks/", json.dumps(forged), content_type="application/json", headers=headers
    )
    assert answer.status_code == 200
    assert fate(task) == (Status.QUEUED, "")
    assert (task.points_charged, task.progress, task.failure_message) == (None, None, "")
    assert wire.asked == []


@pytest.mark.parametrize("age", [301, -301, 86400])
def test_an_old_signature_is_refused(scheme, task, age):
    assert post_account_wide(READY, age=age).status_code == 401
    assert not CallbackDelivery.objects.exists()


def test_the_same_again_is_a_repeat(scheme, task, wire):
    for age in (0, 100, 200):
        assert post_account_wide(READY, age=age).status_code == 200
    assert CallbackDelivery.objects.get().repeats == 2
    reconcile_due_task(task)
    task.refresh_from_db()
    at = task.next_check_at
    post_account_wide(READY)
    task.refresh_from_db()
    assert task.next_check_at == at


def test_many_hints_are_one_question_in_ten_seconds(scheme, task, wire):
    for number in range(30):
        post_account_wide(READY | {"n": number})
        task.refresh_from_db()
        if task.next_check_at <= timezone.now():
            reconcile_due_task(task)
    assert wire.count("status") == 1


def test_a_hint_never_stands_in_the_way_of_the_proof(scheme, task):
    assert post_account_wide(READY).status_code == 200
    assert fate(task) == (Status.QUEUED, "")
    assert post(task, READY, **signed(READY)).status_code == 200
    assert fate(task) == (Status.SUCCEEDED, "")
    delivery = CallbackDelivery.objects.get()
    assert (delivery.is_hint, delivery.state, delivery.repeats) == (False, State.DONE, 1)
    assert post_account_wide(READY).status_code == 200
    assert CallbackDelivery.objects.get().repeats == 2


AMBIGUOUS = {
    "two tasks": {"taskId": "ms-1", "providerTaskId": "pv-2"},
    "a provider's id of two": {"taskId": "pv-twice"},
    "one id of a task and another": {"taskId": "ms-1", "providerTaskId": "pv-other"},
    "nobody's": {"taskId": "ms-unknown"},
}


@pytest.mark.parametrize("ids", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_without_one_clear_task_nothing_is_guessed(scheme, task, make_task, ids):
    tasks = [task, make_task(midsync_task_id="ms-2", provider_task_id="pv-2")]
    tasks += [make_task(midsync_task_id=f"t-{n}", provider_task_id="pv-twice") for n in (1, 2)]
    before = Task.objects.order_by("pk").values()
    before = list(before)
    body = {"status": "completed", "output": VIDEO} | ids
    assert post_account_wide(body, task_id=ids["taskId"]).status_code == 200
    delivery = CallbackDelivery.objects.get()
    assert (delivery.task, delivery.named_task, delivery.state) == (None, None, State.KEPT)
    assert list(Task.objects.order_by("pk").values()) == before
    for _ in range(30):
        match_orphans()
        let_worker_try()
    delivery.refresh_from_db()
    assert (delivery.task, delivery.state) == (None, State.KEPT)
    assert list(Task.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("named", ["ms-1", "pv-1"])
def test_a_callback_that_overtook_our_own_answer_is_matched_later(scheme, make_task, named, wire):
    task = make_task(status=Status.SUBMITTING, sent_at=timezone.now())
    body = READY | {"taskId": named}
    assert post_account_wide(body, task_id=named).status_code == 200
    assert match_orphans() == 0
    task.move_to(
        Status.QUEUED,
        "answer",
        midsync_task_id="ms-1",
        provider_task_id="pv-1",
        next_check_at=timezone.now() + timedelta(minutes=5),
    )
    assert match_orphans() == 1
    let_worker_try()
    delivery = CallbackDelivery.objects.get()
    task.refresh_from_db()
    assert (delivery.task, delivery.named_task) == (task, task.public_id)
    assert delivery.state == State.DONE
    assert task.next_check_at <= timezone.now()
    assert match_orphans() == 0


@pytest.mark.django_db(transaction=True)
def test_the_worker_matches_orphans_and_prunes_by_itself(settings, make_task, wire):
    settings.CALLBACK_SIGNATURE, settings.CALLBACK_SIGNATURE_SECRET = "hmac", "shared"
    post_account_wide(READY | {"taskId": "ms-0"})
    long_ago = timezone.now() - timedelta(days=91)
    CallbackDelivery.objects.update(received_at=long_ago, last_received_at=long_ago)
    post_account_wide(READY)
    task = make_task(midsync_task_id="ms-1")
    for _ in range(2):
        call_command("worker", "--once", stdout=StringIO())
    delivery = CallbackDelivery.objects.get()
    assert (delivery.task, delivery.state) == (task, State.DONE)


def test_an_orphan_too_large_to_keep_whole_is_matched_by_its_ids(scheme, make_task):
    post_account_wide(READY | {"padding": "x" * 70_000})
    task = make_task(midsync_task_id="ms-1")
    assert match_orphans() == 1
    let_worker_try()
    assert CallbackDelivery.objects.get().task == task


def test_an_orphan_whose_task_has_the_same_body_by_now_is_done(scheme, make_task):
    post_account_wide(READY)
    task = make_task(midsync_task_id="ms-1")
    post(task, READY, **signed(READY))
    assert match_orphans() == 1
    let_worker_try()
    orphan = CallbackDelivery.objects.get(is_hint=True)
    assert (orphan.task, orphan.state) == (None, State.DONE)
    assert match_orphans() == 0


def test_a_task_that_comes_back_from_a_backup_gets_its_callbacks(make_task):
    task = make_task(midsync_task_id="ms-1")
    public_id = task.public_id
    task.delete()
    assert post(public_id, READY).status_code == 200
    assert match_orphans() == 0
    again = make_task(midsync_task_id="ms-1", public_id=public_id)
    assert match_orphans() == 1
    let_worker_try()
    again.refresh_from_db()
    assert again.status == Status.SUCCEEDED


def test_an_ended_task_is_asked_about_after_a_hint(scheme, make_task, wire):
    task = make_task(status=Status.FAILED, midsync_task_id="ms-1")
    wire.answers["status"] = {"taskId": "ms-1", "status": "completed", "output": VIDEO}
    post_account_wide(READY)
    assert fate(task)[0] == Status.FAILED
    let_worker_try()
    assert fate(task)[0] == Status.SUCCEEDED


def test_hints_crowd_out_no_proofs_and_unsigned_orphans_are_few(settings, task, monkeypatch):
    settings.CALLBACK_SIGNATURE, settings.CALLBACK_SIGNATURE_SECRET = "kie", "shared"
    settings.CALLBACK_BODIES_PER_TASK = 3
    monkeypatch.setattr(storing, "UNSIGNED_ORPHANS_MAX", 2)
    for number in range(6):
        assert post_account_wide(READY | {"n": number}).status_code == 200
    assert CallbackDelivery.objects.filter(task=task).count() == 3
    own = {"taskId": "ms-1", "status": "processing"}
    assert post(task, own, **signed(own)).status_code == 200
    assert CallbackDelivery.objects.filter(task=task, is_hint=False).count() == 1
    statuses = [
        post_account_wide({"taskId": f"x-{number}"}, task_id=f"x-{number}").status_code
        for number in range(4)
    ]
    assert statuses == [200, 200, 503, 503]
    assert CallbackDelivery.objects.filter(task=None).count() == 2


def test_a_challenge_is_echoed_by_the_account_wide_url_too(settings):
    settings.CALLBACK_SIGNATURE, settings.CALLBACK_SIGNATURE_SECRET = "hmac", "shared"
    assert post_account_wide({"challenge": "say"}).content == b"say"


# --- Promise 6, at the task's own URL -------------------------------------------------------------


def test_promise_06_ana_s_token_with_ben_s_id_changes_nothing_of_ben_s(make_task, ben, wire):
    of_ana = make_task(status=Status.QUEUED, midsync_task_id="ms-1", provider_task_id="pv-1")
    of_ben = make_task(
        status=Status.QUEUED,
        midsync_task_id="ms-2",
        provider_task_id="pv-2",
        customer=ben.customers.first(),
        ordered_by=ben,
    )
    before = Task.objects.filter(pk=of_ben.pk).values().get()
    for ids in ({"taskId": "ms-2"}, {"taskId": "pv-2"}, {"taskId": "ms-1", "jobId": "ms-2"}):
        assert post(of_ana, READY | ids).status_code == 200
    let_worker_try(3)
    assert Task.objects.filter(pk=of_ben.pk).values().get() == before
    assert not TaskEvent.objects.filter(task=of_ben).exists()
    of_ana.refresh_from_db()
    assert (of_ana.status, of_ana.source_url) == (Status.QUEUED, "")
    assert of_ana.needs_review == "a report names the id of another task"


@pytest.mark.parametrize("end", ["completed", "failed", "cancelled"])
def test_promise_06_a_final_callback_waits_for_midsync_where_that_is_wanted(
    settings, task, wire, end
):
    settings.MIDSYNC_CONFIRM_CALLBACKS = True
    post(task, READY | {"status": "processing"})
    assert fate(task) == (Status.RUNNING, "")
    post(task, READY | {"status": end})
    assert fate(task) == (Status.RUNNING, "")
    assert (task.source_url, task.failure_message) == ("", "")
    assert task.next_check_at <= timezone.now()
    wire.answers["status"] = (503, "down")
    reconcile_due_task(task)
    assert fate(task) == (Status.RUNNING, "")
    assert task.next_check_at <= timezone.now() + timedelta(minutes=2)
    wire.answers["status"] = {"taskId": "ms-1", "status": end, "output": VIDEO}
    Task.objects.filter(pk=task.pk).update(last_checked_at=None)
    task.refresh_from_db()
    reconcile_due_task(task)
    ends = {"completed": "succeeded"}
    assert fate(task)[0] == ends.get(end, end)


def test_promise_06_what_midsync_does_not_confirm_is_never_shown(settings, task, wire):
    settings.MIDSYNC_CONFIRM_CALLBACKS = True
    post(task, READY)
    wire.answers["status"] = {"taskId": "ms-1", "status": "processing"}
    task.refresh_from_db()
    reconcile_due_task(task)
    assert fate(task) == (Status.RUNNING, "")
    assert task.source_url == ""


def test_promise_06_a_confirmation_of_an_ended_task_is_waited_for_too(settings, make_task, wire):
    settings.MIDSYNC_CONFIRM_CALLBACKS = True
    task = make_task(status=Status.FAILED, midsync_task_id="ms-1")
    post(task, READY)
    wire.answers["status"] = (503, "down")
    let_worker_try()
    assert fate(task)[0] == Status.FAILED
    assert CallbackDelivery.objects.get().state == State.NEW
    wire.answers["status"] = {"taskId": "ms-1", "status": "completed", "output": VIDEO}
    Task.objects.filter(pk=task.pk).update(last_checked_at=None)
    let_worker_try()
    assert fate(task)[0] == Status.SUCCEEDED
