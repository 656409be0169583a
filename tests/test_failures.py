"""Failure in words: buckets of reasons, the money sentence, one next step."""

from importlib import import_module

import pytest
from django.apps import apps
from django.urls import reverse

from midsync_portal import failures, wording
from midsync_portal.models import FailureBucket
from midsync_portal.models.status import FINAL, Status
from midsync_portal.simulator.engine import FAILURE
from tests.pages import Page
from tests.second_factor import set_up


@pytest.fixture(autouse=True)
def fresh_buckets(db):
    """The buckets that the migration made, also after a test that emptied all tables."""
    if not FailureBucket.objects.exists():
        import_module("midsync_portal.migrations.0015_failure_buckets").fill(apps, None)
    failures.forget()
    yield
    failures.forget()


@pytest.mark.parametrize(
    ("code", "text", "name"),
    [
        (*FAILURE, "content rule"),
        ("", "Your prompt was flagged by website as violating content policies.", "content rule"),
        ("400", "Image fetch failed. Check access settings", "media unreachable"),
        ("422", "duration must be one of 5, 10", "bad input"),
        ("invalid_request", "", "bad input"),
        ("402", "Insufficient credits", "not enough points"),
        ("429", "Rate limit exceeded", "MidSync busy"),
        ("500", "Internal Error, Please try again later.", "MidSync busy"),
        ("TIMEOUT", "", "no answer"),
        ("not_sent", "MidSync could not be reached in time.", "no answer"),
        ("failed", "", "unknown"),
        ("failed", "東京", "unknown"),
    ],
)
def test_reasons_are_sorted_into_buckets(make_task, code, text, name):
    task = make_task(status=Status.FAILED, failure_code=code or "x", failure_message=text)
    bucket = failures.bucket_of(task)
    assert bucket.name == name


@pytest.mark.parametrize("status", Status)
def test_only_what_ended_without_a_video_has_a_next_step(make_task, status):
    step = failures.next_step(make_task(status=status))
    assert (step is not None) is (status in FINAL - {Status.SUCCEEDED})


@pytest.mark.parametrize(
    ("facts", "money"),
    [
        ({"status": Status.FAILED, "points_charged": 48}, "48 points were charged. "),
        ({"status": Status.FAILED}, "We don't know yet whether points were charged. "),
        ({"status": Status.FAILED, "points_charged": 0}, "Nothing was charged. "),
        ({"status": Status.REJECTED}, "Nothing was charged. "),
        ({"status": Status.REJECTED, "charge_unknown": True}, "We don't know yet whether"),
    ],
)
def test_the_money_sentence_follows_from_the_task_and_not_from_its_bucket(make_task, facts, money):
    for text in ("a safety check", "Insufficient points; your balance is 0", "whatever"):
        note = wording.task_note(make_task(failure_code="x", failure_message=text, **facts))
        assert note.startswith(money)


def test_a_failed_task_shows_why_what_it_cost_and_one_next_step(client, ana, make_task):
    code, text = FAILURE
    task = make_task(
        status=Status.FAILED, points_charged=48, failure_code=code, failure_message=text
    )
    client.force_login(ana)
    sentence = "48 points were charged. A content rule stopped it: change the prompt or the images."
    row = Page(client.get(reverse("task-row", args=[task.public_id])))
    assert row.text_of(f"task-{task.public_id}-note-cell") == sentence
    (step,) = [one for one in row.with_class("button") if one["tag"] == "a"]
    assert step["href"] == f"/?from={task.public_id}"
    assert step["text"].startswith("Edit and try again")
    why = Page(client.get(task.get_absolute_url())).text_of(f"task-{task.public_id}-status")
    assert sentence in why
    assert f"MidSync’s words: {text}" in why


def test_a_refused_order_says_what_exactly_is_wrong(make_task):
    task = make_task(
        status=Status.REJECTED, failure_code="422", failure_message="duration must be 5 or 10"
    )
    assert wording.task_note(task) == (
        "Nothing was charged. MidSync did not accept one of the settings. duration must be 5 or 10."
    )


def test_help_names_the_number_that_support_needs(client, ana, make_task):
    task = make_task(status=Status.FAILED, failure_code="x", failure_message="odd")
    client.force_login(ana)
    row = Page(client.get(reverse("task-row", args=[task.public_id])))
    (step,) = [one for one in row.with_class("button") if one["tag"] == "a"]
    assert step["href"] == f"{task.get_absolute_url()}#help"
    assert str(task.public_id) in Page(client.get(task.get_absolute_url())).text_of("help")


def test_drawing_rows_asks_for_the_buckets_once(make_task, django_assert_num_queries):
    tasks = [make_task(status=Status.FAILED) for _ in range(3)]
    with django_assert_num_queries(1):
        for task in tasks:
            wording.task_note(task)


def test_an_empty_table_still_knows_the_usual_reasons(make_task):
    FailureBucket.objects.all().delete()
    code, text = FAILURE
    task = make_task(status=Status.FAILED, failure_code=code, failure_message=text)
    assert failures.bucket_of(task).name == "content rule"


# --- support -------------------------------------------------------------------------------------


def edited(bucket, **changed):
    """The form of a bucket in the admin."""
    names = ("name", "position", "patterns", "sentence", "next_step")
    return {name: getattr(bucket, name) for name in names} | changed


def test_support_adds_a_pattern_that_counts_at_once(client, tess, make_task):
    task = make_task(status=Status.FAILED, failure_code="E77", failure_message="wobbly frames")
    assert failures.bucket_of(task).name == "unknown"
    bucket = FailureBucket.objects.get(name="MidSync busy")
    set_up(tess)
    client.force_login(tess)
    path = reverse("admin:midsync_portal_failurebucket_change", args=[bucket.pk])
    answer = client.post(path, edited(bucket, patterns=f"{bucket.patterns}\nWobbly"))
    assert answer.status_code == 302
    assert failures.bucket_of(task).name == "MidSync busy"


@pytest.mark.parametrize(
    ("name", "patterns"), [("MidSync busy", ""), ("MidSync busy", "a"), ("unknown", "all of it")]
)
def test_a_bucket_that_would_take_everything_is_refused(client, tess, name, patterns):
    bucket = FailureBucket.objects.get(name=name)
    set_up(tess)
    client.force_login(tess)
    path = reverse("admin:midsync_portal_failurebucket_change", args=[bucket.pk])
    assert client.post(path, edited(bucket, patterns=patterns)).status_code == 200
    kept = FailureBucket.objects.get(pk=bucket.pk)
    assert kept.patterns == bucket.patterns


def test_nobody_deletes_a_bucket(client, sam):
    set_up(sam)
    client.force_login(sam)
    bucket = FailureBucket.objects.first()
    path = reverse("admin:midsync_portal_failurebucket_delete", args=[bucket.pk])
    assert client.post(path, {"post": "yes"}).status_code == 403
