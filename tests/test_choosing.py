"""Several tasks at once: side by side, their settings again, and their videos as one zip."""
# ruff: noqa: F401, F811 - the fixtures of test_video_door

import asyncio
import threading
from datetime import UTC, datetime
from io import BytesIO
from urllib.parse import urlencode
from uuid import uuid4
from zipfile import ZIP_STORED, ZipFile

import pytest
from django.contrib.messages import get_messages
from django.core.files.storage import default_storage
from django.db import OperationalError

from midsync_portal.models.status import Status
from midsync_portal.videos import archive, sending
from midsync_portal.videos.archive import VIDEOS_MAX, Archive
from tests.pages import Page
from tests.serving import Answer, scope_of
from tests.test_video_door import BODY, cookie_of, get, loop, site, stay, stored

pytestmark = pytest.mark.django_db(transaction=True)

CHOSEN, DOWNLOAD = "/tasks/chosen/", "/tasks/download/"


def query_of(*tasks, **more):
    """The query of a form in which these are ticked."""
    return urlencode({"task": [str(task.public_id) for task in tasks], **more}, doseq=True)


def unpacked(answer):
    """Names and contents of a zip that was answered whole."""
    assert (answer.status, answer.is_complete) == (200, True)
    with ZipFile(BytesIO(answer.body)) as found:
        assert found.testzip() is None
        assert {one.compress_type for one in found.infolist()} <= {ZIP_STORED}
        return {name: found.read(name) for name in found.namelist()}


# --- the list ------------------------------------------------------------------------------------


def test_tasks_are_ticked_in_the_list_and_nowhere_else(client, ana, make_task):
    task = make_task()
    client.force_login(ana)
    page = Page(client.get("/tasks/"))
    assert "data-picks" in page.by_id["task-rows"]
    assert page.by_id["task-chosen"]["action"] == CHOSEN
    assert page.by_id[f"task-{task.public_id}-prompt-cell"]
    assert "data-picks" not in Page(client.get("/")).by_id["task-rows"]


def test_the_settings_of_one_are_used_again_and_nothing_is_ordered(client, ana, make_task):
    task = make_task()
    client.force_login(ana)
    answer = client.get(f"{CHOSEN}?{query_of(task, do='again')}")
    assert answer["Location"] == f"/?from={task.public_id}"


def test_a_few_are_shown_side_by_side(client, ana, make_task):
    tasks = [make_task() for _ in range(4)]
    client.force_login(ana)
    answer = client.get(f"{CHOSEN}?{query_of(*tasks, do='together')}", follow=True)
    shown = [one["data-task"] for one in Page(answer).with_class("task-row")]
    assert shown == [str(task.public_id) for task in tasks]


@pytest.mark.parametrize(
    ("path", "count", "do", "said"),
    [
        (CHOSEN, 0, "again", "Choose one task"),
        (CHOSEN, 2, "again", "Choose one task"),
        (CHOSEN, 1, "together", "Choose two to four"),
        (CHOSEN, 5, "together", "Choose two to four"),
        (DOWNLOAD, 0, "", "Choose the tasks whose videos"),
        (DOWNLOAD, 2, "", "no saved copy of any"),
        (DOWNLOAD, VIDEOS_MAX + 1, "", "At most 50 videos"),
    ],
)
def test_what_cannot_be_done_is_said_in_the_list(client, ana, make_task, path, count, do, said):
    tasks = [make_task() for _ in range(count)]
    client.force_login(ana)
    came_from = "http://testserver/tasks/?status=queued"
    answer = client.get(f"{path}?{query_of(*tasks, do=do)}", headers={"referer": came_from})
    assert answer["Location"] == came_from
    assert said in str(*get_messages(answer.wsgi_request))
    elsewhere = {"referer": "https://evil.example/tasks/?"}
    assert client.get(path, headers=elsewhere)["Location"] == "/tasks/"


@pytest.mark.parametrize("path", [CHOSEN, DOWNLOAD])
def test_what_is_anothers_or_odd_does_not_exist(client, get, ana, ben, stored, path):
    task = stored()
    client.force_login(ben)
    assert client.get(f"{path}?{query_of(task, do='again')}").status_code == 404
    assert get(path, user=ben, query=query_of(task)).status == 404
    assert get(path, user=None, query=query_of(task)).status == 302
    for odd in ("task=1", "task=%00", f"task={uuid4()}"):
        assert get(path, query=odd).status == 404


