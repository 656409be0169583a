"""A task's files: to members of its customer, in the parts they ask for, at the pace they read."""

import asyncio
import threading
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, default_storage
from django.core.wsgi import get_wsgi_application
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from midsync_portal.models import Membership
from midsync_portal.models.status import Status
from midsync_portal.serving.site import Site
from midsync_portal.videos import door, sending
from midsync_portal.videos.ranges import NoSuchPart, Part, wanted_part
from tests.serving import PATIENCE, Answer, Loop, scope_of

pytestmark = pytest.mark.django_db(transaction=True)

BODY = bytes(range(256)) * 1000  # of several chunks
POSTER = b"\xff\xd8jpeg"


@pytest.fixture
def loop():
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def site(loop, transactional_db):
    """The site with Django behind it; its hub does not listen."""

    async def make() -> Site:
        return Site(get_wsgi_application())

    site = loop.run(make())
    yield site
    loop.run(site.finish())


@pytest.fixture
def stored(make_task, settings, tmp_path):
    """Makes a task with a copy of its video and a poster."""
    settings.MEDIA_ROOT = tmp_path

    def stored(video: bytes = BODY, **fields):
        task = make_task(
            **{
                "status": Status.SUCCEEDED,
                "video": default_storage.save("videos/x/video-1.mp4", ContentFile(video)),
                "poster": default_storage.save(
                    "videos/x/poster-1.jpg", ContentFile(b"\xff\xd8jpeg")
                ),
                "video_state": "stored",
                "video_type": "video/mp4",
                "video_size": len(video),
                "video_saved_at": timezone.now(),
            }
            | fields
        )
        return task

    return stored


def cookie_of(user) -> dict[str, str]:
    client = Client()
    client.force_login(user)
    return {"cookie": "; ".join(f"{name}={one.value}" for name, one in client.cookies.items())}


def video_of(task) -> str:
    return reverse("task-video", args=[task.public_id])


def poster_of(task) -> str:
    return reverse("task-poster", args=[task.public_id])


@pytest.fixture
def get(loop, site, ana):
    """Asks for a path as Ana, or as somebody else."""

    def get(path, user=ana, method="GET", query="", **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        cookie = cookie_of(user) if user else {}
        return ask(loop, site, scope_of(path, method, headers=cookie | named, query=query))

    return get


def ask(loop, site, scope) -> Answer:
    """One request of somebody who stays until it is answered."""
    answer = Answer()
    came = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive():
        return came.pop() if came else await stay()

    loop.run(site(scope, receive, answer.send))
    return answer


async def stay() -> dict:
    await asyncio.Event().wait()


# --- Who ------------------------------------------------------------------------------------------


def test_a_member_gets_the_file_and_what_a_browser_may_do_with_it(get, stored):
    answer = get(video_of(stored()))
    assert (answer.status, answer.body, answer.is_complete) == (200, BODY, True)
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-length"] == str(len(BODY))
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "content-disposition" not in answer.headers


def test_the_poster_is_served_likewise(get, stored):
    answer = get(poster_of(stored()))
    assert (answer.status, answer.body) == (200, POSTER)
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-length"] == "6"


@pytest.mark.parametrize("who", ["ben", "sam", "tess"])
@pytest.mark.parametrize("path", [video_of, poster_of])
def test_promise_13_others_get_the_bytes_of_what_never_existed(get, stored, request, who, path):
    user = request.getfixturevalue(who)
    task = stored()
    nobodys = path(SimpleNamespace(public_id=uuid4()))
    for how in ({}, {"range": "bytes=0-1"}, {"method": "HEAD"}):
        foreign, never = get(path(task), user, **how), get(nobodys, user, **how)
        assert foreign.status == never.status == 404
        assert foreign.body == never.body
        assert {*foreign.headers} == {*never.headers}


@pytest.mark.parametrize(("who", "status"), [("tess", 200), ("sam", 200), ("ben", 404)])
def test_only_support_may_ask_as_support(get, stored, request, who, status):
    user = request.getfixturevalue(who)
    for path in (video_of, poster_of):
        assert get(path(stored()), user, query="support=1").status == status


def test_what_is_not_saved_yet_is_not_found_either(get, make_task):
    task = make_task(status=Status.SUCCEEDED)
    never = get(video_of(SimpleNamespace(public_id=uuid4())))
    for path in (video_of(task), poster_of(task)):
        answer = get(path)
        assert (answer.status, answer.body) == (404, never.body)


@pytest.mark.parametrize("cookie", [{}, {"cookie": "portal_session=abcdefgh"}])
def test_strangers_are_sent_to_log_in(loop, site, stored, cookie):
    path = video_of(stored())
    answer = ask(loop, site, scope_of(path, headers=cookie))
    assert answer.status == 302
    assert answer.headers["location"] == f"/accounts/login/?next={path}"


def test_who_has_left_the_team_has_left_its_videos(get, stored, ana):
    task = stored()
    Membership.objects.filter(user=ana).delete()
    assert get(video_of(task)).status == 404


def test_files_are_only_read(get, stored):
    assert get(video_of(stored()), method="POST").status in (403, 405)
    assert get(video_of(stored()), method="PUT").status in (403, 405)


@pytest.mark.parametrize(
    "path", ["/tasks/x/video/", "/tasks/{}/video", "/tasks/{}/video/../poster/", "/tasks/{}/film/"]
)
def test_other_paths_are_not_files(get, stored, path):
    assert get(path.format(stored().public_id)).status in (301, 404)


# --- What -----------------------------------------------------------------------------------------


def test_head_says_the_same_without_a_byte(get, stored):
    task = stored()
    whole, head = get(video_of(task)), get(video_of(task), method="HEAD")
    assert (head.status, head.body, head.is_complete) == (200, b"", True)
    assert head.headers == whole.headers


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-", (0, len(BODY))),
        ("bytes=100-199", (100, 100)),
        ("bytes=255999-", (255_999, 1)),
        ("bytes=-1", (255_999, 1)),
        ("bytes=-999999", (0, len(BODY))),
        ("bytes=255990-999999999999999999999999", (255_990, 10)),
        ("Bytes = 5 - 6", (5, 2)),
    ],
)
def test_a_part_is_answered_with_206(get, stored, asked, part):
    start, length = part
    answer = get(video_of(stored()), range=asked)
    assert (answer.status, answer.body) == (206, BODY[start : start + length])
    assert answer.headers["content-length"] == str(length)
    last = start + length - 1
    assert answer.headers["content-range"] == f"bytes {start}-{last}/{len(BODY)}"


