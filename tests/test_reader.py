"""The tolerant reader: every row of its tables, the dialects of similar gateways, hostile input.

The bodies stand in tests/payloads, one per case, named after the case.
"""

import json
import math
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midsync_portal.midsync.reader import (
    UnreadableBody,
    is_challenge,
    names,
    read_body,
    read_report,
)
from midsync_portal.midsync.types import ReportedStatus, StatusReport

PAYLOADS = Path(__file__).parent / "payloads"
VIDEO = "https://media.example.com/v/1.mp4"
COVER = "https://media.example.com/c/1.jpg"
SECOND = "https://media.example.com/v/2.mp4"


def report_of(name: str) -> StatusReport:
    return read_report(read_body((PAYLOADS / f"{name}.json").read_bytes()))


# file, status, id, videos, failure code, the failure message begins with
GATEWAYS = [
    ("callback-kie-success", "succeeded", "kie-1", (VIDEO, SECOND), "", ""),
    ("callback-kie-failure", "failed", "kie-1", (), "500", "Internal server error"),
    ("callback-kie-failure-without-state", "failed", "kie-1", (), "501", "The task failed."),
    ("callback-kie-veo-success", "succeeded", "veo-1", (VIDEO,), "", ""),
    ("callback-kie-veo-success-prompt-object", "succeeded", "veo-1", (VIDEO,), "", ""),
    ("callback-kie-veo-content", "failed", "veo-1", (), "400", "Your prompt was flagged"),
    ("callback-kie-veo-no-fallback", "failed", "veo-1", (), "422", "Failed to generate"),
    ("callback-kie-veo-server", "failed", "veo-1", (), "500", "Internal Error"),
    ("callback-kie-runway-success", "succeeded", "rw-1", (VIDEO,), "", ""),
    ("callback-kie-runway-failure", "failed", "rw-1", (), "400", "Inappropriate content"),
    ("callback-fal-success", "succeeded", "fal-1", (VIDEO,), "", ""),
    ("callback-fal-failure", "failed", "fal-1", (), "", "Invalid status code: 422: field req"),
    ("callback-fal-payload-lost", "succeeded", "fal-1", (), "", ""),
    ("callback-replicate-success", "succeeded", "rep-1", (VIDEO,), "", ""),
    ("callback-replicate-processing", "running", "rep-1", (), "", ""),
    ("callback-replicate-starting", "queued", "rep-1", (), "", ""),
    ("callback-replicate-failure", "failed", "rep-1", (), "", "CUDA out of memory."),
    ("callback-replicate-canceled", "cancelled", "rep-1", (), "", ""),
    ("status-runway-succeeded", "succeeded", "rwo-1", (VIDEO,), "", ""),
    ("status-runway-running", "running", "rwo-1", (), "", ""),
    ("status-runway-pending", "queued", "rwo-1", (), "", ""),
    ("status-runway-throttled", "queued", "rwo-1", (), "", ""),
    ("status-runway-failed", "failed", "rwo-1", (), "SAFETY.INPUT.TEXT", "Content moderation"),
    ("status-runway-cancelled", "cancelled", "rwo-1", (), "", ""),
    ("callback-pixverse-success", "succeeded", "318400", (VIDEO,), "", ""),
    ("callback-pixverse-failure", "failed", "318400", (), "", ""),
    ("callback-pixverse-unknown-number", None, "318400", (), "", ""),
    ("callback-minimax-success", "succeeded", "mm-1", (), "", ""),
    ("callback-minimax-processing", "running", "mm-1", (), "", ""),
    ("callback-minimax-failure", "failed", "mm-1", (), "1026", "new_sensitive"),
    ("callback-kling-success", "succeeded", "kl-1", (VIDEO,), "", ""),
    ("callback-kling-submitted", "queued", "kl-1", (), "", ""),
    ("callback-kling-processing", "running", "kl-1", (), "", ""),
    ("callback-kling-failure", "failed", "kl-1", (), "", "Failure to pass the risk control"),
    ("status-kling-enveloped", "succeeded", "kl-1", (VIDEO,), "", ""),
    ("callback-unifically-success", "succeeded", "un-1", (VIDEO,), "", ""),
    ("callback-unifically-failure", "failed", "un-1", (), "", "The provider gave up."),
    ("callback-pixelbyte-success", "succeeded", "pb-1", (VIDEO,), "", ""),
    ("callback-pixelbyte-failure", "failed", "pb-1", (), "CONTENT_POLICY", "The prompt was"),
    ("callback-evolink-success", "succeeded", "ev-1", (VIDEO,), "", ""),
    ("callback-evolink-pending", "queued", "ev-1", (), "", ""),
    ("callback-evolink-processing", "running", "ev-1", (), "", ""),
    ("callback-evolink-failure", "failed", "ev-1", (), "provider_error", "Upstream said no."),
    ("callback-maxapi-success", "succeeded", "mx-1", (VIDEO,), "", ""),
    ("callback-maxapi-failure", "failed", "mx-1", (), "", ""),
    ("callback-maxapi-timeout", "failed", "mx-1", (), "", ""),
    ("callback-maxapi-cancelled", "cancelled", "mx-1", (), "", ""),
    ("status-midsync-queued", "queued", "ms-1", (), "", ""),
    ("status-midsync-processing", "running", "ms-1", (), "", ""),
    ("status-midsync-output", "succeeded", "ms-1", (VIDEO,), "", ""),
    ("status-midsync-assets", "succeeded", "ms-1", (VIDEO,), "", ""),
    ("status-midsync-failed", "failed", "ms-1", (), "GENERATION_FAILED", "The model could not"),
    ("status-unknown-word", None, "ms-1", (), "", ""),
    ("status-number-of-unknown-scheme", None, "ms-1", (), "", ""),
    ("status-without-state", None, "ms-1", (VIDEO,), "", ""),
    ("status-succeeded-without-url", "succeeded", "ms-1", (), "", ""),
    ("status-envelope-success-inside-running", "running", "ms-1", (), "", ""),
    ("status-kie-veo-flag-0", "running", "veo-1", (), "", ""),
    ("status-kie-veo-flag-1", "succeeded", "veo-1", (VIDEO,), "", ""),
    ("status-kie-veo-flag-2", "failed", "veo-1", (), "400", "Content refused."),
    ("status-kie-veo-flag-3", "failed", "veo-1", (), "", "Made, but not delivered."),
    ("callback-event-envelope", "succeeded", "ms-1", (VIDEO,), "", ""),
    ("callback-request-echoed", "succeeded", "ms-1", (VIDEO,), "", ""),
    ("callback-only-pictures", "succeeded", "ms-1", (), "", ""),
]


