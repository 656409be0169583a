"""The client of MidSync: requests as sent, answers as read, each way the wire can fail."""

import io
import json
import logging
import ssl
import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from midsync_portal.midsync import errors
from midsync_portal.midsync.client import MidSyncClient
from midsync_portal.midsync.types import Generation, ReportedStatus

PAYLOADS = Path(__file__).parent / "payloads"
KEY = "canary-key-of-this-test"
BODY = {"model": "kling-2.5-turbo", "prompt": "a very private cat", "duration": 5}
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC).timestamp()


def payload(name: str) -> bytes:
    return (PAYLOADS / f"{name}.json").read_bytes()


class Wire(BaseAdapter):
    """Answers in this process, one script entry after the other, and keeps what was sent."""

    def __init__(self, *answers: object) -> None:
        super().__init__()
        self.answers = list(answers)
        self.sent: list[requests.PreparedRequest] = []
        self.timeouts: list[tuple[float, float]] = []

    def send(self, request, stream=False, timeout=None, verify=True, cert=None, proxies=None):
        self.sent.append(request)
        self.timeouts.append(timeout)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, headers, body = answer
        response = requests.Response()
        response.status_code = status
        response.headers.update(headers)
        response.raw = HTTPResponse(_stream(body), headers, status, preload_content=False)
        response.request, response.url = request, request.url
        return response

    def close(self) -> None:
        """Nothing is open."""


def _stream(body: object) -> io.BytesIO:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return io.BytesIO(data)


def answer(body: object, status: int = 200, **headers: str) -> tuple[int, dict[str, str], object]:
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, body


def client_of(wire: Wire, **options: object) -> MidSyncClient:
    options = {"sleep": lambda seconds: None, "clock": lambda: NOW} | options
    return MidSyncClient("https://midsync.test/base/", KEY, adapter=wire, **options)


# --- Requests as sent -------------------------------------------------------------------------


def test_generate_sends_the_body_once_with_key_and_idempotency_key():
    wire = Wire(answer(payload("generate-midsync")))
    client_of(wire).generate(BODY, "0d3f9a52")
    (sent,) = wire.sent
    assert (sent.method, sent.url) == ("POST", "https://midsync.test/base/unified-video/generate")
    assert json.loads(sent.body) == BODY
    assert sent.headers["Authorization"] == f"Bearer {KEY}"
    assert sent.headers["Idempotency-Key"] == "0d3f9a52"
    assert sent.headers["Content-Type"] == "application/json"
    assert sent.headers["User-Agent"].startswith("midsync-portal")


ALL_FIELDS = {
    "model": "kling-3.0",
    "prompt": "a cat \ud800 with quotes \"' and ünïcode",
    "duration": 5,
    "resolution": "720p",
    "quality": "1080p",
    "aspectRatio": "16:9",
    "mode": "std",
    "generateAudio": True,
    "images": ["https://a.example/1.png", "https://a.example/2.png"],
    "referenceVideoUrls": ["https://a.example/1.mp4"],
    "negativePrompt": "dogs",
    "cfgScale": Decimal("0.5"),
    "fixedLens": False,
    "nsfwChecker": True,
    "watermark": "mine",
    "seeds": Decimal(12345),
    "enableTranslation": False,
    "multiShots": True,
    "multiPrompt": [{"prompt": "one", "duration": 3}],
    "klingElements": [{"name": "cat", "description": "a cat"}],
    "referenceTaskId": "t-0",
    "referenceIndex": 0,
    "projectId": "p-1",
    "callbackUrl": "https://portal.example.com/callbacks/1/token/",
}


def test_every_documented_field_goes_through_as_it_is():
    wire = Wire(answer(payload("quote-midsync")))
    client_of(wire).quote(ALL_FIELDS)
    sent = json.loads(wire.sent[0].body)
    assert sent == {**ALL_FIELDS, "cfgScale": 0.5, "seeds": 12345}
    assert b'"seeds":12345,' in wire.sent[0].body.encode()


