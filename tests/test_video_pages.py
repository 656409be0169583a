"""What customers and support see of a copy: playing it, how long the provider's lasts, verbs."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from midsync_portal.live.rendering import render
from midsync_portal.models import Task, TaskEvent
from midsync_portal.models.status import Status
from midsync_portal.videos.expiry import link_ends_at
from tests.pages import Page

END = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
SECONDS = str(int(END.timestamp()))
CDN = "https://cdn.example.com/v.mp4"

SIGNED = [
    f"{CDN}?X-Amz-Date=20310506T060809Z&X-Amz-Expires=3600&X-Amz-Signature=a",
    f"{CDN}?X-Goog-Date=20310505T070809Z&X-Goog-Expires=86400&X-Goog-Signature=a",
    f"{CDN}?X-Tos-Date=20310506T070759Z&X-Tos-Expires=10&X-Tos-Signature=a",
    f"{CDN}?x-oss-date=20310506T070809Z&x-oss-expires=0&x-oss-signature=a",
    f"{CDN}?Expires={SECONDS}&Signature=a&Key-Pair-Id=b",
    f"{CDN}?GoogleAccessId=a&Expires={SECONDS}",
    f"{CDN}?expires={SECONDS}000",
    f"{CDN}?token=a&exp={SECONDS}",
    f"{CDN}?sv=2024-01-01&se=2031-05-06T07%3A08%3A09Z&sig=a",
    f"{CDN}?q-sign-time=1700000000;{SECONDS}&q-signature=a",
]
UNSIGNED = [
    CDN,
    "",
    f"{CDN}?Expires=soon",
    f"{CDN}?Expires=",
    f"{CDN}?Expires=3600",
    f"{CDN}?Expires={'9' * 5000}",
    f"{CDN}?Expires=-1",
    f"{CDN}?X-Amz-Date=yesterday&X-Amz-Expires=3600",
    f"{CDN}?X-Amz-Date=20310506T060809Z&X-Amz-Expires={'9' * 15}",
    f"{CDN}?se=never&sig=a",
    "https://[::1",
    f"{CDN}?{'a=b&' * 200}",
]


@pytest.mark.parametrize("url", SIGNED)
def test_a_signed_link_says_until_when_it_works(url):
    assert link_ends_at(url) == END


@pytest.mark.parametrize("url", UNSIGNED, ids=lambda url: url[:70])
def test_any_other_link_may_end_at_any_time(url):
    assert link_ends_at(url) is None


@given(st.text(max_size=200))
def test_every_link_is_read_without_harm(text):
    end = link_ends_at(f"{CDN}?{text}")
    assert end is None or end.tzinfo is not None


# --- The customer's page --------------------------------------------------------------------------


@pytest.fixture
def page(client, ana):
    """The page of a task as Ana sees it."""

    def page(task):
        client.force_login(ana)
        return Page(client.get(task.get_absolute_url()))

    return page


SAVED = {
    "video": "videos/x/video-1.mp4",
    "poster": "videos/x/poster-1.jpg",
    "video_state": "stored",
    "video_type": "video/mp4",
    "video_size": 2_200_000,
}


def said(page, task) -> str:
    return page.text_of(f"task-{task.public_id}-copy")


def player(page, task) -> dict[str, str]:
    return page.by_id[f"task-{task.public_id}-player"]


def test_a_saved_video_plays_from_here_with_its_poster_and_can_be_downloaded(page, make_task):
    task = make_task(status=Status.SUCCEEDED, **SAVED)
    shown = page(task)
    assert player(shown, task)["src"] == f"/tasks/{task.public_id}/video/"
    assert player(shown, task)["poster"] == f"/tasks/{task.public_id}/poster/"
    assert said(shown, task).startswith("Saved")
    assert "2.1 MB" in said(shown, task)
    links = [one.get("href") for one in shown.elements if one["tag"] == "a"]
    assert f"/tasks/{task.public_id}/video/?download=1" in links


def test_until_then_the_providers_copy_plays(page, make_task):
    due = {"video_state": "fetching", "video_next_try_at": timezone.now()}
    task = make_task(status=Status.SUCCEEDED, **due)
    shown = page(task)
    assert player(shown, task)["src"] == task.source_url
    assert "poster" not in player(shown, task)
    assert said(shown, task) == "Saving our copy… Provider's copy, may end at any time"


def test_the_page_says_until_when_the_providers_copy_can_be_watched(page, make_task):
    task = make_task(status=Status.SUCCEEDED, source_url=SIGNED[0], video_state="gave_up")
    shown = page(task)
    assert "The video could not be saved; our support looks at it." in said(shown, task)
    assert "Provider's copy until 6 May 2031, 07:08 UTC" in said(shown, task)
    ended = make_task(status=Status.SUCCEEDED, source_url=f"{CDN}?Expires=1700000000")
    assert said(page(ended), ended) == "Provider's copy ended 14 Nov 2023, 22:13 UTC"


def test_nobody_is_said_to_look_at_a_copy_that_was_dealt_with(page, make_task):
    gone = {"video_state": "gave_up", "handled_at": timezone.now()}
    task = make_task(status=Status.SUCCEEDED, source_url=SIGNED[0], **gone)
    assert "The video could not be saved. Provider's copy" in said(page(task), task)


def test_while_a_copy_is_made_anew_the_old_one_plays(page, make_task):
    again = {"video_state": "fetching", "video_next_try_at": timezone.now()}
    task = make_task(status=Status.SUCCEEDED, **SAVED | again)
    shown = page(task)
    assert player(shown, task)["src"] == f"/tasks/{task.public_id}/video/"
    assert "Saved" in said(shown, task)


@pytest.mark.django_db
def test_the_line_has_its_place_before_the_video_comes_and_none_where_none_will(make_task):
    waiting = render(make_task(status=Status.RUNNING), "video").decode()
    assert "player__line" in waiting
    assert "player__line" not in render(make_task(status=Status.FAILED), "video").decode()


def test_what_became_of_the_copy_stands_in_the_history(page, make_task):
    task = make_task(status=Status.SUCCEEDED, **SAVED)
    task.record(TaskEvent.Kind.VIDEO, "worker", reason="The video is saved")
    assert "The video is saved" in page(task).text_of(f"task-{task.public_id}-timeline")


# --- Support --------------------------------------------------------------------------------------

TASKS = reverse("admin:midsync_portal_task_changelist")


def test_support_sees_what_happened_to_a_copy_but_not_the_video(client, tess, make_task):
    task = make_task(
        status=Status.SUCCEEDED, video_state="gave_up", video_error="its server answers 404"
    )
    make_task(status=Status.SUCCEEDED, **SAVED)
    client.force_login(tess)
    shown = client.get(reverse("admin:midsync_portal_task_change", args=[task.pk]))
    assert "its server answers 404" in shown.content.decode()
    listed = client.get(TASKS, {"list": "unsaved"}).context["cl"].queryset
    assert list(listed) == [task]


def test_fetching_again_wants_a_reason_and_leaves_the_name(client, tess, make_task, wire):
    task = make_task(status=Status.SUCCEEDED, video_state="gave_up", video_tries=10)
    client.force_login(tess)
    chosen = {"action": "fetch_again", "_selected_action": [task.pk]}
    asked = client.post(TASKS, chosen).content.decode()
    assert "What is saved already stays until the new copy is there." in asked
    assert Task.objects.get().video_state == "gave_up"
    client.post(TASKS, chosen | {"reason": "ticket 4711"})
    task.refresh_from_db()
    assert (task.video_state, task.video_tries) == ("fetching", 0)
    assert task.video_next_try_at - timezone.now() < timedelta(seconds=1)
    event = task.events.get(kind=TaskEvent.Kind.SUPPORT)
    assert (event.actor, event.reason) == (tess, "ticket 4711")