@pytest.mark.parametrize(
    ("name", "status", "task_id", "videos", "code", "message"), GATEWAYS, ids=lambda v: str(v)[:40]
)
def test_every_gateway_s_body_is_read(name, status, task_id, videos, code, message):
    report = report_of(name)
    assert report.status == status
    assert report.midsync_task_id == task_id
    assert report.video_urls == videos
    assert report.failure_code == code
    assert report.failure_message.startswith(message)
    assert bool(report.failure_message) == bool(message)


def test_every_callback_and_status_file_is_read_by_a_test():
    read = {row[0] for row in GATEWAYS}
    here = Path(__file__)
    elsewhere = here.read_text() + here.with_name("test_midsync_client.py").read_text()
    for path in PAYLOADS.glob("*.json"):
        assert path.stem in read or f'"{path.stem}' in elsewhere, path.name


STATE_WORDS = {
    ReportedStatus.QUEUED: "submitted, created, pending, waiting, queued, queuing, in_queue, "
    "starting, initializing, throttled, not_start",
    ReportedStatus.RUNNING: "processing, running, generating, in_progress, started",
    ReportedStatus.SUCCEEDED: "success, succeeded, succeed, completed, complete, done, finished, "
    "ready, ok",
    ReportedStatus.FAILED: "fail, failed, failure, error, create_task_failed, "
    "generate_mp4_failed, timeout, expired, rejected",
    ReportedStatus.CANCELLED: "cancelled, canceled, aborted",
}