def test_numbers_become_strings_only_for_the_models_that_want_it():
    wire = Wire(answer(payload("quote-midsync")))
    client = client_of(wire, numbers_as_strings=frozenset({"kling-3.0"}))
    client.quote(ALL_FIELDS)
    client.quote({**ALL_FIELDS, "model": "runway"})
    strings, numbers = (json.loads(sent.body) for sent in wire.sent)
    assert (strings["duration"], strings["cfgScale"]) == ("5", "0.5")
    assert strings["multiPrompt"] == [{"prompt": "one", "duration": "3"}]
    assert strings["generateAudio"] is True
    assert numbers["duration"] == 5


def test_a_body_that_is_no_json_is_refused_before_anything_is_sent():
    wire = Wire(answer(payload("generate-midsync")))
    for value in (float("nan"), object(), Decimal("NaN")):
        with pytest.raises(errors.InvalidRequest):
            client_of(wire).generate({"model": "x", "seeds": value}, "1")
    assert wire.sent == []


def test_the_status_of_an_odd_id_cannot_reach_another_path():
    wire = Wire(answer(payload("status-midsync-queued")))
    client_of(wire).get_status("a/../b?c#d")
    assert wire.sent[0].url.endswith("/unified-video/a%2F..%2Fb%3Fc%23d/status")
    for hostile in ("", "..", "."):
        with pytest.raises(errors.NotFound):
            client_of(wire).get_status(hostile)
    assert len(wire.sent) == 1


def test_usage_is_asked_with_iso_dates_and_only_given_filters():
    wire = Wire(answer({"logs": [], "pagination": {"page": 1, "limit": 20, "total": 0}}))
    client = client_of(wire)
    client.usage_logs("runway", date(2026, 11, 1), datetime(2026, 11, 2, tzinfo=UTC), 2, 20)
    client.usage_logs()
    assert "page=2&limit=20&model=runway&to=2026-11-02T00%3A00%3A00%2B00%3A00&from=2026-11-01" in (
        wire.sent[0].url
    )
    assert wire.sent[1].url.endswith("/v1/usage/logs?page=1&limit=100")


