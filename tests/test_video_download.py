"""What a result's server may send: enough, in time, of the right kind; everything else is not."""

import gzip
import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midsync_portal.videos import download as downloads
from midsync_portal.videos.download import Limits, NoRoom, NotFetched, Stopped, download
from midsync_portal.videos.formats import image_format, may_be, video_format
from tests.dialects.clip import clip
from tests.result_host import VIDEO, ResultHost, http

MP4 = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41" + b"\0" * 200
MAX = 100_000


@pytest.fixture
def host(monkeypatch):
    host = ResultHost(monkeypatch)
    yield host
    host.finish()


@pytest.fixture
def limits():
    return Limits(bytes_max=MAX, deadline=downloads.monotonic() + 60)


def fetched(limits) -> bytes:
    target = io.BytesIO()
    download(VIDEO, "video", target, limits)
    return target.getvalue()


def chunked(*pieces: bytes) -> list[bytes]:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: video/mp4\r\n\r\n"
    return [head, *(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)]


def test_a_video_arrives_byte_by_byte_as_it_was_sent(host, limits):
    assert fetched(limits) == clip()
    body = http(MP4, Content_Type=None)
    host.paths["/media/v.webm"] = [body[n : n + 1] for n in range(len(body))]
    assert fetched(limits) == MP4
    host.paths["/media/v.webm"] = chunked(MP4[:10], MP4[10:], b"")
    assert fetched(limits) == MP4
    host.paths["/media/v.webm"] = http(MP4, Content_Length=None)  # until the connection ends
    assert fetched(limits) == MP4


def test_a_file_of_exactly_the_limit_is_taken_and_one_byte_more_is_not(host, limits):
    whole = MP4.ljust(MAX, b"\0")
    host.paths["/media/v.webm"] = http(whole)
    assert fetched(limits) == whole
    host.paths["/media/v.webm"] = http(whole + b"\0")
    with pytest.raises(NotFetched, match="larger than 100000 bytes"):
        fetched(limits)


def test_a_file_that_says_it_is_too_large_is_not_read(host, limits):
    host.paths["/media/v.webm"] = http(MP4, Content_Length=MAX + 1)
    target = io.BytesIO()
    with pytest.raises(NotFetched, match="larger than"):
        download(VIDEO, "video", target, limits)
    assert target.getvalue() == b""


@pytest.mark.parametrize("begin", [http(MP4, Content_Length=None), b"".join(chunked(MP4))])
def test_an_endless_body_ends_at_the_limit(host, limits, begin):
    more = b"\0" * 65536 if b"chunked" not in begin else chunked(b"\0" * 65536)[1]
    host.paths["/media/v.webm"] = lambda: itertools.chain([begin], itertools.repeat(more))
    target = io.BytesIO()
    with pytest.raises(NotFetched, match="larger than"):
        download(VIDEO, "video", target, limits)
    assert len(target.getvalue()) <= MAX


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "GZIP", "zstd", "identity, gzip"])
def test_nothing_is_unpacked_so_that_there_is_no_bomb(host, limits, coding):
    bomb = gzip.compress(b"\0" * 1_000_000)
    host.paths["/media/v.webm"] = http(bomb, Content_Encoding=coding)
    with pytest.raises(NotFetched, match="packed"):
        fetched(limits)
    assert b"Accept-Encoding: identity" in host.requests[0]


@pytest.mark.parametrize(
    "content_type", ["text/html", "application/json", "image/png", "audio/mp4", "text/html;video/"]
)
def test_a_wrong_type_is_refused_whatever_the_bytes(host, limits, content_type):
    host.paths["/media/v.webm"] = http(MP4, Content_Type=content_type)
    with pytest.raises(NotFetched, match="no video"):
        fetched(limits)


