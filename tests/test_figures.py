"""Figures: counted in every process, written down together, read by the page and by Prometheus."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from prometheus_client.parser import text_string_to_metric_families

from midsync_portal.figures import tallies as counting
from midsync_portal.figures.beats import Beats
from midsync_portal.figures.reading import percentile, read_health
from midsync_portal.figures.tallies import IN_ALL, Tallies
from midsync_portal.midsync.errors import NotFound
from midsync_portal.models import (
    CallbackDelivery,
    MidSyncGate,
    Tally,
    WebHeartbeat,
    WorkerHeartbeat,
)
from midsync_portal.models.status import Status
from midsync_portal.upstream import get_client
from tests.pages import Page
from tests.posting import post

pytestmark = pytest.mark.django_db

TOKEN = "a-token-of-sixteen"
HEALTH = reverse("admin:health")
NOW = reverse("admin:health-now")


@pytest.fixture
def tallies(monkeypatch):
    """The counts of this process, without those of other tests."""
    fresh = counting.tallies._none()
    monkeypatch.setattr(counting.tallies, "_counts", fresh)
    return counting.tallies


@pytest.fixture
def scrape(client, settings):
    """What Prometheus would read, by name and labels."""
    settings.METRICS_TOKEN = TOKEN

    def scrape():
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200
        families = text_string_to_metric_families(answer.content.decode())
        return {
            (one.name, *one.labels.values()): one.value for each in families for one in each.samples
        }

    return scrape


def test_what_several_processes_count_adds_up(clock):
    one, other = Tallies(), Tallies()
    for process in (one, other, other):
        process.count("midsync", "status", "ok", 40)
        process.write_down()
    rows = Tally.objects.filter(kind="midsync")
    assert {(row.minute == IN_ALL, row.number, row.milliseconds) for row in rows} == {
        (True, 3, 120),
        (False, 3, 120),
    }


def test_nothing_counted_costs_no_query(django_assert_num_queries):
    with django_assert_num_queries(0):
        Tallies().write_down()


def test_counts_wait_while_the_database_is_away(monkeypatch, clock):
    process = Tallies()
    process.count("callback", "task", "new")
    with monkeypatch.context() as broken:
        broken.setattr(counting, "_add", lambda *row: (_ for _ in ()).throw(DatabaseError("away")))
        process.write_down()
    process.count("callback", "task", "new")
    process.write_down()
    assert Tally.objects.get(minute=IN_ALL).number == 2


def test_minutes_are_forgotten_after_two_days_and_totals_never(clock):
    process = Tallies()
    process.count("video", "", "stored")
    process.write_down()
    clock.advance(days=3)
    process.count("video", "", "stored")
    process.write_down()
    assert [row.number for row in Tally.objects.exclude(minute=IN_ALL)] == [1]
    assert Tally.objects.get(minute=IN_ALL).number == 2


@pytest.mark.parametrize(
    ("slow", "share", "milliseconds"),
    [
        ({}, 0.5, None),
        ({0: 9}, 0.5, None),  # not timed
        ({50: 10}, 0.5, 37.5),
        ({25: 50, 1000: 50}, 0.95, 950),
        ({25: 99, 2_147_483_647: 1}, 0.5, 25 * 50 / 99),
        ({2_147_483_647: 1}, 0.95, 60_000),
    ],
)
def test_percentiles(slow, share, milliseconds):
    found = percentile(slow, share)
    assert found == (pytest.approx(milliseconds) if milliseconds is not None else None)


def test_each_request_to_midsync_is_counted_with_what_came_of_it(tallies, wire, clock):
    wire.answers["status"] = (404, {"error": "no such task"})
    get_client().list_models()
    with pytest.raises(NotFound):
        get_client().get_status("ms-1")
    tallies.write_down()
    health = read_health()
    assert (health.calls, health.errors) == (2, 0), "a 404 is an answer"
    found = {(row.name, row.outcome) for row in Tally.objects.filter(minute=IN_ALL)}
    assert found == {("models", "ok"), ("status", "NotFound")}


def test_callbacks_are_counted_also_those_that_leave_no_row(tallies, client, make_task, scrape):
    task = make_task(midsync_task_id="ms-1")
    body = {"taskId": "ms-1", "status": "processing"}
    post(task, body)
    post(task, body)
    assert client.post(f"/callbacks/{task.public_id}/guessed/").status_code == 404
    tallies.write_down()
    found = scrape()
    for outcome in ("new", "repeat", "wrong token"):
        assert found["portal_callbacks_total", "task", outcome] == 1, outcome
    assert found["portal_deliveries_total", "", "done"] == 1
    assert CallbackDelivery.objects.count() == 1
    health = read_health()
    assert (health.callbacks, health.refused) == (2, 1)


def test_what_prometheus_reads(scrape, make_task, clock, tallies):
    make_task(status=Status.SUBMITTING, next_check_at=clock.now() - timedelta(seconds=90))
    make_task(status=Status.UNCONFIRMED)
    WorkerHeartbeat.objects.create(name="w", started_at=clock.now(), beat_at=clock.now())
    Beats(lambda: 3).beat()
    MidSyncGate.objects.create(pk=1, breaker_open_until=clock.now())
    process = Tallies()
    for milliseconds in (10, 300, 70_000):
        process.count("midsync", "status", "ok", milliseconds)
    process.write_down()
    found = scrape()
    assert found["portal_queue_depth", "send"] == 1
    assert found["portal_queue_oldest_due_seconds", "send"] == 90
    assert found["portal_queue_depth", "confirm"] == 1
    assert found["portal_breaker_open",] == 1
    assert found["portal_sending_paused",] == 0
    assert (found["portal_workers",], found["portal_web_processes",]) == (1, 1)
    assert found["portal_live_streams",] == 3
    assert found["portal_midsync_requests_total", "status", "ok"] == 3
    buckets = {
        key[2]: value
        for key, value in found.items()
        if key[0] == "portal_midsync_request_seconds_bucket"
    }
    assert (buckets["0.025"], buckets["0.25"], buckets["0.5"], buckets["60.0"]) == (1, 1, 2, 2)
    assert buckets["+Inf"] == found["portal_midsync_request_seconds_count", "status"] == 3
    assert found["portal_midsync_request_seconds_sum", "status"] == pytest.approx(70.31)


@pytest.mark.parametrize(
    "token", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"]
)
def test_metrics_want_their_token(client, settings, token):
    settings.METRICS_TOKEN = TOKEN
    answer = client.get("/metrics", headers={"Authorization": token} if token else {})
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert b"portal_" not in answer.content


def test_without_a_token_of_ours_there_are_no_metrics(client, settings, sam):
    settings.METRICS_TOKEN = ""
    client.force_login(sam)
    for headers in ({}, {"Authorization": "Bearer "}):
        assert client.get("/metrics", headers=headers).status_code == 404


def test_the_health_page_shows_it_to_operators_and_to_nobody_else(client, tess, olga, clock):
    client.force_login(tess)
    assert client.get(HEALTH).status_code == client.get(NOW).status_code == 403
    assert HEALTH not in client.get(reverse("admin:index")).content.decode()
    client.force_login(olga)
    assert HEALTH in client.get(reverse("admin:index")).content.decode()
    process = Tallies()
    for _ in range(3):
        process.count("midsync", "status", "ok", 90)
    process.count("midsync", "status", "MidSyncUnavailable", 9000)
    process.count("callback", "task", "wrong token")
    process.write_down()
    html = client.get(HEALTH).content.decode()
    text = Page(html).text_of("health")
    assert "No worker is running" in text
    assert "4, of these 1 without a good answer (25.0 %)" in text
    assert "0 taken, 1 refused" in text
    assert html.count("<rect") == 4  # requests good and bad, one p95, one refused
    assert "style=" not in client.get(NOW).content.decode()


def test_the_health_page_of_a_new_portal_opens(client, olga):
    client.force_login(olga)
    text = Page(client.get(NOW)).text_of("health")
    assert "nothing was asked" in text
    assert "no heartbeat in a day" in text


def test_it_costs_the_same_number_of_queries_however_much_there_is(
    client, olga, make_task, clock, django_assert_num_queries, tallies
):
    client.force_login(olga)
    client.get(NOW)
    with CaptureQueriesContext(connection) as few:
        client.get(NOW)
    for number in range(5):
        make_task(midsync_task_id=f"ms-{number}")
        tallies.count("midsync", "status", f"outcome {number}", number * 100)
    tallies.write_down()
    with django_assert_num_queries(len(few)):
        client.get(NOW)


def test_a_web_process_that_ends_takes_its_row_away(clock):
    beats = Beats(lambda: 2)
    beats.beat()
    assert read_health().streams == 2
    clock.advance(seconds=61)
    assert read_health().streams == 0, "a killed one counts no longer"
    assert WebHeartbeat.objects.count() == 1