def test_nothing_is_taken_from_the_environment(monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine midsync.test login evil password evil\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    wire = Wire(answer(payload("generate-midsync"), Set_Cookie="session=1"))
    client = client_of(wire)
    client.generate(BODY, "1")
    client.quote(BODY)
    client.quote(BODY)
    assert {sent.headers["Authorization"] for sent in wire.sent} == {f"Bearer {KEY}"}
    assert all("Cookie" not in sent.headers for sent in wire.sent)


@pytest.mark.parametrize(
    ("base_url", "key"),
    [
        ("ftp://a.example", KEY),
        ("a.example", KEY),
        ("https://u:p@a.example", KEY),
        ("https://a.example", ""),
        ("https://a.example", "a b"),
        ("https://a.example", "ü\n"),
    ],
)
def test_a_wrong_base_url_or_key_is_named_at_once_and_not_repeated(base_url, key):
    with pytest.raises(ValueError, match="MidSync must be") as caught:
        MidSyncClient(base_url, key)
    assert "u:p" not in str(caught.value)


# --- Generate: the answer table ---------------------------------------------------------------


def generate(*answers: object, **options: object):
    wire = Wire(*answers)
    try:
        return client_of(wire, **options).generate(BODY, "1")
    finally:
        assert len(wire.sent) == 1, "a generate is never repeated"


def test_an_accepted_generate_hands_out_ids_points_and_estimate():
    generation = generate(answer(payload("generate-midsync"), 201))
    assert generation.midsync_task_id == "ms-1"
    assert generation.provider_task_id == "up-1"
    assert generation.video_model == "kling-2.5-turbo"
    assert generation.provider_model == "kling-v2-5-turbo"
    assert generation.points_charged == Decimal(35)
    assert generation.status is ReportedStatus.QUEUED
    assert generation.estimated_seconds == 90
    assert generation.raw["taskId"] == "ms-1"


@pytest.mark.parametrize(
    ("name", "task_id", "points"),
    [
        ("generate-wrapped", "kie-1", None),
        ("generate-fal", "fal-1", None),
        ("generate-success-false-with-id", "ms-1", None),
        ("generate-number-as-id", "12345678901234567890", Decimal("48.5")),
        ("callback-event-envelope", "ms-1", None),
    ],
)
def test_a_task_id_anywhere_in_a_2xx_answer_is_acceptance(name, task_id, points):
    generation = generate(answer(payload(name)))
    assert (generation.midsync_task_id, generation.points_charged) == (task_id, points)


def test_success_of_the_order_is_not_success_of_the_video():
    generation = generate(answer({"status": "success", "taskId": "t"}))
    assert generation.status is None


REFUSED_BY_HTTP = {
    400: errors.InvalidRequest,
    402: errors.InsufficientPoints,
    404: errors.NotFound,
    405: errors.MidSyncRefused,
    409: errors.InvalidRequest,
    413: errors.InvalidRequest,
    415: errors.MidSyncRefused,
    422: errors.InvalidRequest,
}
BODIES = [b"", b"<html>no</html>", payload("error-midsync-text"), payload("error-with-call-id")]


@pytest.mark.parametrize("body", BODIES, ids=["empty", "html", "json", "call id"])
@pytest.mark.parametrize(("status", "kind"), REFUSED_BY_HTTP.items())
def test_these_statuses_refuse_a_generate(status, kind, body):
    with pytest.raises(errors.MidSyncRefused) as caught:
        generate(answer(body, status))
    assert type(caught.value) is kind
    assert caught.value.http_status == status


@pytest.mark.parametrize("body", BODIES, ids=["empty", "html", "json", "call id"])
@pytest.mark.parametrize("status", [401, 403])
def test_our_key_being_refused_is_for_the_operator(status, body):
    with pytest.raises(errors.MidSyncMisconfigured):
        generate(answer(body, status))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ({}, None),
        ({"Retry_After": "7"}, 7),
        ({"Retry_After": "Mon, 23 Nov 2026 12:00:30 GMT"}, 30),
        ({"Retry_After": "Mon, 23 Nov 2026 11:00:00 GMT"}, 0),
        ({"Retry_After": "soon"}, None),
        ({"Retry_After": "-5"}, None),
        ({"Retry_After": "9" * 400}, None),
        ({"Retry_After": "999999999"}, 7 * 86_400),
    ],
)
@pytest.mark.parametrize("body", BODIES, ids=["empty", "html", "json", "call id"])
def test_429_says_when_to_come_back_if_it_does(header, seconds, body):
    with pytest.raises(errors.TooManyRequests) as caught:
        generate(answer(body, 429, **header))
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize("body", [{"taskId": "t"}, {"pointsCharged": 5}, {"data": {"id": "t"}}])
def test_429_with_an_id_or_points_may_have_been_charged(body):
    with pytest.raises(errors.MidSyncUnavailable):
        generate(answer(body, 429))


@pytest.mark.parametrize("status", [400, 401, 402, 409, 422, 500])
def test_a_refusal_that_names_a_task_and_a_charge_is_no_proof_of_no_charge(status):
    with pytest.raises(errors.MidSyncUnavailable):
        generate(answer(payload("error-with-charge"), status))


@pytest.mark.parametrize(
    "body",
    [{"taskId": "t", "pointsCharged": 0}, {"pointsCharged": 5}, {"taskId": "t"}],
    ids=str,
)
def test_a_refusal_without_both_is_a_refusal(body):
    with pytest.raises(errors.InvalidRequest):
        generate(answer(body, 400))


@pytest.mark.parametrize("body", BODIES, ids=["empty", "html", "json", "call id"])
@pytest.mark.parametrize(
    "status",
    [300, 301, 302, 303, 304, 307, 308, 406, 408, 410, 451, 455, 500, 501, 502, 503, 504, 599],
)
def test_every_other_status_leaves_the_outcome_unknown(status, body):
    with pytest.raises(errors.MidSyncUnavailable):
        generate(answer(body, status, Location="https://midsync.test/elsewhere"))