@pytest.mark.parametrize(
    ("word", "status"),
    [(word, status) for status, words in STATE_WORDS.items() for word in words.split(", ")],
)
def test_every_status_word_is_read_whatever_its_case_spaces_and_hyphens(word, status):
    for spelling in (word, word.upper(), f"  {word.title()} ", word.replace("_", "-")):
        assert read_report({"taskId": "t", "status": spelling}).status is status
    assert read_report({"taskId": "t", "status": word.replace("_", " ")}).status is status


@pytest.mark.parametrize("name", ["status", "state", "task_status"])
@pytest.mark.parametrize("place", ["", "data", "payload", "result", "output"])
def test_the_state_is_found_under_every_name_in_every_place(name, place):
    fields = {name: "processing"}
    assert read_report({place: fields} if place else fields).status is ReportedStatus.RUNNING


def test_the_first_place_wins():
    payload = {"status": "running", "data": {"status": "failed"}, "payload": {"status": "queued"}}
    assert read_report(payload).status is ReportedStatus.RUNNING


def test_an_unknown_word_is_kept_for_support_and_is_no_status():
    report = report_of("status-unknown-word")
    assert (report.status, report.status_word) == (None, "Levitating")
    assert len(read_report({"status": "x" * 9000}).status_word) == 64


def test_success_is_the_look_up_and_never_the_video():
    assert read_report({"success": True, "taskId": "t"}).status is None
    assert read_report({"success": False, "taskId": "t"}).status is None
    report = read_report({"success": False, "taskId": "t", "status": "processing"})
    assert report.status is ReportedStatus.RUNNING


def test_a_number_is_read_only_under_a_known_scheme():
    assert read_report({"taskId": "t", "status": 1}).status is None
    assert read_report({"taskId": "t", "status": "1"}).status is None
    assert read_report({"taskId": "t", "state": 1, "has_audio": True}).status is None
    assert report_of("status-number-of-unknown-scheme").status_word == "3"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (200, "succeeded"),
        ("200", "succeeded"),
        (501, "failed"),
        ("400", "failed"),
        (0, None),
        (201, None),
        (True, None),
        ("TASK", None),
        (10**40, None),
    ],
)
def test_the_code_is_the_outcome_only_where_no_state_is_given(code, status):
    assert read_report({"code": code, "data": {"taskId": "t"}}).status == status
    stated = read_report({"code": code, "data": {"taskId": "t", "state": "generating"}})
    assert stated.status is ReportedStatus.RUNNING


@pytest.mark.parametrize(
    "name",
    ["taskId", "task_id", "id", "jobId", "requestId", "request_id", "generationId"],
)
def test_the_task_id_is_found_under_every_name(name):
    assert read_report({name: "t-1"}).midsync_task_id == "t-1"
    assert read_report({"data": {name: 417}}).midsync_task_id == "417"


def test_a_sure_name_beats_the_id_of_an_envelope_and_all_ids_are_kept():
    report = report_of("callback-event-envelope")
    assert report.midsync_task_id == "ms-1"
    assert report.provider_task_id == "up-1"
    assert set(report.ids) == {"ms-1", "evt-1", "up-1"}
    assert not report.contradicts("other", "up-1")
    assert report.contradicts("other", "")
    assert not report.contradicts("", "")
    assert not read_report({"status": "ok"}).contradicts("ms-1")


@pytest.mark.parametrize(
    "value", ["", " ", "..", "a b", "a\nb", "ü", "\ud800", "x" * 201, True, 1.5, [], {}, 10**90]
)
def test_what_cannot_be_an_id_is_none(value):
    assert read_report({"taskId": value}).midsync_task_id == ""


