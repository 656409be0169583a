"""Support's pages in the admin hear of every task, as long as they may."""

import pytest
from django.contrib.auth.models import Group

from midsync_portal.models import TaskEvent

from .people import browser_of, row, run_on

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def open_support_page(open_page):
    """Opens a page of the admin that shows these tasks."""

    def open_support_page(client, *, tasks=(), new=False):
        return open_page(client, rows=tasks, new=new, kind="support")

    return open_support_page


def mark(task) -> str:
    """What is told of a task as it is now: its number and its newest event."""
    newest = task.events.order_by("pk").last()
    return f"data: {task.public_id} {newest.pk if newest else None}\n\n"


@pytest.mark.parametrize("who", ["tess", "sam"])
def test_support_hears_of_any_customers_task(request, who, make_task, ben, open_support_page):
    task = make_task()
    bens = make_task(customer=ben.customers.first(), ordered_by=ben)
    page = open_support_page(browser_of(request.getfixturevalue(who)), tasks=[task, bens])
    page.wait_for(mark(task), mark(bens))
    run_on(bens)
    came = page.wait_for(mark(bens))
    assert str(task.public_id) not in came
    assert "fox" not in page.text


def test_every_event_is_told_even_if_no_row_looks_different(make_task, tess, open_support_page):
    task = make_task()
    page = open_support_page(browser_of(tess), tasks=[task])
    page.wait_for(mark(task))
    task.record(TaskEvent.Kind.CHECK, "status")
    page.wait_for(mark(task))


def test_a_list_of_support_hears_that_another_task_has_changed(
    make_task, tess, ben, open_support_page
):
    shown = make_task()
    other = make_task(customer=ben.customers.first(), ordered_by=ben)
    page = open_support_page(browser_of(tess), tasks=[shown], new=True)
    page.wait_for(mark(shown))
    run_on(other)
    page.wait_for("data: something\n\n")
    run_on(shown)
    page.wait_for("data: something\n\n", mark(shown))
    assert str(other.public_id) not in page.text


def test_a_page_that_is_no_list_hears_of_its_own_task_only(make_task, tess, open_support_page):
    shown, other = make_task(), make_task()
    page = open_support_page(browser_of(tess), tasks=[shown])
    page.wait_for(mark(shown))
    run_on(other)
    run_on(shown)
    page.wait_for(mark(shown))
    assert "something" not in page.text


def test_only_support_may_ask_as_support(ask, make_task, ana, anas_browser, tess):
    own = make_task()
    for query in (f"support={own.public_id}", "support=&list=1"):
        assert ask(anas_browser, query).status == 404
    Group.objects.all().delete()  # still staff, but without the right to view tasks
    assert ask(browser_of(tess), f"support={own.public_id}").status == 404
    assert ask(browser_of(tess), "support=&list=1").status == 404


def test_a_page_is_a_customers_or_supports(ask, make_task, tess):
    task = make_task().public_id
    for query in (f"support={task}&rows={task}", f"support={task}&detail={task}"):
        assert ask(browser_of(tess), query).status == 400


def test_who_loses_the_rights_of_support_hears_nothing_more(
    loop, site, make_task, tess, ana, open_support_page, open_page
):
    task = make_task()
    customer = task.customer
    customer.memberships.create(user=tess)
    browser = browser_of(tess)
    page = open_support_page(browser, tasks=[task], new=True)
    own = open_page(browser, rows=[task])
    page.wait_for(mark(task))
    own.wait_for(row(task, "queued"))
    tess.groups.clear()
    loop.run(site.hub.beat())
    page.wait_for_end()
    assert page.answer.is_complete
    run_on(task)  # as a member of the team one still hears
    own.wait_for(row(task, "running"))
    assert loop.call(lambda: len(site.hub.audience.overseers)) == 0


def test_who_is_no_staff_any_more_hears_nothing_more(loop, site, make_task, sam, open_support_page):
    page = open_support_page(browser_of(sam), tasks=[make_task()])
    page.wait_for("data: ")
    sam.is_staff = False
    sam.save(update_fields=["is_staff"])
    loop.run(site.hub.beat())
    page.wait_for_end()