# --- the zip -------------------------------------------------------------------------------------


def test_videos_come_as_one_zip_under_names_that_say_what_they_are(get, stored):
    fox = stored(prompt="A red fox/../in the snow", finished_at=datetime(2026, 3, 1, tzinfo=UTC))
    japanese = stored(b"short", prompt="雪の狐")
    answer = get(DOWNLOAD, query=query_of(fox, japanese, fox))
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"].startswith('attachment; filename="videos-20')
    assert answer.headers["cache-control"] == "private, no-store"
    names = [f"{words}-{str(task.public_id)[:8]}.mp4" for words, task in
             (("a-red-foxin-the-snow", fox), ("雪の狐", japanese))]  # fmt: skip
    assert unpacked(answer) == {names[0]: BODY, names[1]: b"short"}
    with ZipFile(BytesIO(answer.body)) as found:
        assert found.infolist()[0].date_time == (2026, 3, 1, 0, 0, 0)


def test_the_zip_names_what_has_no_saved_copy(get, stored, make_task):
    lost, there = stored(prompt="lost"), stored()
    default_storage.delete(lost.video.name)
    failed = make_task(status=Status.FAILED, prompt="失敗した\n狐")
    found = unpacked(get(DOWNLOAD, query=query_of(failed, lost, there, lang="ja")))
    told = found.pop("missing.txt").decode("utf-8-sig")
    assert list(found.values()) == [BODY]
    assert told.startswith("次の動画には保存済みコピーがありません。")
    assert "失敗した 狐（失敗）" in told or "失敗した 狐 (失敗)" in told
    assert f"/tasks/{lost.public_id}/" in told


def test_a_zip_is_made_while_it_is_sent(get, stored, monkeypatch):
    monkeypatch.setattr(sending, "CHUNK", 1_000)
    tasks = [stored() for _ in range(3)]
    longest = max(map(len, Archive(tasks, "en").pieces()))
    assert longest < 2_000


def test_a_file_beyond_four_gigabytes_gets_the_longer_sizes(get, stored, monkeypatch):
    monkeypatch.setattr(archive, "ZIP64_LIMIT", 100)
    assert list(unpacked(get(DOWNLOAD, query=query_of(stored()))).values()) == [BODY]


def test_a_zip_of_a_file_that_ends_early_is_cut_off(loop, site, ana, stored):
    task, cut, answer = stored(video_size=len(BODY) + 1), threading.Event(), Answer()
    scope = scope_of(DOWNLOAD, headers=cookie_of(ana), query=query_of(task))
    scope["state"]["abort"] = cut.set
    loop.run(site(scope, stay, answer.send))
    assert (answer.status, answer.is_complete, cut.is_set()) == (200, False, True)


def test_slow_readers_of_zips_hold_no_thread(loop, site, ana, stored, get):
    reads, query = asyncio.Event(), query_of(*(stored() for _ in range(2)))
    scope = scope_of(DOWNLOAD, headers=cookie_of(ana), query=query)
    answers = [Answer() for _ in range(20)]

    def slow(answer):
        async def send(message):
            if answer.body:
                await reads.wait()
            await answer.send(message)

        return send

    streams = [loop.start(site(dict(scope), stay, slow(answer))) for answer in answers]
    assert get("/tasks/").status == 200
    loop.call(reads.set)
    for stream in streams:
        stream.result(20)
    assert all(len(unpacked(answer)) == 2 for answer in answers)


def test_who_asks_for_the_head_of_a_zip_gets_that(get, stored):
    answer = get(DOWNLOAD, method="HEAD", query=query_of(stored()))
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-type"] == "application/zip"


def test_a_zip_is_asked_for_again_while_the_database_is_away(get, stored, monkeypatch):
    def away(*args):
        raise OperationalError

    monkeypatch.setattr(archive, "find_archive", away)
    answer = get(DOWNLOAD, query=query_of(stored()))
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
