"""Our own copy: fetched once, tried again by the schedule, whole or not there at all."""

import os
import threading
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import av
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, default_storage
from django.core.management import call_command
from django.db import IntegrityError, connections, transaction
from django.utils import timezone
from PIL import Image

from midsync_portal.management.commands.worker import Worker
from midsync_portal.models import Task, TaskEvent
from midsync_portal.models.status import Status
from midsync_portal.videos import fetch_again, fetch_video, fetching, keeping, poster
from tests.dialects.clip import clip
from tests.result_host import COVER, ORIGIN, VIDEO, ResultHost, http
from tests.serving import in_thread

pytestmark = pytest.mark.django_db

State = Task.VideoState


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    """A storage and a place for unfinished files of this test's own."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.VIDEO_TEMP_DIR = tmp_path / "media" / "incoming"
    return SimpleNamespace(media=settings.MEDIA_ROOT, incoming=settings.VIDEO_TEMP_DIR)


@pytest.fixture
def host(monkeypatch):
    host = ResultHost(monkeypatch)
    yield host
    host.finish()


@pytest.fixture
def ready(make_task):
    """Makes a task whose video is due to be fetched."""

    def ready(**fields):
        fields = {
            "status": Status.SUCCEEDED,
            "source_url": VIDEO,
            "midsync_task_id": f"ms-{Task.objects.count() + 1}",
            "video_state": State.FETCHING,
            "video_next_try_at": timezone.now() - timedelta(seconds=1),
        } | fields
        return make_task(**fields)

    return ready


def files_in(folder) -> list[Path]:
    return [path for path in Path(folder).rglob("*") if path.is_file()]


def content(file) -> bytes:
    with file.open() as opened:
        return opened.read()


def seconds_until(task) -> float:
    return (task.video_next_try_at - timezone.now()).total_seconds()


def make_due(task) -> None:
    Task.objects.filter(pk=task.pk).update(video_next_try_at=timezone.now() - timedelta(seconds=1))
    task.refresh_from_db()


# --- One try --------------------------------------------------------------------------------------


def test_success_and_the_order_to_fetch_are_one_transaction(make_task):
    task = make_task(status=Status.RUNNING)
    task.move_to(Status.SUCCEEDED, "callback", source_url=VIDEO)
    assert task.video_state == State.FETCHING
    assert task.video_next_try_at <= timezone.now()
    assert list(Task.objects.videos_due(timezone.now())) == [task]


def test_no_row_says_saved_without_a_file_or_being_saved_without_a_date(make_task):
    task = make_task(status=Status.SUCCEEDED)
    for fields in ({"video_state": State.FETCHING}, {"video_state": State.STORED}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Task.objects.filter(pk=task.pk).update(**fields)


def test_the_copy_is_the_video_byte_by_byte_with_its_first_picture(host, ready, folders):
    task = ready()
    fetch_video(task)
    task.refresh_from_db()
    assert (task.video_state, task.video_next_try_at, task.video_error) == (State.STORED, None, "")
    assert (task.video_type, task.video_size) == ("video/webm", len(clip()))
    assert task.video_saved_at is not None
    assert content(task.video) == clip()
    with task.poster.open() as file, av.open(file) as picture:
        assert picture.streams.video[0].codec_context.name == "mjpeg"
        assert (picture.streams.video[0].width, picture.streams.video[0].height) == (160, 90)
    event = task.events.get(kind=TaskEvent.Kind.VIDEO)
    assert event.reason == "The video is saved"
    assert event.evidence["bytes"] == len(clip())
    assert files_in(folders.incoming) == []
    assert len(files_in(folders.media)) == 2


def test_the_providers_cover_is_the_poster_written_anew(host, ready):
    made_with = "a comment of whoever made it"
    host.paths["/media/v.jpg"] = http(jpeg(made_with), Content_Type="image/jpeg")
    task = ready(cover_url=COVER)
    fetch_video(task)
    task.refresh_from_db()
    data = content(task.poster)
    assert data.startswith(b"\xff\xd8\xff")
    assert made_with.encode() not in data
    with task.poster.open() as file, av.open(file) as picture:
        assert (picture.streams.video[0].width, picture.streams.video[0].height) == (1280, 720)


def jpeg(comment: str = "") -> bytes:
    file = BytesIO()
    Image.new("RGB", (1920, 1080), "teal").save(file, "JPEG", comment=comment.encode())
    return file.getvalue()


@pytest.mark.parametrize(
    "cover",
    [
        http(status="404 Not Found"),
        http(b"<svg onload=alert(1)>" + b" " * 100, Content_Type="image/svg+xml"),
        http(b"\xff\xd8\xff" + b"\0" * 1000, Content_Type="image/jpeg"),
        http(jpeg(), Content_Length=10**9, Content_Type="image/jpeg"),
    ],
    ids=["gone", "svg", "broken", "too large"],
)
def test_without_a_usable_cover_the_first_picture_is_taken(host, ready, cover):
    host.paths["/media/v.jpg"] = cover
    task = ready(cover_url=COVER)
    fetch_video(task)
    task.refresh_from_db()
    with task.poster.open() as file, av.open(file) as picture:
        assert picture.streams.video[0].width == 160


def test_no_poster_is_no_failure(host, ready, folders):
    broken = clip()[:64].ljust(5000, b"\0")
    host.paths["/media/v.webm"] = http(broken)
    task = ready()
    fetch_video(task)
    task.refresh_from_db()
    assert (task.video_state, task.poster.name) == (State.STORED, "")
    assert len(files_in(folders.media)) == 1


def test_a_picture_that_takes_for_ever_is_given_up(host, ready, monkeypatch, tmp_path):
    program = tmp_path / "frame.py"
    program.write_text("import threading\nthreading.Event().wait()\n")
    monkeypatch.setattr(poster, "PROGRAM", program)
    monkeypatch.setattr(poster, "DRAW_SECONDS", 0.2)
    task = ready()
    fetch_video(task)
    task.refresh_from_db()
    assert (task.video_state, task.poster.name) == (State.STORED, "")


def test_a_storage_without_paths_will_do(host, ready, monkeypatch, folders):
    monkeypatch.setattr(keeping, "default_storage", InMemoryStorage())
    task = ready()
    fetch_video(task)
    task.refresh_from_db()
    assert task.video_state == State.STORED
    with keeping.default_storage.open(task.video.name) as file:
        assert file.read() == clip()
    assert files_in(folders.media) == []


def test_the_copy_is_never_whole_in_memory(host, ready, monkeypatch):
    sizes = []
    write = fetching.download

    def measured(url, family, target, limits):
        class Target:
            def write(self, chunk):
                sizes.append(len(chunk))
                return target.write(chunk)

        return write(url, family, Target(), limits)

    monkeypatch.setattr(fetching, "download", measured)
    body = clip() + b"\0" * 5_000_000
    host.paths["/media/v.webm"] = http(body)
    task = ready()
    fetch_video(task)
    task.refresh_from_db()
    assert task.video_size == len(body)
    assert max(sizes) <= 600_000


# --- Several workers, and some that die -----------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_several_workers_one_fetches(host, ready):
    task = ready()
    together = threading.Barrier(4)

    def work():
        mine = Task.objects.get(pk=task.pk)
        together.wait(10)
        try:
            fetch_video(mine)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    task.refresh_from_db()
    assert (task.video_state, task.video_tries) == (State.STORED, 1)
    assert host.asked() == ["/media/v.webm"]


def test_what_is_not_due_is_left_alone(host, ready):
    later = ready(video_next_try_at=timezone.now() + timedelta(minutes=1))
    fetch_video(later)
    taken = ready()
    Task.objects.filter(pk=taken.pk).update(video_next_try_at=timezone.now() - timedelta(minutes=1))
    fetch_video(taken)  # as it was read before somebody else moved it
    assert host.requests == []


def test_what_a_killed_worker_left_is_swept_by_the_next_try(host, ready, folders):
    task = ready()
    claim = fetching.Claim.take(task)
    folders.incoming.mkdir(parents=True)
    half = folders.incoming / f"{task.public_id}-0123abcd.video.part"
    half.write_bytes(b"half")
    other = folders.incoming / "00000000-0000-4000-8000-000000000000-0123abcd.video.part"
    other.write_bytes(b"somebody else's, under way")
    stored = default_storage.save(f"{keeping.folder_of(task)}/video-x.webm", ContentFile(clip()))
    assert list(Task.objects.videos_due(timezone.now())) == []
    assert 400 < (claim.until - timezone.now()).total_seconds() < 430
    make_due(task)  # the claim has lapsed
    fetch_video(task)
    task.refresh_from_db()
    assert (task.video_state, task.video_tries) == (State.STORED, 2)
    assert not half.exists()
    assert not default_storage.exists(stored)
    assert other.exists()
    assert content(task.video) == clip()


def test_a_worker_that_slept_past_its_claim_publishes_nothing_and_leaves_nothing(
    host, ready, folders, monkeypatch
):
    task = ready()

    original = fetching.keep_poster

    def poster_while_another_fetches(*arguments):
        Task.objects.filter(pk=task.pk).update(
            video_next_try_at=timezone.now() + timedelta(minutes=7), video_tries=2
        )
        return original(*arguments)

    monkeypatch.setattr(fetching, "keep_poster", poster_while_another_fetches)
    fetch_video(task)
    task.refresh_from_db()
    assert (task.video_state, task.video.name, task.video_tries) == (State.FETCHING, "", 2)
    assert files_in(folders.media) == []
    assert not task.events.filter(kind=TaskEvent.Kind.VIDEO).exists()


def test_a_try_that_stopping_ends_does_not_count(host, ready, folders):
    task = ready()
    fetch_video(task, is_stopping=lambda: True)
    task.refresh_from_db()
    assert (task.video_state, task.video_tries) == (State.FETCHING, 0)
    assert task.video_next_try_at <= timezone.now()
    assert files_in(folders.media) == []


def test_a_kept_file_and_its_place_are_on_the_disk_before_a_row_names_them(
    host, ready, monkeypatch, folders
):
    flushed, fsync = [], os.fsync

    def note(handle):
        flushed.append(os.readlink(f"/dev/fd/{handle}"))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", note)
    task = ready()
    fetch_video(task)
    task.refresh_from_db()
    place = Path(task.video.path)
    assert {str(place), str(place.parent), str(place.parent.parent)} <= set(flushed)


def test_a_disk_that_is_full_or_gone_is_a_try_that_failed(host, ready, monkeypatch, folders):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fetching, "keep", full)
    task = ready()
    fetch_video(task)
    task.refresh_from_db()
    assert task.video_state == State.FETCHING
    assert task.video_error == "it could not be written here: No space left on device"
    assert files_in(folders.media) == []


# --- The schedule ---------------------------------------------------------------------------------


def test_five_tries_then_a_fresh_link_then_five_more_then_support(host, ready, wire):
    wire.answers["status"] = {
        "taskId": "ms-1",
        "status": "completed",
        "output": {"url": f"{ORIGIN}/media/fresh.webm"},
    }
    host.paths.clear()
    task = ready()
    waits = []
    for number in range(1, 11):
        make_due(task)
        fetch_video(task)
        task.refresh_from_db()
        assert task.video_tries == number
        assert wire.count("status") == max(0, min(1, number - 5))
        if number < 10:
            waits.append(seconds_until(task))
            assert task.video_state == State.FETCHING
            assert task.video_error == "its server answers 404"
    assert all(
        0.8 * wait - 2 <= waited <= 1.2 * wait
        for waited, wait in zip(waits, [10, 60, 300, 1800, 7200, 10, 60, 300, 1800], strict=True)
    )
    assert host.asked() == ["/media/v.webm"] * 5 + ["/media/fresh.webm"] * 5
    assert (task.video_state, task.video_next_try_at) == (State.GAVE_UP, None)
    assert task.status == Status.SUCCEEDED
    assert task.needs_review == "our copy of the video could not be saved"
    event = task.events.get(kind=TaskEvent.Kind.VIDEO)
    assert event.reason == "The video could not be saved"
    assert event.evidence == {"why": "its server answers 404", "tries": 10}
    assert list(Task.objects.videos_due(timezone.now() + timedelta(days=9))) == []


def test_a_fresh_link_is_enough(host, ready, wire):
    wire.answers["status"] = {
        "taskId": "ms-1",
        "status": "completed",
        "output": {"url": f"{ORIGIN}/media/fresh.webm"},
    }
    host.paths = {"/media/fresh.webm": http(clip())}
    task = ready(video_tries=5)
    fetch_video(task)
    task.refresh_from_db()
    assert (task.video_state, task.source_url) == (State.STORED, f"{ORIGIN}/media/fresh.webm")


@pytest.mark.parametrize(
    "status",
    [
        (500, {}),
        (404, {}),
        {"taskId": "ms-1", "status": "completed", "output": {"url": "http://10.0.0.1/v.mp4"}},
        {"taskId": "another", "status": "completed", "output": {"url": f"{ORIGIN}/media/x.webm"}},
        {"taskId": "ms-1", "status": "failed", "error": "expired"},
    ],
)
def test_without_a_fresh_link_the_old_one_is_tried(host, ready, wire, status):
    wire.answers["status"] = status
    task = ready(video_tries=5, provider_task_id="pv-1")
    fetch_video(task)
    task.refresh_from_db()
    assert (task.video_state, task.status) == (State.STORED, Status.SUCCEEDED)
    assert task.source_url == VIDEO


# --- Support, and the worker ----------------------------------------------------------------------


def test_support_begins_anew_and_the_old_copy_stays_until_the_new_one_is_there(
    host, ready, wire, sam, folders
):
    task = ready()
    fetch_video(task)
    task.refresh_from_db()
    first = task.video.name
    wire.answers["status"] = {"taskId": "ms-1", "status": "completed", "output": {"url": VIDEO}}
    said = fetch_again(task, sam, "ticket 4711")
    assert "fetches its video again" in said
    assert (task.video_state, task.video.name) == (State.FETCHING, first)
    event = task.events.get(kind=TaskEvent.Kind.SUPPORT)
    assert (event.actor, event.reason) == (sam, "ticket 4711")
    fetch_video(task)
    task.refresh_from_db()
    assert task.video_state == State.STORED
    assert task.video.name != first
    assert not default_storage.exists(first)
    assert len(files_in(folders.media)) == 2


def test_a_copy_that_succeeds_after_all_needs_no_review(host, ready, wire, sam):
    task = ready(video_state=State.GAVE_UP, video_next_try_at=None, video_tries=10)
    task.flag(fetching.REVIEW, "worker")
    fetch_again(task, sam, "ticket 4711")
    fetch_video(task)
    task.refresh_from_db()
    assert (task.video_state, task.needs_review, task.review_at) == (State.STORED, "", None)


def test_there_is_nothing_to_fetch_again_of_a_task_without_a_video(make_task, sam, wire):
    task = make_task(status=Status.FAILED)
    assert fetch_again(task, sam, "why not") == "there is no video to fetch."
    assert task.events.count() == 0


@pytest.mark.django_db(transaction=True)
def test_the_worker_fetches_what_is_due_two_at_a_time(host, ready, wire):
    tasks = [ready() for _ in range(3)]
    under_way, most = [], []
    lock = threading.Lock()

    def counted():
        with lock:
            under_way.append(1)
            most.append(len(under_way))
        yield http(clip())[:100]
        with lock:
            under_way.pop()
        yield http(clip())[100:]

    host.paths["/media/v.webm"] = counted
    for _ in range(2):
        call_command("worker", "--once")
    for task in tasks:
        task.refresh_from_db()
        assert task.video_state == State.STORED
    assert max(most) <= 2


@pytest.mark.django_db(transaction=True)
def test_a_video_that_drips_holds_up_nothing_and_a_stopping_worker_gives_it_back(
    host, ready, make_task, wire
):
    more = threading.Event()

    def drip():
        yield http(clip(), Content_Length=10**6)
        more.wait(20)
        yield b"\0" * 1000

    host.paths["/media/v.webm"] = drip
    slow = ready(midsync_task_id="ms-9")
    unsent = make_task(status=Status.SUBMITTING, sent_at=None, midsync_task_id="")
    Task.objects.filter(pk=unsent.pk).update(next_check_at=timezone.now() - timedelta(seconds=1))
    worker = Worker()
    worker.look()
    worker.sends.in_hand["task", unsent.pk].result(20)
    unsent.refresh_from_db()
    assert unsent.status == Status.QUEUED
    worker.stopping.set()
    more.set()
    in_thread(worker.finish)
    slow.refresh_from_db()
    assert (slow.video_state, slow.video_tries) == (State.FETCHING, 0)
    assert slow.video_next_try_at <= timezone.now()