VIDEO_SHAPES = [
    {"output": VIDEO},
    {"output": [VIDEO]},
    {"output": [{"url": VIDEO}]},
    {"output": {"video_url": VIDEO}},
    {"output": {"videos": [{"url": VIDEO}]}},
    {"assets": VIDEO},
    {"assets": [VIDEO]},
    {"assets": [{"type": "thumbnail", "url": COVER}, {"type": "video", "url": VIDEO}]},
    {"assets": {"video": VIDEO, "cover": COVER}},
    {"video_url": VIDEO},
    {"videoUrl": VIDEO},
    {"outputUrl": VIDEO},
    {"url": VIDEO},
    {"video": {"url": VIDEO}},
    {"resultUrls": [VIDEO]},
    {"info": {"resultUrls": [VIDEO]}},
    {"task_result": {"videos": [{"url": VIDEO}]}},
    {"result": {"urls": [VIDEO]}},
    {"result": {"type": "video", "urls": [VIDEO]}},
    {"result": VIDEO},
    {"resultJson": json.dumps({"resultUrls": [VIDEO]})},
    {"resultJson": json.dumps({"resultUrls": json.dumps([VIDEO])})},
    {"resultJson": {"resultUrls": [VIDEO]}},
    {"type": "image-to-video", "url": VIDEO},
]


@pytest.mark.parametrize("shape", VIDEO_SHAPES, ids=lambda shape: json.dumps(shape)[:60])
@pytest.mark.parametrize("place", ["", "data", "payload", "result"])
def test_the_video_is_found_in_every_shape_and_place(shape, place):
    assert read_report({place: shape} if place else shape).video_urls == (VIDEO,)


def test_video_links_keep_the_documented_order():
    payload = {"url": "https://a.example/3", "videoUrl": "https://a.example/2"}
    payload |= {"output": "https://a.example/1", "data": {"url": "https://a.example/4"}}
    assert [url[-1] for url in read_report(payload).video_urls] == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    "value", ["", "ftp://a.example/v", "javascript:x", "/v.mp4", 7, True, None, [None], {"a": 1}]
)
def test_what_is_no_link_is_no_video(value):
    assert read_report({"output": value, "url": value}).video_urls == ()


@pytest.mark.parametrize(
    "body",
    [
        {"output": {"download_link": VIDEO}},
        {"media": {"videos": [{"src": VIDEO}]}, "poster": None},
        {"data": {"files": [{"href": VIDEO}, {"href": COVER}]}},
        {"outputs": [VIDEO]},
        {"output": {"href": VIDEO, "again": VIDEO}},
    ],
)
def test_a_link_under_any_name_is_found_if_it_alone_ends_like_a_video(body):
    assert read_report({"status": "completed", **body}).video_urls == (VIDEO,)
    assert read_report({"status": "processing", **body}).video_urls in ((), (VIDEO,))


@pytest.mark.parametrize(
    "body",
    [
        {"files": [{"href": VIDEO}, {"href": VIDEO + "?other"}]},  # which of them?
        {"request": {"clip": VIDEO}},
        {"echo": {"prompt": "a cat", "callbackUrl": "https://e.com", "clip": VIDEO}},
        {"referenceVideoUrls": [VIDEO]},
    ],
)
def test_no_link_is_guessed_among_several_or_among_inputs(body):
    assert read_report({"status": "completed", **body}).video_urls == ()


def test_inputs_and_addresses_of_an_api_are_no_results():
    assert report_of("callback-request-echoed").cover_url == COVER
    echoed = {"prompt": "a cat", "images": ["https://in.example/a"], "image_url": COVER}
    assert read_report({"status": "ok", **echoed}).cover_url == ""
    assert read_report({"status": "ok", "input": {"video_url": VIDEO}}).video_urls == ()
    assert read_report({"status": "ok", "urls": {"get": VIDEO}}).video_urls == ()


@pytest.mark.parametrize(
    "fields",
    [{"image_url": COVER}, {"cover_url": COVER}, {"thumbnail": COVER}, {"imageUrls": [COVER]}],
)
def test_the_cover_is_found_and_is_no_video(fields):
    report = read_report({"data": fields})
    assert (report.cover_url, report.video_urls) == (COVER, ())


REASONS = [
    ({"error": "why"}, "", "why"),
    ({"error": {"code": "C", "message": "why"}}, "C", "why"),
    ({"error_message": "why"}, "", "why"),
    ({"errorMessage": "why"}, "", "why"),
    ({"failMsg": "why", "failCode": 500}, "500", "why"),
    ({"failReason": "why"}, "", "why"),
    ({"failure": "why", "failureCode": "F.1"}, "F.1", "why"),
    ({"task_status_msg": "why"}, "", "why"),
    ({"base_resp": {"status_code": 1026, "status_msg": "why"}}, "1026", "why"),
    ({"msg": "why"}, "", "why"),
    ({"message": ["why", "and why"]}, "", "why; and why"),
    ({"error": {"code": "C" * 90, "message": "why"}}, "C" * 64, "why"),
]