@pytest.mark.parametrize("asked", ["bytes=256000-", "bytes=256000-256001", "bytes=-0"])
def test_a_part_beyond_the_end_is_416(get, stored, asked):
    answer = get(video_of(stored()), range=asked)
    assert (answer.status, answer.body, answer.is_complete) == (416, b"", True)
    assert answer.headers["content-range"] == f"bytes */{len(BODY)}"


@pytest.mark.parametrize(
    "asked",
    ["", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-4", "bytes=0-1,5-6", "lines=0-1", "0-1",
     "bytes=--1", "bytes=1", "bytes=0x1-2", "bytes=²-3"],
)  # fmt: skip
def test_what_is_no_single_range_is_answered_whole(get, stored, asked):
    answer = get(video_of(stored()), range=asked)
    assert (answer.status, len(answer.body)) == (200, len(BODY))


def test_a_range_of_other_bytes_than_those_is_answered_whole(get, stored):
    task = stored()
    etag = get(video_of(task)).headers["etag"]
    assert get(video_of(task), range="bytes=0-0", if_range=etag).status == 206
    for other in ('"another"', f"W/{etag}", "Wed, 21 Oct 2015 07:28:00 GMT"):
        assert get(video_of(task), range="bytes=0-0", if_range=other).status == 200


@given(
    size=st.integers(1, 60),
    first=st.none() | st.integers(0, 70),
    last=st.none() | st.integers(0, 70),
)
def test_every_part_is_the_slice_that_was_asked_for(size, first, last):
    body = bytes(range(size))
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    try:
        part = wanted_part(header, size)
    except NoSuchPart:
        wanted = body[first:] if first is not None else body[size - min(last, size) :]
        assert wanted == b""
        return
    if part is None:
        assert (first is None and last is None) or (None not in (first, last) and last < first)
        return
    got = body[part.start : part.start + part.length]
    assert len(got) == part.length > 0
    if first is None:
        assert got == body[-last:]
    else:
        assert got == body[first : None if last is None else last + 1]


@given(st.text(max_size=30) | st.from_regex(r"bytes=[0-9,-]{0,40}"), st.integers(1, 10**12))
def test_every_range_header_has_an_answer(header, size):
    try:
        part = wanted_part(header, size)
    except NoSuchPart:
        return
    assert part is None or 0 <= part.start <= part.last < size


