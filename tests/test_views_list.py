"""The list of all tasks, the single row, and the team one works for."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from midsync_portal.finding.pages import PAGE_SIZE
from midsync_portal.models import Customer, Membership
from midsync_portal.models.status import Status
from tests.pages import Page

LIST = "/tasks/"


def rows(answer):
    """The task numbers of the rows on a page, in order."""
    return [one["data-task"] for one in Page(answer).with_class("task-row")]


def test_all_tasks_are_listed_newest_first(client, ana, make_task):
    now = timezone.now()
    tasks = [make_task(created_at=now - timedelta(hours=age)) for age in (2, 0, 1)]
    client.force_login(ana)
    assert rows(client.get(LIST)) == [str(tasks[at].public_id) for at in (1, 2, 0)]


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_the_list_is_only_read(client, ana, make_task, method):
    client.force_login(ana)
    assert getattr(client, method)(LIST).status_code == 405
    row = reverse("task-row", args=[make_task().public_id])
    assert getattr(client, method)(row).status_code == 405


def test_strangers_are_sent_to_log_in(client, make_task):
    for path in (LIST, reverse("task-row", args=[make_task().public_id])):
        answer = client.get(path)
        assert answer.status_code == 302
        assert answer["Location"] == f"{reverse('account_login')}?next={path}"


def test_ben_sees_nothing_of_anas(client, ben, make_task):
    task = make_task()
    client.force_login(ben)
    assert rows(client.get(LIST)) == []
    never = client.get(reverse("task-row", args=[uuid4()]))
    answer = client.get(reverse("task-row", args=[task.public_id]))
    assert answer.status_code == never.status_code == 404
    assert answer.content == never.content
    assert client.get(LIST, {"before": task.public_id}).status_code == 404


def test_support_without_a_team_sees_an_empty_list(client, sam, make_task):
    make_task()
    client.force_login(sam)
    assert rows(client.get(LIST)) == []


def test_an_empty_list_says_what_will_be_here(client, ana):
    client.force_login(ana)
    assert "No videos yet" in client.get(LIST).content.decode()


def test_pages_hold_every_task_once_even_of_one_moment(client, ana, make_task):
    now = timezone.now()
    wanted = {str(make_task(created_at=now).public_id) for _ in range(2 * PAGE_SIZE + 1)}
    client.force_login(ana)
    seen, path = [], LIST
    while path:
        answer = client.get(path)
        seen += rows(answer)
        older = [one for one in Page(answer).elements if one.get("rel") == "next"]
        path = older[0]["href"] if older else ""
    assert len(seen) == len(wanted)
    assert set(seen) == wanted


def test_only_the_newest_page_waits_for_new_tasks(client, ana, make_task):
    tasks = [make_task() for _ in range(PAGE_SIZE + 1)]
    client.force_login(ana)
    first = Page(client.get(LIST)).by_id["feed"]["data-stream"]
    later = Page(client.get(LIST, {"before": tasks[1].public_id})).by_id["feed"]["data-stream"]
    assert first.endswith("&list=1")
    team = tasks[0].customer_id
    assert later == f"/stream/?team={team}&rows={tasks[0].public_id}&list={tasks[-1].public_id}"


@pytest.mark.parametrize("before", ["x", "1 OR 1", "00000000-0000-0000-0000-000000000000"])
def test_an_odd_cursor_is_not_found(client, ana, before):
    client.force_login(ana)
    assert client.get(LIST, {"before": before}).status_code == 404


def test_the_row_is_the_row_of_the_list(client, ana, make_task):
    task = make_task(status=Status.SUCCEEDED, points_quoted=48, points_charged="48.5000")
    client.force_login(ana)
    (root,) = Page(client.get(reverse("task-row", args=[task.public_id]))).roots
    assert root["tag"] == "li"
    assert root["id"] == f"task-{task.public_id}"
    assert root["data-task"] == str(task.public_id)
    assert root["data-status"] == "succeeded"
    assert root["data-points-charged"] == "48.5"
    assert "hx-swap-oob" not in root


# --- teams ---------------------------------------------------------------------------------------


def test_one_works_for_another_of_ones_teams(client, ana, make_task):
    task = make_task()
    other = Customer.objects.create(name="Aspen")
    Membership.objects.create(user=ana, customer=other)
    client.force_login(ana)
    assert client.post("/team/", {"customer": other.pk}).status_code == 302
    assert rows(client.get(LIST)) == []
    client.post("/team/", {"customer": task.customer_id})
    assert rows(client.get(LIST)) == [str(task.public_id)]


@pytest.mark.parametrize("chosen", ["bens", "", "x", "9" * 40, "-1", "٣"])
def test_nobody_works_for_a_team_of_others(client, ana, ben, chosen):
    client.force_login(ana)
    pk = ben.customers.get().pk if chosen == "bens" else chosen
    assert client.post("/team/", {"customer": pk}).status_code == 404


def test_teams_are_switched_by_post_and_by_members_only(client, ana):
    assert client.post("/team/").status_code == 302
    client.force_login(ana)
    before = client.session.get("customer_id")
    assert client.get("/team/", {"customer": ana.customers.get().pk})["Location"] == "/"
    assert client.session.get("customer_id") == before


def test_who_has_one_team_sees_no_switch(client, ana):
    client.force_login(ana)
    assert reverse("customer-switch") not in client.get(LIST).content.decode()


# --- reports of browsers -------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"csp-report": 1}', b"x" * 100_000])
def test_a_report_of_a_browser_is_taken_from_anybody_and_never_fails(client, body):
    answer = client.post("/csp-report/", body, content_type="application/csp-report")
    assert answer.status_code == 204
    assert client.get("/csp-report/").status_code == 405
