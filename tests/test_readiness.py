"""`/readyz` and the banners: every failure that an operator has to know of is visible."""

import asyncio
import json
import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.wsgi import get_wsgi_application
from django.db import OperationalError, connection
from django.urls import reverse
from django.utils import timezone

from midsync_portal import gate, operations
from midsync_portal.asgi import Portal
from midsync_portal.midsync.errors import MidSyncNotSent
from midsync_portal.models import CallbackDelivery, WorkerHeartbeat
from midsync_portal.serving import readiness
from midsync_portal.serving.readiness import Readiness
from midsync_portal.serving.site import Site
from tests.serving import Loop, request

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def loop():
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def site(loop, monkeypatch):
    """The site; it looks anew for every question."""
    monkeypatch.setattr(readiness, "ASKS_EVERY", 0.0)

    async def make() -> Site:
        return Site(get_wsgi_application())

    site = loop.run(make())
    yield site
    loop.run(site.finish())


@pytest.fixture
def ask(loop, site):
    """What /readyz answers now."""

    def ask():
        answer = request(loop, site, "/readyz")
        assert answer.headers["content-type"].startswith("application/json")
        said = json.loads(answer.body)
        return answer.status, said["status"], said["reasons"]

    return ask


@pytest.fixture
def alive(db):
    """A worker that lives."""
    now = timezone.now()
    return WorkerHeartbeat.objects.create(name="one", started_at=now, beat_at=now)


def dead_delivery():
    """A callback that could not be applied in twenty tries."""
    now = timezone.now()
    CallbackDelivery.objects.create(
        named_task=uuid4(),
        body=b"{}",
        body_sha256="0" * 64,
        body_size=2,
        received_at=now,
        last_received_at=now,
        state=CallbackDelivery.State.DEAD,
    )


def breaker():
    for _ in range(5):
        gate.note_outage("order", MidSyncNotSent(), timezone.now())


def test_all_is_well(ask, alive):
    assert ask() == (200, "ready", [])
    assert operations.operator_problems() == []


def test_promise_17_no_heartbeat_for_a_minute_is_not_ready(ask, alive):
    WorkerHeartbeat.objects.update(beat_at=timezone.now() - timedelta(seconds=61))
    assert ask() == (503, "not ready", ["worker"])
    WorkerHeartbeat.objects.all().delete()
    assert ask() == (503, "not ready", ["worker"])
    assert "start bin/worker" in " ".join(operations.operator_problems())


@pytest.mark.parametrize(
    ("word", "do", "says"),
    [
        ("breaker", breaker, "MidSync cannot be reached: orders wait"),
        ("paused", lambda: gate.pause("MidSync refuses our API key (401)"), "Sending is paused"),
        ("deliveries", dead_delivery, "1 callback could not be applied"),
        (
            "trouble",
            lambda: gate.note_problem("status", "our API key is refused (403)"),
            "our API key is refused (403)",
        ),
    ],
)
def test_promise_17_what_pages_can_live_with_is_degraded_and_in_support_s_banner(
    ask, alive, client, sam, ana, word, do, says
):
    do()
    assert ask() == (200, "degraded", [word])
    client.force_login(sam)
    for page in (reverse("admin:index"), reverse("task-list")):
        assert says in client.get(page).text
    client.force_login(ana)
    assert says not in client.get(reverse("task-list")).text


def test_promise_17_a_missing_migration_is_not_ready(ask, alive):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE name = '0002_cache'")
    try:
        assert ask() == (503, "not ready", ["migrations"])
    finally:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO django_migrations (app, name, applied)"
                " VALUES ('midsync_portal', '0002_cache', CURRENT_TIMESTAMP)"
            )
    assert ask() == (200, "ready", [])


def test_promise_17_a_database_that_is_away_is_not_ready(ask, alive, monkeypatch):
    def away():
        raise OperationalError("gone: password=hunter2")

    monkeypatch.setattr(readiness, "readiness_words", away)
    assert ask() == (503, "not ready", ["database"])


def test_a_database_that_hangs_is_answered_for_in_time_and_asked_once(loop, monkeypatch):
    asked, go_on = [], threading.Event()

    def hang():
        asked.append(1)
        go_on.wait(20)
        return []

    monkeypatch.setattr(readiness, "readiness_words", hang)
    monkeypatch.setattr(readiness, "ANSWERS_WITHIN", 0.05)
    ready = Readiness()

    async def five():
        return await asyncio.gather(*(ready._words() for _ in range(5)))

    assert loop.run(five()) == [["database"]] * 5
    assert loop.run(ready._words()) == ["database"]
    assert len(asked) == 1
    go_on.set()
    ready._look.result(20)
    ready.finish()


def test_however_many_ask_the_database_is_asked_once_a_second(loop, alive, monkeypatch):
    asked = []
    monkeypatch.setattr(readiness, "readiness_words", lambda: asked.append(1) or [])
    monkeypatch.setattr(readiness, "ASKS_EVERY", 3600.0)
    ready = Readiness()
    for _ in range(10):
        loop.run(ready._words())
    assert len(asked) == 1
    ready.finish()


def test_its_own_connection_gives_up_early_and_no_other_does(db, django_db_blocker):
    impatient = readiness._impatient(connection)["OPTIONS"]
    before = connection.settings_dict["OPTIONS"]
    if connection.vendor == "postgresql":
        assert impatient["connect_timeout"] == readiness.DATABASE_SECONDS
        assert "statement_timeout=2000" in impatient["options"]
        assert "connect_timeout" not in before
    else:
        assert impatient["timeout"] == readiness.DATABASE_SECONDS < before["timeout"]


def test_looking_takes_four_small_queries(alive, django_assert_num_queries):
    operations.missing_migrations()
    with django_assert_num_queries(5):  # the recorder looks for its table first
        operations.readiness_words()


def test_a_process_that_still_loads_says_so(loop):
    answer = request(loop, Portal(), "/readyz")
    assert answer.status == 503
    assert json.loads(answer.body) == {"status": "not ready", "reasons": ["starting"]}