@pytest.mark.parametrize(("fields", "code", "message"), REASONS, ids=lambda v: str(v)[:40])
@pytest.mark.parametrize("place", ["", "data"])
def test_the_reason_is_found_under_every_name(fields, code, message, place):
    inner = {"status": "failed", **fields}
    report = read_report({place: inner} if place else inner)
    assert (report.failure_code, report.failure_message) == (code, message)


def test_a_message_beside_success_is_no_reason():
    report = read_report({"status": "completed", "msg": "success", "message": "Well done"})
    assert (report.failure_code, report.failure_message) == ("", "")


def test_a_hostile_reason_is_cut_and_cleaned():
    message = report_of("callback-hostile-reason").failure_message
    assert message.startswith("No gnp.exe see [link] xxx")
    assert len(message) == 500
    assert not {"\u202e", "\0", "<"} & set(message)
    assert "secret" not in message


@pytest.mark.parametrize(
    ("fields", "points"),
    [
        ({"pointsCharged": 35}, Decimal(35)),
        ({"creditsConsumed": Decimal("0.41"), "credits": 7}, None),
        ({"data": {"pointsCharged": 48.5}}, Decimal("48.5")),
        ({"pointsCharged": -1}, None),
        ({"pointsCharged": 2 * 10**9}, None),
        ({"pointsCharged": math.nan}, None),
        ({"pointsCharged": math.inf}, None),
        ({"pointsCharged": "free"}, None),
        ({"pointsCharged": True}, None),
        ({"pointsCharged": Decimal("0.00001")}, Decimal(0)),
        ({"pointsCharged": Decimal("1E+2")}, Decimal(100)),
    ],
    ids=str,
)
def test_points_are_decimals_of_ordinary_size_or_nothing(fields, points):
    read = read_report(fields).points
    assert read == points
    assert str(read) == str(points)


@pytest.mark.parametrize(
    ("value", "percent"),
    [(45, 45), ("45%", 45), (0.42, 42), (1, 1), (100, 100), (101, None), (-1, None), ("x", None)],
)
def test_progress_is_percent(value, percent):
    assert read_report({"progress": value}).progress == percent


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(90, 90), ("120", 120), ("90s", 90), ("2 min", 120), (0, None), (-3, None), (10**9, None)],
)
def test_the_estimate_is_in_seconds(value, seconds):
    assert read_report({"estimatedTime": value}).estimated_seconds == seconds
    assert read_report({"estimatedTimeSec": value}).estimated_seconds == seconds


def test_a_challenge_is_a_body_with_no_other_purpose():
    assert is_challenge(json.loads((PAYLOADS / "callback-minimax-challenge.json").read_text()))
    assert is_challenge({"challenge": "abc"}) == "abc"
    assert is_challenge({"challenge": 417}) == "417"
    assert is_challenge({"challenge": "abc", "type": "url_verification"}) == "abc"
    assert is_challenge({"challenge": "abc", "taskId": "t"}) is None
    for hostile in ({}, [], "abc", None, {"challenge": ""}, {"challenge": "a\nb"}):
        assert is_challenge(hostile) is None
    assert is_challenge({"challenge": "x" * 3000}) is None
    assert is_challenge({"challenge": "\ud800"}) is None


BODY = {"taskId": "t-1", "status": "completed", "output": VIDEO}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32-be"])
def test_a_body_is_read_in_every_encoding_of_unicode(encoding):
    assert read_body(json.dumps(BODY).encode(encoding)) == BODY


def test_a_form_that_carries_a_report_is_read():
    assert read_report(read_body(b"taskId=t-1&status=completed&url=https%3A%2F%2Fa.example%2Fv"))
    inside = read_body(b"payload=%7B%22taskId%22%3A%22t-1%22%2C%22status%22%3A%22failed%22%7D")
    assert read_report(inside).status is ReportedStatus.FAILED


