"""Somebody with two teams: each page works for the team it was drawn for, until its last press."""

import re

import pytest
from django.urls import reverse

from midsync_portal.live.access import NoSuchTask, admit
from midsync_portal.models import Membership, Task
from midsync_portal.models.status import Status
from tests.conftest import make_customer
from tests.pages import Page
from tests.test_presses import form_of

pytestmark = pytest.mark.django_db(transaction=True)

STUDIO, LIST, COMPARE = "/", "/tasks/", "/compare/"
TWO = ["runway", "kling-2.5-turbo"]


@pytest.fixture
def first(ana):
    return ana.customers.get()


@pytest.fixture
def second(ana, first):
    return make_customer("Second", ana)


@pytest.fixture
def browser(client, ana, wire, second):
    client.force_login(ana)
    return client


def switch(browser, team):
    """Choose a team, as another tab of the same browser does."""
    assert browser.post(reverse("customer-switch"), {"customer": team.pk}).status_code == 302


def htmx_of(page):
    """The headers that htmx sends from this page."""
    (said,) = (one["hx-headers"] for one in page.elements if "hx-headers" in one)
    return {"HX-Request": "true"} | dict(re.findall(r'"([\w-]+)": "([^"]*)"', said))


def team_of(answer):
    return answer.wsgi_request.customer


# --- nothing is charged to a team that the page does not name ------------------------------------


def test_promise_01_an_order_is_charged_to_the_team_of_its_page(browser, first, second):
    form = form_of(browser, "a red fox")
    switch(browser, second)
    answer = browser.post(STUDIO, form)
    task = Task.objects.get()
    assert task.customer == first
    assert answer["Location"] == task.get_absolute_url()
    assert team_of(browser.get(answer["Location"])) == first


def test_prices_and_fields_are_those_of_the_pages_team(browser, first, second):
    page = Page(browser.get(STUDIO))
    switch(browser, second)
    for path in ("/quote/", "/parameters/"):
        form = page.form() | {"prompt": ["a red fox"]}
        answer = browser.post(path, form, headers=htmx_of(page))
        assert answer.status_code == 200
        assert team_of(answer) == first
    # What htmx asks outside the form says it by its header alone.
    assert team_of(browser.get("/tasks/totals/", headers=htmx_of(page))) == first


def test_a_comparison_is_charged_to_the_team_of_its_page(browser, first, second):
    choose = Page(browser.get(COMPARE))
    switch(browser, second)
    form = choose.form("compare-form") | {"prompt": ["a red fox"], "models": TWO}
    quotes = browser.post(COMPARE, form | {"quote": ["1"]})
    assert team_of(quotes) == first
    order = Page(quotes).form("compare-order") | {"generate": ["1"]}
    results = browser.post(COMPARE, order)
    assert {task.customer for task in Task.objects.all()} == {first}
    switch(browser, second)
    assert team_of(browser.get(results["Location"])) == first


@pytest.mark.parametrize("named", ["left", "bens", "", "x", "9" * 40, "-1", "٣"])
def test_a_page_of_a_team_that_one_has_left_orders_nothing_for_another(
    browser, ana, ben, first, second, wire, named
):
    form = form_of(browser, "a red fox")
    page = Page(browser.get(STUDIO))
    if named == "left":
        Membership.objects.filter(user=ana, customer=first).delete()
    else:
        form["portal_team"] = str(ben.customers.get().pk) if named == "bens" else named
    answer = browser.post(STUDIO, form)
    assert (answer.status_code, answer["Location"]) == (302, STUDIO)
    if named == "left":
        answer = browser.post(STUDIO, form, headers=htmx_of(page))
        assert answer["HX-Redirect"] == STUDIO
    assert Task.objects.count() == wire.count("generate") == 0
    assert "You do not belong to that team. Nothing was done." in browser.get(STUDIO).text


# --- what one may see is shown, whichever team is active ------------------------------------------


def test_a_link_to_a_task_leads_there_and_to_its_team(browser, first, second, make_task):
    task = make_task(status=Status.SUCCEEDED)
    for address in (
        task.get_absolute_url(),
        reverse("compare-results", args=[[task.public_id]]),
        f"{STUDIO}?from={task.public_id}",
        f"{LIST}?before={task.public_id}",
    ):
        switch(browser, second)
        answer = browser.get(address)
        assert (answer.status_code, team_of(answer)) == (200, first)
        assert team_of(browser.get(LIST)) == first


def test_what_htmx_asks_changes_no_other_tabs_team(browser, first, second, make_task):
    task, page = make_task(), Page(browser.get(LIST))
    switch(browser, second)
    row = browser.get(reverse("task-row", args=[task.public_id]), headers=htmx_of(page))
    assert (row.status_code, team_of(row)) == (200, first)
    assert team_of(browser.get(LIST)) == second


def test_the_settings_of_another_teams_task_are_kept_as_that_teams_draft(
    browser, first, second, make_task
):
    task = make_task(prompt="a red fox")
    switch(browser, second)
    page = Page(browser.get(STUDIO, {"from": task.public_id}))
    assert page.form()["portal_team"] == [str(first.pk)]
    assert page.form()["prompt"] == ["a red fox"]


def test_an_export_is_of_the_team_of_its_page(browser, first, second, make_task):
    make_task(prompt="a red fox")
    page = Page(browser.get(LIST))
    (address,) = (one["href"] for one in page.elements if "download" in one)
    switch(browser, second)
    assert b"a red fox" in b"".join(browser.get(address).streaming_content)


def test_files_are_seen_whichever_team_is_active_and_rows_by_pages_of_their_team(
    browser, first, second, make_task
):
    task = make_task()
    switch(browser, second)
    key = browser.session.session_key
    assert admit(key, [task.public_id], any_team=True)[1] == {task.public_id: task.pk}
    assert admit(key, [task.public_id], team=first.pk)[0].customer == first.pk
    for team in (None, second.pk):
        with pytest.raises(NoSuchTask):
            admit(key, [task.public_id], team=team)