REFUSED_IN_BODY = [
    ("error-midsync-text", errors.InvalidRequest, "duration must be 5 or 10", "duration"),
    ("error-midsync-object", errors.InvalidRequest, "Prompt is too long", "prompt"),
    ("error-points-in-words", errors.InsufficientPoints, "There are not enough", None),
    ("error-kie-points", errors.InsufficientPoints, "There are not enough", None),
    ("error-kie-validation", errors.InvalidRequest, "resolution is not within", "resolution"),
    ("error-node-trio", errors.InvalidRequest, "aspectRatio must be one of", "aspectRatio"),
]


@pytest.mark.parametrize(("name", "kind", "message", "field"), REFUSED_IN_BODY)
def test_a_2xx_answer_may_refuse_in_its_body(name, kind, message, field):
    with pytest.raises(errors.MidSyncRefused) as caught:
        generate(answer(payload(name)))
    assert type(caught.value) is kind
    assert str(caught.value).startswith(message)
    assert getattr(caught.value, "field", None) == field


def test_a_2xx_answer_may_carry_other_refusals_as_a_code():
    with pytest.raises(errors.MidSyncMisconfigured):
        generate(answer(payload("error-kie-key")))
    with pytest.raises(errors.TooManyRequests):
        generate(answer(payload("error-kie-rate")))
    with pytest.raises(errors.InsufficientPoints):
        generate(answer({"success": False, "error": {"code": "402", "message": "no"}}))


UNKNOWN_2XX = {
    "no body": b"",
    "html": b"<html>ok</html>",
    "cut": payload("generate-midsync")[:40],
    "a list": b"[]",
    "a word": b'"ok"',
    "no id": {"success": True},
    "points but no id": {"success": False, "pointsCharged": 35},
    "an error alone": {"error": "boom"},
    "only the upstream's id": {"success": True, "providerTaskId": "up-1"},
    "an id that is none": {"success": True, "taskId": ""},
    "an endless id": {"success": True, "taskId": "x" * 500},
    "kie maintenance": payload("error-kie-maintenance"),
    "kie server": payload("error-kie-server"),
    "refused, but with the id of the call": payload("error-with-call-id"),
}


@pytest.mark.parametrize("body", UNKNOWN_2XX.values(), ids=UNKNOWN_2XX.keys())
def test_a_2xx_answer_without_id_and_without_refusal_leaves_the_outcome_unknown(body):
    with pytest.raises(errors.MidSyncUnavailable):
        generate(answer(body))


ANSWER_NAMES = ["success", "code", "taskId", "id", "requestId", "pointsCharged", "error", "data"]
ANSWER_VALUES = (
    st.sampled_from([None, True, False, 0, 35, 200, 402, 429, 500, "t-1", "", "402"])
    | st.integers()
    | st.text(max_size=5)
)
ANSWERS = st.recursive(
    ANSWER_VALUES,
    lambda inner: (
        st.dictionaries(st.sampled_from(ANSWER_NAMES), inner, max_size=5)
        | st.lists(inner, max_size=2)
    ),
    max_leaves=12,
)


@given(ANSWERS, st.sampled_from([200, 201, 204, 307, 400, 401, 402, 408, 422, 429, 500, 503]))
def test_no_answer_makes_generate_raise_anything_else_or_claim_too_much(body, status):
    outcome: object
    try:
        outcome = generate(answer(body, status))
    except errors.MidSyncError as error:
        outcome = error
    if isinstance(outcome, Generation):
        assert 200 <= status < 300
        assert outcome.midsync_task_id in json.dumps(body)
    elif not isinstance(outcome, errors.MidSyncUnavailable):
        assert isinstance(outcome, errors.MidSyncRefused | errors.MidSyncMisconfigured)
        assert status in (200, 201, 204, 400, 401, 402, 422, 429)


def test_an_answer_is_not_read_beyond_its_limit():
    large = {"taskId": "t", "padding": "x" * 300_000}
    with pytest.raises(errors.MidSyncUnavailable) as caught:
        generate(answer(large))
    assert caught.value.detail == "too large"
    assert generate(answer(large), response_max=400_000).midsync_task_id == "t"


