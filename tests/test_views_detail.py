"""The page of one task, and asking MidSync from it."""

from uuid import uuid4

import pytest
from django.urls import reverse

from midsync_portal.models import TaskEvent
from midsync_portal.models.status import Status
from tests.pages import Page

HTMX = {"HX-Request": "true"}


def check(task):
    """Where one asks MidSync about a task."""
    return reverse("task-check", args=[task.public_id])


def test_a_ready_task_shows_its_video(client, ana, make_task):
    task = make_task(status=Status.SUCCEEDED, source_url="https://cdn.example.com/v.mp4?a=1&b=2")
    client.force_login(ana)
    answer = client.get(task.get_absolute_url())
    player = Page(answer).by_id[f"task-{task.public_id}-player"]
    assert player["src"] == "https://cdn.example.com/v.mp4?a=1&b=2"
    assert {"controls", "playsinline"} <= player.keys()
    assert "media-src 'self' https:" in answer["Content-Security-Policy"]


def test_the_page_says_all_about_a_task(client, ana, make_task):
    task = make_task(
        points_quoted=48,
        points_charged=50,
        midsync_task_id="ms-7",
        provider_task_id="pv-7",
        parameters={"aspectRatio": "16:9", "generateAudio": True, "images": ["https://e.com/a"]},
    )
    task.record(TaskEvent.Kind.CREATED, "customer", actor=ana)
    client.force_login(ana)
    page = Page(client.get(task.get_absolute_url()))
    status = page.text_of(f"task-{task.public_id}-status")
    for fact in ("ms-7", "pv-7", str(task.public_id), "Quoted 48 · Charged 50: 2 points more"):
        assert fact in status
    everything = page.text_of("main")
    for fact in ("Aspect ratio", "16:9", "Sound", "https://e.com/a", "a red fox in the snow"):
        assert fact in everything
    assert "Ordered by Ana" in page.text_of(f"task-{task.public_id}-timeline")
    assert (
        page.by_id["feed"]["data-stream"]
        == f"/stream/?team={task.customer_id}&detail={task.public_id}"
    )


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_the_page_is_only_read(client, ana, make_task, method):
    client.force_login(ana)
    assert getattr(client, method)(make_task().get_absolute_url()).status_code == 405


def test_asking_midsync_is_a_post(client, ana, make_task):
    client.force_login(ana)
    assert client.get(check(make_task())).status_code == 405


def test_strangers_are_sent_to_log_in(client, make_task):
    task = make_task()
    for answer in (client.get(task.get_absolute_url()), client.post(check(task))):
        assert answer.status_code == 302
        assert answer["Location"].startswith(reverse("account_login"))


def test_ben_gets_the_same_bytes_for_anas_task_as_for_none(client, ben, make_task):
    task = make_task()
    client.force_login(ben)
    for name in ("task-detail", "task-check"):
        ask = client.post if name == "task-check" else client.get
        his, nobodys = (ask(reverse(name, args=[one])) for one in (task.public_id, uuid4()))
        assert his.status_code == nobodys.status_code == 404
        assert his.content == nobodys.content


@pytest.mark.django_db(transaction=True)
def test_checking_answers_htmx_with_what_changed(client, ana, make_task, wire):
    wire.answers["status"] = {
        "success": True,
        "status": "completed",
        "output": "https://cdn.example.com/v.mp4",
    }
    task = make_task(midsync_task_id="ms-1")
    client.force_login(ana)
    page = Page(client.post(check(task), headers=HTMX))
    first, *others = page.roots
    assert first["id"] == f"task-{task.public_id}-check"
    assert [one["id"].removeprefix(f"task-{task.public_id}-") for one in others] == [
        "status",
        "video",
        "timeline",
    ]
    assert all(one["hx-swap-oob"] == "true" for one in others)
    assert others[0]["data-status"] == "succeeded"
    assert "MidSync was asked" in page.text_of(f"task-{task.public_id}-check")


@pytest.mark.django_db(transaction=True)
def test_checking_without_javascript_leads_back_with_a_sentence(client, ana, make_task, wire):
    task = make_task(midsync_task_id="ms-1")
    client.force_login(ana)
    answer = client.post(check(task), follow=True)
    assert answer.redirect_chain == [(task.get_absolute_url(), 302)]
    assert "MidSync was asked" in answer.content.decode()


def test_a_failed_task_says_why_and_what_it_cost(client, ana, make_task):
    task = make_task(status=Status.FAILED, points_charged=48, failure_message="<b>Unsafe</b> image")
    client.force_login(ana)
    answer = client.get(task.get_absolute_url())
    status = Page(answer).text_of(f"task-{task.public_id}-status")
    assert "48 points were charged. A content rule stopped it" in status
    assert "MidSync’s words: <b>Unsafe</b> image." in status
    assert "<b>Unsafe" not in answer.content.decode()