def test_a_download_has_a_name_that_says_what_it_is(get, stored):
    task = stored(prompt='A "red" fox; in\r\nthe snow/../')
    said = get(video_of(task), query="download=1").headers["content-disposition"]
    assert said == f'attachment; filename="a-red-fox-in-the-snow-{str(task.public_id)[:8]}.mp4"'
    foreign = get(video_of(stored(prompt="雪の狐")), query="download=1")
    assert "filename*=utf-8''%E9%9B%AA" in foreign.headers["content-disposition"]
    nameless = get(video_of(stored(prompt="!!!")), query="download=1")
    assert 'filename="kling-25-turbo-' in nameless.headers["content-disposition"]


def test_a_storage_without_paths_will_do(get, stored, monkeypatch):
    task = stored()
    storage = InMemoryStorage()
    storage.save(task.video.name, ContentFile(BODY))
    monkeypatch.setattr(door, "default_storage", storage)
    assert get(video_of(task)).body == BODY
    assert get(video_of(task), range="bytes=100-299").body == BODY[100:300]


# --- Trouble --------------------------------------------------------------------------------------


def test_a_file_that_is_gone_is_not_found(get, stored):
    task = stored()
    default_storage.delete(task.video.name)
    default_storage.delete(task.poster.name)
    assert get(video_of(task)).status == 404
    assert get(poster_of(task)).status == 404


def test_a_storage_that_is_away_is_asked_again_later(get, stored, monkeypatch):
    def away(*arguments):
        raise ConnectionError

    task = stored()
    monkeypatch.setattr(default_storage, "open", away)
    answer = get(video_of(task))
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")


def scope_with_abort(task, ana, cut):
    scope = scope_of(video_of(task), headers=cookie_of(ana))
    scope["state"]["abort"] = cut.set
    return scope


def test_a_file_that_is_shorter_than_it_was_cuts_the_line(loop, site, stored, ana):
    task, cut, answer = stored(video_size=len(BODY) + 1), threading.Event(), Answer()
    loop.run(site(scope_with_abort(task, ana, cut), stay, answer.send))
    assert (answer.status, answer.is_complete, cut.is_set()) == (200, False, True)


def test_a_peer_that_does_not_read_is_cut_off(loop, site, stored, ana, monkeypatch):
    monkeypatch.setattr(sending, "SEND_SECONDS", 0.01)
    task, cut, answer = stored(), threading.Event(), Answer()

    async def send(message):
        if answer.body:
            await asyncio.Event().wait()
        await answer.send(message)

    loop.run(site(scope_with_abort(task, ana, cut), stay, send))
    assert cut.is_set()
    assert len(answer.body) == sending.CHUNK


def test_who_has_left_is_not_read_for(loop, site, stored, ana):
    task, answer = stored(), Answer()
    left = asyncio.Event()

    async def receive():
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        await answer.send(message)
        if answer.body:
            left.set()
            await asyncio.sleep(0)

    loop.run(site(scope_of(video_of(task), headers=cookie_of(ana)), receive, send))
    assert sending.CHUNK <= len(answer.body) < len(BODY)


def test_many_slow_readers_hold_no_thread(loop, site, stored, get, ana):
    task, cookie = stored(), cookie_of(ana)
    reads = asyncio.Event()
    answers = [Answer() for _ in range(50)]

    def slow(answer):
        async def send(message):
            if answer.status:
                await reads.wait()
            await answer.send(message)

        return send

    streams = [
        loop.start(site(scope_of(video_of(task), headers=cookie), stay, slow(answer)))
        for answer in answers
    ]
    assert get(reverse("task-list")).status == 200
    assert get(video_of(task)).body == BODY
    assert not any(stream.done() for stream in streams)
    loop.call(reads.set)
    for stream in streams:
        stream.result(PATIENCE)
    assert all(answer.body == BODY for answer in answers)


def test_a_process_that_ends_does_not_wait_for_a_paused_player(
    loop, site, stored, ana, monkeypatch
):
    monkeypatch.setattr(sending, "END_SECONDS", 0.0)
    task, cut, answer = stored(), threading.Event(), Answer()
    paused = threading.Event()

    async def send(message):
        if answer.body:
            paused.set()
            await asyncio.Event().wait()
        await answer.send(message)

    stream = loop.start(site(scope_with_abort(task, ana, cut), stay, send))
    assert paused.wait(PATIENCE)
    loop.call(site.close)
    stream.result(PATIENCE)
    assert cut.is_set()


def test_a_part_knows_its_last_byte():
    assert Part(5, 2).last == 6