@pytest.mark.parametrize(
    "fault",
    [
        requests.ReadTimeout("late"),
        requests.ConnectionError("reset"),
        requests.exceptions.ChunkedEncodingError("cut"),
        requests.exceptions.SSLError(ssl.SSLEOFError("handshake cut")),
        ConnectionResetError(104, "reset"),
        RuntimeError("a bug in some library"),
    ],
    ids=repr,
)
def test_whatever_the_wire_does_a_generate_that_may_have_left_is_unknown(fault):
    with pytest.raises(errors.MidSyncUnavailable):
        generate(fault)


def test_a_connect_timeout_is_proof_that_nothing_was_sent():
    with pytest.raises(errors.MidSyncNotSent):
        generate(requests.ConnectTimeout("no answer to connect"))


def test_generate_has_its_own_total_timeout_and_reads_another():
    wire = Wire(answer(payload("generate-midsync")))
    client = client_of(wire, connect_timeout=3, read_timeout=7, generate_timeout=50)
    client.generate(BODY, "1")
    client.quote(BODY, timeout=2)
    client.quote(BODY)
    reads = [round(read) for _, read in wire.timeouts]
    connects = [round(connect) for connect, _ in wire.timeouts]
    assert (reads, connects) == ([50, 2, 7], [3, 2, 3])


# --- Quotes and other reads -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "points", "model"),
    [
        ("quote-midsync", "35", "kling-2.5-turbo"),
        ("quote-fraction", "48.5", "seedance-1.5-pro"),
        ("quote-wrapped", "25", "runway"),
        ("quote-other-name", "10", "runway"),
        ("quote-kie", "17", None),
        ("quote-without-points", None, "runway"),
        ("quote-absurd", None, "runway"),
    ],
)
def test_the_price_is_found_under_every_name(name, points, model):
    quote = client_of(Wire(answer(payload(name)))).quote(BODY)
    assert quote.points == (None if points is None else Decimal(points))
    assert quote.model == model


ERRORS = [
    ("error-midsync-text", errors.InvalidRequest, "duration"),
    ("error-midsync-object", errors.InvalidRequest, "prompt"),
    ("error-node-trio", errors.InvalidRequest, "aspectRatio"),
    ("error-fastapi-list", errors.InvalidRequest, "aspectRatio"),
    ("error-fastapi-text", errors.InsufficientPoints, None),
    ("error-points-in-words", errors.InsufficientPoints, None),
    ("error-with-call-id", errors.InvalidRequest, "prompt"),
]


@pytest.mark.parametrize(("name", "kind", "field"), ERRORS)
@pytest.mark.parametrize("status", [200, 400, 422])
def test_an_invalid_quote_names_the_field_in_every_shape_and_on_any_status(
    name, kind, field, status
):
    if status == 200 and name.startswith("error-fastapi"):
        status = 422  # FastAPI keeps to HTTP
    with pytest.raises(kind) as caught:
        client_of(Wire(answer(payload(name), status))).quote(BODY)
    assert getattr(caught.value, "field", None) == field


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("error-kie-points", errors.InsufficientPoints),
        ("error-kie-key", errors.MidSyncMisconfigured),
        ("error-kie-validation", errors.InvalidRequest),
        ("error-kie-rate", errors.TooManyRequests),
        ("error-kie-maintenance", errors.MidSyncUnavailable),
        ("error-kie-server", errors.MidSyncUnavailable),
    ],
)
@pytest.mark.parametrize("ask", ["quote", "list_models", "usage_logs", "usage_summary"])
def test_http_200_may_hide_a_failure(name, kind, ask):
    client = client_of(Wire(answer(payload(name))))
    with pytest.raises(kind):
        getattr(client, ask)(*([BODY] if ask == "quote" else []))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.InvalidRequest),
        (401, errors.MidSyncMisconfigured),
        (402, errors.InsufficientPoints),
        (403, errors.MidSyncMisconfigured),
        (404, errors.NotFound),
        (409, errors.InvalidRequest),
        (422, errors.InvalidRequest),
        (429, errors.TooManyRequests),
        (302, errors.MidSyncUnavailable),
        (408, errors.MidSyncUnavailable),
        (455, errors.MidSyncUnavailable),
        (500, errors.MidSyncUnavailable),
        (502, errors.MidSyncUnavailable),
        (503, errors.MidSyncUnavailable),
        (504, errors.MidSyncUnavailable),
    ],
)
def test_a_read_sorts_its_errors_by_what_can_be_done(status, kind):
    for body in BODIES[:2]:
        with pytest.raises(errors.MidSyncError) as caught:
            client_of(Wire(answer(body, status))).get_status("t-1")
        assert type(caught.value) is kind


