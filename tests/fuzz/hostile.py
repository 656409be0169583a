"""What strangers, customers and gateways could send, as hypothesis draws it."""

import json
from pathlib import Path
from urllib.parse import quote_from_bytes
from uuid import uuid4

from hypothesis import strategies as st

from midsync_portal.midsync.reader import names

PAYLOADS = [
    path.read_bytes()
    for path in sorted((Path(__file__).parent.parent / "payloads").glob("callback-*.json"))
]
ODD_TEXTS = [
    "",
    "\0",
    "a\0b",
    "\ud800",
    "\u202egpj.exe",
    "💥",
    "'; DROP TABLE tasks; --",
    "%s%n%x",
    "{{ 7*7 }}",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "1e999",
    "-0",
    "NaN",
    "٣",
    "9" * 400,
    "0x10",
    "true",
    "null",
    "[]",
    "https://a@b\\@c/",
    "javascript:alert(1)",
    str(uuid4()),
    "00000000-0000-0000-0000-000000000000",
    "x" * 3000,
]
NAMED = [
    *names.ID_NAMES,
    *names.STATE_NAMES,
    *names.PLACES,
    *names.MORE_PLACES,
    *names.RESULT_NAMES,
    *names.VIDEO_NAMES,
    *names.NESTED_RESULT_NAMES,
    *names.COVER_NAMES,
    *names.REASON_NAMES,
    *names.REPORT_POINTS_NAMES,
    *names.PROGRESS_NAMES,
    *names.ESTIMATE_NAMES,
    *names.CODE_NAMES,
    *names.EVENT_NAMES,
    "error",
    "challenge",
    "successFlag",
]
WHOLE = [
    b"",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"status": ' + b"9" * 5000 + b"}",
    b'{"status": NaN, "progress": Infinity, "taskId": -Infinity}',
    b'{"status": "failed", "status": "completed"}',
    b"\xff\xfe{\x00}\x00",
    '{"status": "completed"}'.encode("utf-16"),
    '{"status": "completed"}'.encode("utf-32"),
    b"\xef\xbb\xbf{}",
    b'{"taskId": "\\ud800", "error": "\\u0000"}',
    b"\x00" * 100,
    b"status=completed&taskId=ms-1&output=%00",
    b'"completed"',
    b"x" * 70_000,
]

odd_text = st.one_of(st.sampled_from(ODD_TEXTS), st.text(max_size=40))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    odd_text,
    st.sampled_from([*names.STATUS_WORDS, "https://cdn.example.com/a.mp4", 200, 501, 10**400]),
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(NAMED) | odd_text, inner, max_size=5)
        | inner.map(lambda value: json.dumps(value))
    ),
    max_leaves=12,
)
reports = st.dictionaries(st.sampled_from(NAMED), values, max_size=8)


@st.composite
def mutilated(draw):
    """A real body with a few bytes cut out, changed or doubled."""
    body = draw(st.sampled_from(PAYLOADS))
    at, length = draw(st.integers(0, len(body))), draw(st.integers(0, 20))
    return body[:at] + draw(st.binary(max_size=8)) + body[at + length :]


bodies = st.one_of(
    reports.map(lambda report: json.dumps(report).encode()),
    values.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass")),
    mutilated(),
    st.binary(max_size=200),
    st.sampled_from(WHOLE),
)


def encoded(pairs):
    """A query string or a form body; what is no text goes through as bytes."""
    return "&".join(f"{_percent(name)}={_percent(value)}" for name, value in pairs)


def _percent(text):
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return quote_from_bytes(raw)


def pairs(known):
    """Names that a page knows, and others, with values that it does not expect."""
    name = st.one_of(st.sampled_from(known), st.sampled_from(known), odd_text)
    value = st.one_of(odd_text, odd_text, st.binary(max_size=10))
    return st.lists(st.tuples(name, value), max_size=6).map(encoded)


raw_queries = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60)
