"""Our copies in a bucket: the real client against a store that speaks just enough of S3."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest
from django.core.files.base import ContentFile

from midsync_portal.models import Task
from midsync_portal.models.status import Status
from midsync_portal.videos import door, fetch_video, keeping
from midsync_portal.videos.ranges import Part, wanted_part
from midsync_portal.videos.s3 import BucketStorage
from tests.dialects.clip import clip
from tests.result_host import VIDEO, ResultHost


class Store(ThreadingHTTPServer):
    """Objects by path; `asked` are the requests as (method, path, Range)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.objects: dict[str, bytes] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.origin = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """PUT, GET with Range, HEAD, DELETE and the list of a bucket."""

    server: Store
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments) -> None:
        """Quietly."""

    def setup(self) -> None:
        super().setup()
        self.url = urlsplit("")

    def handle_one(self) -> None:
        self.url = urlsplit(unquote(self.path))
        self.server.asked.append((self.command, self.url.path, self.headers.get("Range", "")))

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "ETag": '"e"'}.items() | (
            {name.replace("_", "-"): value for name, value in headers.items()}.items()
        ):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_PUT(self) -> None:
        self.handle_one()
        self.server.objects[self.url.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200)

    def do_DELETE(self) -> None:
        self.handle_one()
        self.server.objects.pop(self.url.path, None)
        self.answer(204)

    def do_GET(self) -> None:
        self.handle_one()
        query = parse_qs(self.url.query)
        if "delimiter" in query or "prefix" in query:
            self.answer(200, self.listing(query.get("prefix", [""])[0]))
            return
        body = self.server.objects.get(self.url.path)
        if body is None:
            error = b"<Error><Code>NoSuchKey</Code><Message>no</Message></Error>"
            self.answer(404, error if self.command == "GET" else b"")
            return
        part = wanted_part(self.headers.get("Range", ""), len(body))
        if part:
            place = f"bytes {part.start}-{part.last}/{len(body)}"
            self.answer(206, body[part.start : part.last + 1], Content_Range=place)
        else:
            self.answer(200, body)

    do_HEAD = do_GET

    def listing(self, prefix: str) -> bytes:
        bucket = self.url.path.strip("/")
        keys = [path.removeprefix(f"/{bucket}/") for path in self.server.objects]
        found = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>1</Size></Contents>"
            for key in keys
            if key.startswith(prefix)
        )
        return (
            f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>".encode()
        )


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store()
    thread = threading.Thread(target=store.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield store
    store.shutdown()
    store.server_close()
    thread.join(10)


@pytest.fixture
def bucket(store, monkeypatch) -> BucketStorage:
    """The storage as settings.py makes it, in the place of the default one."""
    bucket = BucketStorage(
        bucket_name="videos-of-the-portal",
        location="portal",
        region_name="eu-central-1",
        endpoint_url=store.origin,
        access_key="an-id",
        secret_key="a-secret",
    )
    for room in (keeping, door):
        monkeypatch.setattr(room, "default_storage", bucket)
    yield bucket
    bucket.connection.meta.client.close()


@pytest.mark.django_db
def test_a_copy_goes_into_the_bucket_and_comes_out_part_by_part(
    bucket, store, make_task, monkeypatch, settings, tmp_path
):
    settings.VIDEO_TEMP_DIR = tmp_path
    host = ResultHost(monkeypatch)
    task = make_task(status=Status.RUNNING)
    task.move_to(Status.SUCCEEDED, "callback", source_url=VIDEO)
    fetch_video(task)
    host.finish()
    task.refresh_from_db()
    assert task.video_state == Task.VideoState.STORED
    key = f"/videos-of-the-portal/portal/{task.video.name}"
    assert store.objects[key] == clip()
    assert f"/videos-of-the-portal/portal/{task.poster.name}" in store.objects
    assert list(tmp_path.iterdir()) == []

    store.asked.clear()
    source = door.open_part(task.video.name, Part(100, 200))
    assert source.read(150) + source.read(150) == clip()[100:300]
    source.close()
    assert store.asked == [("GET", key, "bytes=100-299")]


@pytest.mark.django_db
def test_what_was_left_behind_is_found_and_removed(bucket, store, make_task):
    task = make_task(status=Status.SUCCEEDED)
    name = bucket.save(f"{keeping.folder_of(task)}/video-x.mp4", ContentFile(b"half"))
    assert keeping.left_behind(task) == [name]
    keeping.forget(task, [name])
    assert store.objects == {}
    assert keeping.left_behind(task) == []


def test_an_object_that_is_gone_is_no_file(bucket):
    with pytest.raises(door.NoSuchFile):
        door.open_part("videos/x/video-1.mp4", Part(0, 10))
    assert not bucket.exists("videos/x/video-1.mp4")