def test_status_is_repeated_twice_and_a_quote_once():
    pauses: list[float] = []
    broken = answer(b"<html>", 502)
    for ask, tries in (("get_status", 3), ("quote", 2)):
        wire = Wire(broken)
        client = client_of(wire, sleep=pauses.append)
        with pytest.raises(errors.MidSyncUnavailable):
            getattr(client, ask)(BODY if ask == "quote" else "t-1")
        assert len(wire.sent) == tries
    assert pauses == [0.5, 2.0, 0.5]


def test_a_repeated_read_may_succeed():
    good = answer(payload("status-midsync-output"))
    wire = Wire(requests.ConnectionError("reset"), answer(b"", 500), good)
    assert client_of(wire).get_status("ms-1").status is ReportedStatus.SUCCEEDED
    wire = Wire(answer(payload("quote-midsync")[:20]), answer(payload("quote-midsync")))
    assert client_of(wire).quote(BODY).points == Decimal(35)


def test_a_read_is_not_repeated_when_refused_or_when_its_time_is_over():
    for status in (400, 401, 404, 429):
        wire = Wire(answer(b"", status))
        with pytest.raises(errors.MidSyncError):
            client_of(wire).get_status("t-1")
        assert len(wire.sent) == 1
    for wire, options in (
        (Wire(answer(b"", 502)), {"read_timeout": 0.4}),
        (Wire(answer(b"", 503, Retry_After="60")), {}),
    ):
        with pytest.raises(errors.MidSyncUnavailable):
            client_of(wire, **options).get_status("t-1")
        assert len(wire.sent) == 1


def test_a_status_answer_becomes_a_report():
    report = client_of(Wire(answer(payload("status-midsync-processing")))).get_status("ms-1")
    assert report.status is ReportedStatus.RUNNING
    assert (report.progress, report.estimated_seconds) == (45, 120)
    assert (report.midsync_task_id, report.provider_task_id) == ("ms-1", "up-1")


def test_a_failed_look_up_is_not_a_failed_video():
    for name, kind in (
        ("status-lookup-failed", errors.NotFound),
        ("status-lookup-rate-limited", errors.TooManyRequests),
        ("status-lookup-key", errors.MidSyncMisconfigured),
        ("status-lookup-server", errors.MidSyncUnavailable),
        ("status-lookup-envelope-error", errors.MidSyncUnavailable),
    ):
        with pytest.raises(kind):
            client_of(Wire(answer(payload(name)))).get_status("ms-1")
    failed = client_of(Wire(answer(payload("status-kie-generation-failed")))).get_status("kie-1")
    assert failed.status is ReportedStatus.FAILED
    unreadable = Wire(answer(b"<html>", 200))
    with pytest.raises(errors.MidSyncUnavailable):
        client_of(unreadable).get_status("ms-1")


LOG_ROW = {
    "id": "log-1",
    "model": "runway",
    "mode": "video",
    "pointsCharged": 0.21,
    "creditsConsumed": 0.41,
    "createdAt": "2026-11-01T10:00:00.123Z",
}


