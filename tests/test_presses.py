"""Promise 1 through the whole view stack: twenty presses at once, and the limits under them."""

import threading
from uuid import UUID

import pytest
from django.db import connections
from django.db.models import Sum
from django.test import Client

from midsync_portal.models import Task
from tests.pages import Page

pytestmark = pytest.mark.django_db(transaction=True)

PRESSES = 20


def browser_of(user):
    """A browser that this person is logged in with."""
    browser = Client()
    browser.force_login(user)
    return browser


def form_of(browser, prompt):
    """A filled form whose price has been shown."""
    form = Page(browser.get("/", {"model": "kling-2.5-turbo"})).form() | {"prompt": [prompt]}
    quote = browser.post("/quote/", form, headers={"HX-Request": "true"})
    key = next(one["value"] for one in Page(quote).elements if one.get("name") == "quote_key")
    return form | {"quote_key": [key]}


def at_once(*presses, path="/"):
    """Press all at the same moment; the answers in the same order."""
    answers, start = [None] * len(presses), threading.Barrier(len(presses))

    def press(number, browser, form):
        try:
            start.wait()
            answers[number] = browser.post(path, form)
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=press, args=(number, *one)) for number, one in enumerate(presses)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_promise_01_twenty_presses_of_one_form_make_one_task_and_lead_to_it(ana, wire):
    browsers = [browser_of(ana) for _ in range(PRESSES)]
    form = form_of(browsers[0], "a red fox")
    answers = at_once(*((browser, form) for browser in browsers))
    task = Task.objects.get()
    assert {answer.status_code for answer in answers} == {302}
    assert {answer["Location"] for answer in answers} == {task.get_absolute_url()}
    assert wire.count("generate") == 1
    assert task.events.filter(kind="sent").count() == 1


def different(*people):
    """As many different forms as presses, of these people in turn."""
    browsers = [browser_of(person) for person in people]
    return [
        (browsers[n % len(browsers)], form_of(browsers[n % len(browsers)], f"fox {n}"))
        for n in range(PRESSES)
    ]


@pytest.mark.parametrize(
    ("name", "limit"), [("OPEN_TASKS_MAX", 7), ("SUBMIT_RATE", 7), ("DAILY_POINTS_MAX", 7 * 35)]
)
def test_a_customers_limits_hold_under_twenty_presses_of_different_forms(
    ana, wire, settings, name, limit
):
    settings.SUBMIT_RATE = settings.OPEN_TASKS_MAX = 1000
    presses = different(ana)
    setattr(settings, name, limit)
    answers = at_once(*presses)
    assert Task.objects.count() == wire.count("generate") == 7
    assert sorted(answer.status_code for answer in answers) == [302] * 7 + [429] * 13


def test_the_limit_of_the_whole_portal_holds_across_customers(ana, ben, wire, settings):
    settings.SUBMIT_RATE = settings.OPEN_TASKS_MAX = 1000
    presses = different(ana, ben)
    settings.DAILY_POINTS_GLOBAL = 7 * 35 + 34
    answers = at_once(*presses)
    assert Task.objects.aggregate(total=Sum("points_quoted"))["total"] == 7 * 35
    assert sorted(answer.status_code for answer in answers) == [302] * 7 + [429] * 13


def test_twenty_tabs_of_one_order_are_asked_about_not_made(ana, wire):
    browser = browser_of(ana)
    forms = [form_of(browser, "the same fox") for _ in range(PRESSES)]
    answers = at_once(*((browser_of(ana), form) for form in forms))
    assert len({UUID(form["submit_key"][0]) for form in forms}) == PRESSES
    assert Task.objects.count() == wire.count("generate") == 1
    assert sorted(answer.status_code for answer in answers) == [302] + [422] * 19
