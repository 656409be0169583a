"""Our tasks against MidSync's usage logs: what agrees, what does not, and totals that add up."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from midsync_portal import gate, reconciliation
from midsync_portal.models import Reconciliation, UsageFinding
from midsync_portal.models.status import Status
from midsync_portal.reconciliation import (
    handle_finding,
    reconcile_last_night,
    reconcile_period,
)

pytestmark = pytest.mark.django_db

NOON = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
MIDNIGHT = NOON.replace(hour=0)
DAY = (MIDNIGHT, MIDNIGHT + timedelta(days=1))


@pytest.fixture
def charged(make_task):
    """Makes a task that MidSync took at a time, for so many points."""

    def charged(at=NOON, points=35, **fields):
        number = f"ms-{fields.pop('number', at.isoformat())}"
        times = {"sent_at": at, "accepted_at": at, "created_at": at, "midsync_task_id": number}
        return make_task(points_charged=points, **times | fields)

    return charged


def row(name, at=NOON, points=35, model="kling-2.5-turbo"):
    """A row of the usage logs."""
    moment = (at + timedelta(seconds=2)).isoformat()
    return {"id": name, "model": model, "pointsCharged": points, "createdAt": moment}


def logs(*rows):
    """An answer with these rows."""
    return {"logs": list(rows), "pagination": {"page": 1, "limit": 100, "total": len(rows)}}


def found(made):
    """Kinds of the findings, with what they are about."""
    return {(one.kind, one.task or one.log_id) for one in made.findings.all()}


def test_what_agrees_is_matched_and_the_rest_is_found(charged, wire, settings):
    settings.MIDSYNC_KEY_EXCLUSIVE = True
    later, latest = NOON + timedelta(hours=1), NOON + timedelta(hours=2)
    charged()
    dear = charged(later, 35)
    missing = charged(latest, 48)
    stranger = row("log-9", NOON + timedelta(hours=5), 99)
    given_back = row("log-8", NOON, -35)
    wire.answers["logs"] = logs(row("log-1"), row("log-2", later, 52), stranger, given_back)
    made = reconcile_period(*DAY)
    assert (made.matched, made.different, made.only_ours, made.only_theirs) == (1, 1, 1, 1)
    assert found(made) == {("points", dear), ("ours", missing), ("theirs", "log-9")}
    assert made.ours == 35 + 35 + 48
    assert (made.charged, made.returned, made.net) == (35 + 52 + 99, 35, 35 + 52 + 99 - 35)
    assert wire.count("generate") == 0


@pytest.mark.parametrize("points", [10**10, -(10**15), 10**19])
def test_an_amount_that_cannot_be_spoils_no_comparison(charged, wire, settings, points):
    settings.RECONCILE_HOUR = 0
    charged()
    wire.answers["logs"] = logs(row("log-1"), row("log-2", NOON, points))
    reconcile_last_night()
    (made,) = Reconciliation.objects.all()
    assert (made.error, made.charged, made.returned, made.matched) == ("", 35, 0, 1)


def test_a_sum_that_cannot_be_is_an_error_of_the_comparison(charged, wire, monkeypatch):
    monkeypatch.setattr(reconciliation, "SUM_MAX", 50)
    charged()
    wire.answers["logs"] = logs(row("log-1"), row("log-2"))
    assert "more points than there can be" in reconcile_period(*DAY).error


def test_a_comparison_that_breaks_is_not_repeated_at_once(charged, wire, settings, monkeypatch):
    settings.RECONCILE_HOUR = 0
    charged()
    wire.answers["logs"] = logs(row("log-1"))
    monkeypatch.setattr(reconciliation, "match", lambda *halves: 1 / 0)
    for _ in range(3):
        reconcile_last_night()
    assert wire.count("logs") == 1
    assert "broke" in Reconciliation.objects.get().error


def test_a_good_reading_ends_the_trouble_with_the_logs(charged, wire):
    wire.answers["logs"] = (503, "down")
    assert reconcile_period(*DAY).error
    assert gate.get_gate().problem
    Reconciliation.objects.all().delete()
    wire.answers["logs"] = logs()
    assert not reconcile_period(*DAY).error
    assert not gate.get_gate().problem


def test_totals_add_up(charged, wire):
    times = [NOON + timedelta(minutes=10 * number) for number in range(20)]
    tasks = [charged(at, Decimal("1.25") * number) for number, at in enumerate(times, 1)]
    rows = [row(f"log-{task.pk}", task.sent_at, float(task.points_charged)) for task in tasks[:15]]
    wire.answers["logs"] = logs(*rows)
    made = reconcile_period(*DAY)
    lost = sum(one.ours for one in made.findings.all())
    assert made.ours == made.net + lost
    assert made.matched + made.only_ours == 20


def test_of_two_orders_at_one_moment_each_has_a_row_of_its_own(charged, wire, tess):
    one, two = charged(number=1), charged(NOON + timedelta(seconds=1), number=2)
    wire.answers["logs"] = logs(row("log-1"), row("log-2"))
    assert reconcile_period(*DAY, actor=tess).matched == 2
    wire.answers["logs"] = logs(row("log-1"))
    ((kind, task),) = found(reconcile_period(*DAY))
    assert kind == "ours"
    assert task in (one, two)


def test_what_lies_at_the_edge_explains_but_is_not_found(charged, wire, settings):
    settings.MIDSYNC_KEY_EXCLUSIVE = True
    just_before = MIDNIGHT - timedelta(seconds=1)
    charged(just_before)
    wire.answers["logs"] = logs(row("log-1", just_before), row("log-2", DAY[1]))
    made = reconcile_period(*DAY)
    assert (made.matched, made.only_ours, made.only_theirs) == (0, 0, 0)


def test_refused_and_unsent_tasks_are_not_looked_for(make_task, wire):
    make_task(status=Status.REJECTED, created_at=NOON, sent_at=NOON)
    make_task(status=Status.UNCONFIRMED, created_at=NOON, sent_at=NOON)
    assert reconcile_period(*DAY).only_ours == 0


def test_what_others_do_with_a_shared_key_is_counted_but_nobodys_work(wire):
    wire.answers["logs"] = logs(row("log-1"))
    made = reconcile_period(*DAY)
    assert (made.only_theirs, made.findings.count()) == (1, 0)


@pytest.mark.parametrize("answer", [(503, ""), (401, {}), {"nonsense": 1}])
def test_logs_that_cannot_be_read_find_nothing(charged, wire, answer):
    charged()
    wire.answers["logs"] = answer
    made = reconcile_period(*DAY)
    assert made.error
    assert not UsageFinding.objects.exists()


def test_found_again_is_found_once_and_stays_dealt_with(charged, wire, tess):
    charged()
    wire.answers["logs"] = logs()
    reconcile_period(*DAY, actor=tess)
    finding = UsageFinding.objects.get()
    assert handle_finding(finding, tess, "MidSync says it was free") == "off the list."
    reconcile_period(*DAY, actor=tess)
    assert UsageFinding.objects.get().handled_by == tess
    assert handle_finding(finding, tess, "again").startswith("nothing changed")


@pytest.mark.parametrize("days", [0, -1, 32])
def test_a_period_has_a_length(days):
    with pytest.raises(ValueError, match="period"):
        reconcile_period(NOON, NOON + timedelta(days=days))


def test_the_worker_compares_each_night_once(charged, wire, settings, clock):
    settings.RECONCILE_HOUR = 2
    clock.advance(seconds=(DAY[1] + timedelta(hours=1) - clock.now()).total_seconds())
    charged()
    reconcile_last_night()
    assert not Reconciliation.objects.exists()
    clock.advance(hours=1)
    wire.answers["logs"] = (503, "")
    reconcile_last_night()
    assert Reconciliation.objects.get().error
    reconcile_last_night()
    wire.answers["logs"] = logs(row("log-1"))
    clock.advance(minutes=31)
    reconcile_last_night()
    made = Reconciliation.objects.get()
    assert (made.from_at, made.error, made.matched) == (DAY[0], "", 1)
    asked = wire.count("logs")
    reconcile_last_night()
    assert wire.count("logs") == asked


def test_nothing_is_asked_about_a_day_without_tasks_or_where_it_is_switched_off(
    charged, wire, settings
):
    settings.RECONCILE_HOUR = 0
    reconcile_last_night()
    charged()
    settings.RECONCILE_HOUR = -1
    reconcile_last_night()
    assert wire.count("logs") == 0


def test_support_compares_a_period_reads_it_and_takes_it_along(client, charged, wire, tess):
    task = charged(video_model="=cmd()")
    wire.answers["logs"] = logs(row("log-1", points=52, model="=cmd()"))
    client.force_login(tess)
    form = reverse("admin:support_compare")
    assert client.get(form).status_code == 200
    day = NOON.date().isoformat()
    wrong = client.post(form, {"first": day, "last": "2020-01-01"})
    assert wrong.status_code == 422
    page = client.post(form, {"first": day, "last": day}, follow=True)
    assert page.status_code == 200
    made = Reconciliation.objects.get()
    assert (made.actor, made.from_at, made.to_at) == (tess, *DAY)
    text = client.get(reverse("admin:support_compare_csv", args=[made.pk])).content.decode()
    assert f"different points,{task.public_id},log-1,'=cmd()" in text
    assert "net,52.0000" in text


def test_a_finding_is_on_the_work_list_until_it_is_dealt_with(client, charged, wire, tess):
    charged()
    wire.answers["logs"] = logs()
    reconcile_period(*DAY)
    client.force_login(tess)
    findings = reverse("admin:midsync_portal_usagefinding_changelist")
    assert client.get(findings, {"list": "findings"}).context["cl"].result_count == 1
    chosen = {"action": "dealt_with", "_selected_action": [UsageFinding.objects.get().pk]}
    client.post(findings, chosen | {"reason": "ticket 4711"})
    assert client.get(findings, {"list": "findings"}).context["cl"].result_count == 0
    assert UsageFinding.objects.get().handled_reason == "ticket 4711"