@pytest.mark.parametrize(
    "payload", [[BODY], json.dumps(BODY), {"data": json.dumps(BODY)}, {"data": [BODY]}], ids=repr
)
def test_a_report_in_a_list_or_in_a_string_is_read(payload):
    assert read_report(payload).video_urls == (VIDEO,)
    assert read_report(payload).midsync_task_id == "t-1"


UNREADABLE = {
    "empty": b"",
    "blank": b" \r\n",
    "NUL": b"\0\0\0\0\0",
    "not JSON": b"<html>=</html>",
    "words": b"hello = world",
    "cut": b'{"taskId": "t',
    "100,000 brackets": b"[" * 100_000,
    "100,000 objects": b'{"a":' * 100_000,
    "broken UTF-8": b"\xff\xfe\xfa",
    "a form about something else": b"hello=world&answer=42",
    "a form with too many fields": b"&".join(b"taskId=%d" % n for n in range(200)),
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_an_unreadable_body_is_said_to_be_one(body):
    with pytest.raises(UnreadableBody):
        read_body(body)


def test_hostile_numbers_do_not_hide_the_rest():
    body = '{"taskId":"t-1","status":"completed","a":NaN,"b":-Infinity,"progress":1e999999999,'
    body += f'"c":{"9" * 5000},"pointsCharged":{"9" * 5000}.5,"d":1e99999999999999999999}}'
    report = read_report(read_body(body.encode()))
    assert report.status is ReportedStatus.SUCCEEDED
    assert (report.points, report.progress) == (None, None)


def test_odd_but_legal_bodies_are_read():
    twice = read_body(b'{"status":"failed","status":"completed","taskId":"t-1"}')
    assert read_report(twice).status is ReportedStatus.SUCCEEDED
    surrogate = read_report(read_body(rb'{"status":"failed","error":"\ud800 no \u0000"}'))
    assert surrogate.failure_message == "no"
    huge = 10**5000  # Python refuses to write it out
    numbers = read_report({"taskId": huge, "code": huge, "pointsCharged": huge, "progress": huge})
    assert numbers.ids == ()
    for payload in (None, True, 7, "text", [], [1, 2], [BODY, BODY], {}):
        assert read_report(payload).status is None


def test_a_report_keeps_the_payload_but_does_not_show_it():
    report = read_report({"prompt": "a secret cat"})
    assert report.raw == {"prompt": "a secret cat"}
    assert "cat" not in repr(report)


KNOWN_NAMES = sorted(
    {
        word
        for value in vars(names).values()
        if isinstance(value, tuple | frozenset)
        for word in value
        if isinstance(word, str)
    }
    | {"error", "detail", "base_resp", "status_code", "success", "challenge", "urls", "loc"}
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**1000)
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.decimals(allow_nan=True, allow_infinity=True)
    | st.text(st.characters(exclude_categories=()), max_size=30)
    | st.sampled_from([VIDEO, COVER, "failed", "ok", "200", "1e9", '{"url":"https://a.example"}'])
)
PAYLOADS_OF_ANY_SHAPE = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KNOWN_NAMES) | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=25,
)


@given(PAYLOADS_OF_ANY_SHAPE)
def test_read_report_never_raises_and_keeps_its_promises(payload):
    report = read_report(payload)
    assert all(url.lower().startswith("http") for url in report.video_urls)
    assert len(report.failure_message) <= 500
    assert len(report.failure_code) <= 64
    assert len(report.status_word) <= 64
    for text in (report.failure_message, report.failure_code, report.status_word, *report.ids):
        text.encode()
        assert "\0" not in text
    if report.points is not None:
        assert 0 <= report.points <= 10**9
    assert report.progress is None or 0 <= report.progress <= 100
    is_challenge(payload)


@given(st.binary() | PAYLOADS_OF_ANY_SHAPE.map(lambda p: json.dumps(p, default=str).encode()))
def test_read_body_raises_nothing_but_unreadable_body(body):
    try:
        payload = read_body(body)
    except UnreadableBody:
        return
    read_report(payload)
