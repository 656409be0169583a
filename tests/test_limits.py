"""How much a team may order is an operator's to say; the settings hold for everybody else."""

from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from midsync_portal import submission
from midsync_portal.admin.people import LIMITS
from midsync_portal.models import Customer

pytestmark = pytest.mark.django_db

BODY = {"model": "kling-2.5-turbo", "prompt": "a red fox", "duration": 5}


@pytest.fixture
def order(ana, wire):
    """Order as Ana, with a quote she has seen."""

    def order(body=BODY):
        customer = ana.customers.get()
        submission.quote_for(customer, body)
        return submission.submit(customer=customer, ordered_by=ana, body=body, submit_key=uuid4())

    return order


@pytest.fixture
def page(ana):
    return f"/admin/midsync_portal/customer/{ana.customers.get().pk}/change/"


def limits(client, page, **sent):
    """Save the page of a team, as its form would."""
    members = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}
    return client.post(page, dict.fromkeys(LIMITS, "") | members | sent)


def test_an_operator_sets_limits_and_nothing_else(client, olga, ana, page):
    client.force_login(olga)
    saved = limits(client, page, name="Mine now", open_tasks="3", points_a_day="0")
    assert saved.status_code == 302
    team = ana.customers.get()
    assert (team.tasks_a_minute, team.open_tasks, team.points_a_day) == (None, 3, 0)
    assert team.name != "Mine now"
    assert team.members.get() == ana
    history = client.get(page.replace("change", "history")).content.decode()
    assert "Open tasks" in history
    assert olga.email in history


def test_an_operator_joins_no_team(client, olga, ana, page):
    client.force_login(olga)
    member = {"memberships-0-user": olga.pk, "memberships-0-role": "owner"}
    limits(client, page, **member, **{"memberships-TOTAL_FORMS": 1})
    assert ana.customers.get().members.get() == ana


def test_support_reads_limits_and_changes_none(client, tess, ana, page):
    client.force_login(tess)
    assert client.get(page).status_code == 200
    assert limits(client, page, open_tasks="3").status_code == 403
    assert ana.customers.get().open_tasks is None


def test_a_limit_that_forbids_everything_is_refused(client, olga, ana, page):
    client.force_login(olga)
    assert "At least 1, or nothing." in limits(client, page, open_tasks="0").content.decode()
    team = ana.customers.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        Customer.objects.filter(pk=team.pk).update(tasks_a_minute=0)
    team.open_tasks = 0
    with pytest.raises(ValidationError):
        team.full_clean()


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"tasks_a_minute": 1}, "1 video a minute"),
        ({"open_tasks": 1}, "open tasks: 1, of at most 1 at once"),
        ({"points_a_day": 40}, "40 points a day"),
    ],
)
def test_a_team_s_own_limit_goes_before_the_setting(order, ana, settings, limit, said):
    Customer.objects.filter(pk=ana.customers.get().pk).update(**limit)
    order()
    with pytest.raises(submission.LimitReached, match=said):
        order({**BODY, "prompt": "two"})
    settings.SUBMIT_RATE = settings.OPEN_TASKS_MAX = 1
    settings.DAILY_POINTS_MAX = 40
    Customer.objects.filter(pk=ana.customers.get().pk).update(
        tasks_a_minute=9, open_tasks=9, points_a_day=0
    )
    assert order({**BODY, "prompt": "two"})


def test_limits_hold_per_minute_for_open_tasks_and_for_points(order, settings):
    settings.SUBMIT_RATE = 2
    order()
    order({**BODY, "duration": 10})
    with pytest.raises(submission.LimitReached, match="2 videos a minute"):
        order({**BODY, "prompt": "three"})
    settings.SUBMIT_RATE, settings.OPEN_TASKS_MAX = 10, 2
    with pytest.raises(submission.LimitReached, match="open tasks: 2, of at most 2"):
        order({**BODY, "prompt": "three"})
    settings.OPEN_TASKS_MAX, settings.DAILY_POINTS_MAX = 20, 100
    with pytest.raises(submission.LimitReached, match="100 points a day"):
        order({**BODY, "prompt": "three"})
    settings.DAILY_POINTS_MAX, settings.DAILY_POINTS_GLOBAL = 0, 80
    with pytest.raises(submission.LimitReached, match="limit of points for today"):
        order({**BODY, "prompt": "three"})
    settings.DAILY_POINTS_GLOBAL = 105
    assert order({**BODY, "prompt": "three"})
