"""What leaves the portal for its operators, log lines and error reports, holds no secret."""

import json
import logging

import pytest
import sentry_sdk
from django.db import DatabaseError, IntegrityError, connection, transaction

from midsync_portal import reports_to_sentry
from midsync_portal.callbacks.inbox import error_text
from midsync_portal.logs import JsonLines, SecretsFilter, without_secrets
from midsync_portal.models import Task, User
from midsync_portal.upstream import get_client
from tests.posting import post

PROMPT = "a very private fox"


@pytest.fixture
def lines():
    """Every log line of the portal, as it would be written."""
    written = []

    class Written(logging.Handler):
        def emit(self, record):
            written.append(json.loads(self.format(record)))

    handler = Written()
    handler.setFormatter(JsonLines())
    handler.addFilter(SecretsFilter())
    root = logging.getLogger("midsync_portal")
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.mark.django_db
def test_each_call_and_each_delivery_is_one_line_of_facts(lines, wire, make_task):
    get_client().get_status("ms-1")
    task = make_task(midsync_task_id="ms-1")
    post(task, {"taskId": "ms-1", "status": "processing", "prompt": PROMPT})
    call, delivery = [line for line in lines if "outcome" in line]
    assert (call["call"], call["http"], call["outcome"]) == ("status", 200, "ok")
    assert call["midsync_task"] == "ms-1"
    assert isinstance(call["ms"], int)
    assert delivery["task"] == str(task.public_id)
    assert delivery["state"] == "done"
    assert isinstance(delivery["ms"], int)
    assert PROMPT not in json.dumps(lines)


@pytest.mark.django_db
def test_an_order_leaves_no_prompt_and_no_key_in_any_line(lines, wire, settings):
    wire.answers["generate"] |= {"taskId": "ms=1"}  # an odd id must not break the line
    get_client().generate({"model": "kling-2.5-turbo", "prompt": PROMPT}, "a-task")
    text = json.dumps(lines)
    assert any(line.get("call") == "generate" for line in lines)
    assert PROMPT not in text
    assert settings.MIDSYNC_API_KEY not in text


def test_a_line_stays_one_line_and_keeps_secrets_out_of_its_facts(settings, lines):
    secret = settings.MIDSYNC_API_KEY
    log = logging.getLogger("midsync_portal.tests")
    try:
        raise ValueError(f"bad key {secret}\nforged line")
    except ValueError:
        log.exception("broke\n2026 forged", extra={"facts": {"outcome": secret, "n": 1}})
    (line,) = lines
    assert line["outcome"] == "[secret]"
    assert "ValueError" in line["exception"]
    assert secret not in json.dumps(line)
    formatted = JsonLines().format(logging.makeLogRecord({"msg": "two\nlines\u2028"}))
    assert formatted.splitlines() == [formatted]


@pytest.fixture
def reported(settings):
    """What Sentry hears."""
    settings.SENTRY_DSN = "https://key@sentry.example.com/1"
    sent = []

    class Wire(sentry_sdk.transport.Transport):
        def capture_envelope(self, envelope):
            sent.extend(item.payload.json for item in envelope.items)

    reports_to_sentry.begin(transport=Wire)
    yield sent
    sentry_sdk.get_global_scope().set_client(None)


@pytest.mark.django_db
def test_an_error_of_the_database_tells_nothing_of_the_row(lines, reported, make_task, ana):
    """PostgreSQL adds the row, or what is there twice, to what it says."""
    task = make_task(prompt=PROMPT)
    log = logging.getLogger("midsync_portal.tests")
    for broken in (
        lambda: Task.objects.filter(pk=task.pk).update(progress=101),
        lambda: User.objects.create_user(ana.email, "x"),
    ):
        with pytest.raises(IntegrityError) as raised, transaction.atomic():
            broken()
        log.error("broke", exc_info=raised.value)
        sentry_sdk.capture_exception(raised.value)
        lines.append(error_text(raised.value))
    sentry_sdk.flush()
    text = json.dumps([lines, reported])
    assert "IntegrityError" in text
    assert "test_logs.py" in text
    for private in (PROMPT, ana.email, "DETAIL"):
        assert private not in text, private


@pytest.mark.django_db
def test_an_error_of_the_database_shows_no_part_of_the_query(lines, reported):
    """PostgreSQL quotes the query around what it does not understand."""
    with pytest.raises(DatabaseError) as raised, transaction.atomic():
        connection.cursor().execute("SELECT no_such_column, %s", [PROMPT])
    logging.getLogger("midsync_portal.tests").error("broke", exc_info=raised.value)
    sentry_sdk.capture_exception(raised.value)
    lines.append(error_text(raised.value))
    sentry_sdk.flush()
    text = json.dumps([lines, reported])
    assert "no such column" in text or "does not exist" in text
    assert PROMPT not in text


@pytest.mark.parametrize("name", ["DETAIL", "LINE 12", "QUERY", "CONTEXT"])
def test_what_postgresql_adds_is_cut_off_up_to_the_next_error(name):
    raised = f"Error: it broke\n{name}:  {PROMPT}\n\nand on\n\nDuring handling of it\nthe next"
    assert without_secrets(raised) == "Error: it broke\n\nDuring handling of it\nthe next"


@pytest.mark.django_db
def test_an_error_report_says_where_it_broke_and_nothing_of_anybody(
    settings, reported, client, ana, monkeypatch
):
    client.force_login(ana)
    client.raise_request_exception = False

    def broken(*args, **kwargs):
        private = PROMPT  # a variable on the stack
        raise RuntimeError(f"broken by {settings.MIDSYNC_API_KEY} {len(private)}")

    monkeypatch.setattr("midsync_portal.views.studio.get_catalog", broken)
    answer = client.post("/quote/?q=secret", {"prompt": PROMPT, "model": "kling-2.5-turbo"})
    assert answer.status_code == 500
    sentry_sdk.flush()
    text = json.dumps(reported)
    assert "RuntimeError" in text
    assert "/quote/" in text
    for private in (PROMPT, settings.MIDSYNC_API_KEY, ana.email, "q=secret", "cookie", "vars"):
        assert private.lower() not in text.lower(), private


def test_without_a_dsn_nothing_is_reported(settings):
    settings.SENTRY_DSN = ""
    reports_to_sentry.begin()
    assert not sentry_sdk.get_client().is_active()