@pytest.mark.parametrize(
    "body",
    [
        b"<!doctype html><title>Not found</title>" + b" " * 100,
        b"<html>",
        b"",
        b"\0" * 200,
        b"%PDF-1.7" + b" " * 100,
        b"\x1a\x45\xdf\xa3" + b"\0" * 200,  # Matroska, but not WebM
        b"\0\0\0\x1cftypavif" + b"\0" * 100,
        b"\0\0\0\x1cftypheic" + b"\0" * 100,
        b"\0\0\0\x1cftypM4A " + b"\0" * 100,
        b"#EXTM3U\n" + b" " * 100,
        b"RIFF\0\0\0\0AVI LIST" + b"\0" * 100,
    ],
)
def test_wrong_first_bytes_are_refused_whatever_the_type(host, limits, body):
    host.paths["/media/v.webm"] = http(body, Content_Type="video/mp4")
    target = io.BytesIO()
    with pytest.raises(NotFetched, match="does not begin like a video"):
        download(VIDEO, "video", target, limits)
    assert target.getvalue() == b""


@pytest.mark.parametrize(
    "status", ["204 No Content", "206 Partial", "403 Forbidden", "404 X", "500 X"]
)
def test_only_200_is_an_answer(host, limits, status):
    host.paths["/media/v.webm"] = http(MP4, status)
    with pytest.raises(NotFetched, match=f"answers {status[:3]}"):
        fetched(limits)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: https://\xff\xfe\r\n\r\n",
        http(MP4, Content_Length=len(MP4) + 1),
        b"".join(chunked(MP4)),
        b"".join(chunked(MP4)) + b"zz\r\n",
    ],
)
def test_a_broken_or_cut_answer_is_told_in_a_sentence(host, limits, answer):
    host.paths["/media/v.webm"] = answer
    with pytest.raises(NotFetched):
        fetched(limits)


def test_a_drip_ends_at_the_deadline_however_regular(host, limits, monkeypatch):
    # Few looks at the clock, since a busy machine reads many pieces at once.
    ticks = itertools.count(start=downloads.monotonic(), step=40)
    monkeypatch.setattr(downloads, "monotonic", lambda: next(ticks))
    limits.deadline = next(ticks) + 120
    begin = http(MP4, Content_Length=10**5)
    host.paths["/media/v.webm"] = lambda: itertools.chain([begin], itertools.repeat(b"\0" * 64))
    with pytest.raises(NotFetched, match="too long"):
        fetched(limits)


def test_headers_that_drip_end_at_the_deadline_too(host, limits, monkeypatch):
    ticks = itertools.count(start=downloads.monotonic(), step=30)
    monkeypatch.setattr(downloads, "monotonic", lambda: next(ticks))
    limits.deadline = next(ticks) + 120
    begin = b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000
    host.paths["/media/v.webm"] = lambda: itertools.repeat(begin)
    with pytest.raises(NotFetched, match="too long"):
        fetched(limits)


def test_a_worker_that_stops_does_not_wait_for_the_rest(host):
    read = []
    limits = Limits(MAX, downloads.monotonic() + 60, lambda: len(read) > 1)

    class Target(io.BytesIO):
        def write(self, chunk):
            read.append(chunk)
            return super().write(chunk)

    pieces = (MP4 + b"\0" * 60_000, *([b"\0" * 30_000] * 100))
    host.paths["/media/v.webm"] = lambda: iter(chunked(*pieces))
    with pytest.raises(Stopped):
        download(VIDEO, "video", Target(), Limits(10**9, limits.deadline, limits.is_stopping))


def test_a_full_disk_is_no_fault_of_the_server(host, limits):
    class Full(io.BytesIO):
        def write(self, chunk):
            raise OSError(28, "No space left on device")

    with pytest.raises(NoRoom, match="No space left"):
        download(VIDEO, "video", Full(), limits)


@given(st.binary(max_size=80))
def test_what_begins_otherwise_is_no_file_of_ours(head):
    found = video_format(head)
    if found is not None:
        assert head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip") or (
            head.startswith(b"\x1a\x45\xdf\xa3") and b"webm" in head
        )
    if image_format(head) is not None:
        assert head.startswith((b"\xff\xd8\xff", b"\x89PNG", b"RIFF"))


def test_the_formats_that_browsers_play():
    assert video_format(clip()).suffix == "webm"
    assert video_format(MP4).suffix == "mp4"
    assert video_format(b"\0\0\0\x14ftypqt  " + b"\0" * 100).content_type == "video/quicktime"
    assert video_format(b"\0\0\0\x08wide" + b"\0" * 100).suffix == "mov"
    assert may_be("Video/MP4; codecs=avc1", "video")
    assert may_be("binary/octet-stream", "image")
    assert not may_be("video/mp4", "image")