@pytest.mark.parametrize("wrap", [lambda body: body, lambda body: {"data": body}], ids=["", "data"])
def test_usage_rows_are_read(wrap):
    body = {"logs": [LOG_ROW], "pagination": {"page": 2, "limit": 20, "total": 21}}
    page = client_of(Wire(answer(wrap(body)))).usage_logs(page=2, limit=20)
    (row,) = page.logs
    assert (page.page, page.limit, page.total) == (2, 20, 21)
    assert (row.log_id, row.video_model, row.mode) == ("log-1", "runway", "video")
    assert row.points_charged == Decimal("0.21")
    assert row.created_at == datetime(2026, 11, 1, 10, 0, 0, 123000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "year"),
    [
        ("2026-11-01", 2026),
        (1793527200, 2026),
        (1793527200000, 2026),
        ("1793527200", 2026),
        ("soon", None),
        (None, None),
        (10**30, None),
        (-(10**17), None),
    ],
)
def test_the_time_of_a_usage_row_is_utc_or_unknown(value, year):
    body = {"logs": [{**LOG_ROW, "createdAt": value}]}
    (row,) = client_of(Wire(answer(body))).usage_logs().logs
    assert (row.created_at and row.created_at.year) == year
    assert row.created_at is None or row.created_at.tzinfo is UTC


@pytest.mark.parametrize("body", [{}, {"logs": None}, {"logs": "none"}, {"logs": [1]}, "ok", b""])
def test_usage_that_cannot_be_read_is_never_an_empty_page(body):
    with pytest.raises(errors.MidSyncUnavailable):
        client_of(Wire(answer(body))).usage_logs()


def test_the_usage_summary_is_read():
    models = [{"model": "runway", "requests": 2, "pointsCharged": "35.5"}]
    body = {"totalPointsCharged": 35.5, "totalRequests": 2, "totalInputTokens": 0}
    summary = client_of(Wire(answer({**body, "byModel": models}))).usage_summary(group_by="model")
    assert (summary.total_points_charged, summary.total_requests) == (Decimal("35.5"), 2)
    assert (summary.total_input_tokens, summary.total_output_tokens) == (0, None)
    assert summary.by_model[0].points_charged == Decimal("35.5")
    with pytest.raises(errors.MidSyncUnavailable):
        client_of(Wire(answer({"hello": 1}))).usage_summary()


def test_the_models_are_read():
    models = client_of(Wire(answer({"models": ["runway"], "modelParams": {}}))).list_models()
    assert len(models.models) == 1
    assert models.raw == {"models": ["runway"], "modelParams": {}}


# --- Nothing leaks ----------------------------------------------------------------------------


def test_one_log_line_per_request_without_key_prompt_or_body(caplog):
    caplog.set_level(logging.DEBUG)
    client = client_of(Wire(answer(payload("generate-midsync"))))
    client.generate(BODY, "0d3f9a52")
    ours = [record for record in caplog.records if record.name == "midsync_portal.midsync"]
    assert len(ours) == 1
    line = ours[0].getMessage()
    for part in ("generate", "http=201", "http=200"):
        assert (part in line) == (part != "http=201")
    assert "outcome=ok" in line
    assert "task=0d3f9a52" in line
    assert "midsync_task=ms-1" in line
    assert " ms=" in line
    with pytest.raises(errors.MidSyncUnavailable):
        client_of(Wire(answer({"echo": KEY}, 502))).get_status("ms-1")
    assert caplog.text.count("outcome=MidSyncUnavailable") == 3
    assert KEY not in caplog.text
    assert "private cat" not in caplog.text


def test_the_key_is_in_no_repr_and_in_no_answer():
    wire = Wire(answer({"success": False, "error": f"Bad key {KEY}"}))
    client = client_of(wire)
    with pytest.raises(errors.InvalidRequest) as caught:
        client.quote(BODY)
    assert KEY not in str(caught.value) + caught.value.detail
    report = client_of(Wire(answer({"status": "queued", "echo": KEY}))).get_status("t")
    assert KEY not in json.dumps(report.raw)
    assert KEY not in repr(client) + repr(client._session()) + repr(client._session().auth)


def test_threads_share_a_client_but_no_session():
    client = client_of(Wire(answer(payload("quote-midsync"))))
    sessions: list[object] = []
    threads = [
        threading.Thread(target=lambda: sessions.append(client._session())) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(set(map(id, sessions))) == 4
    assert client._session() is client._session()
