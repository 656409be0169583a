"""Promise 15 at every page that reads its query string: 4,000 of them, 0 answers of 5xx."""

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from midsync_portal.live.stream import BadQuery, read_query
from midsync_portal.models import Task

from . import hostile
from .batches import QUERIES, Answers, batches, many

pytestmark = pytest.mark.django_db

PAGES = {
    "/": ["model", "from"],
    "/tasks/": ["before"],
    "/accounts/login/": ["next"],
    "/admin/midsync_portal/task/": ["q", "list", "o", "p", "status__exact", "video_model", "all"],
    "/admin/midsync_portal/callbackdelivery/": ["q", "state", "o", "p", "e"],
    "/admin/midsync_portal/taskevent/": ["kind__exact", "source__exact", "o", "p"],
    "/admin/midsync_portal/user/": ["q", "is_staff__exact", "o", "p", "_popup", "_to_field"],
}


@pytest.mark.parametrize("page", PAGES)
def test_promise_15_no_query_string_makes_a_5xx(ana, sam, make_task, page):
    browser, answers = Client(), Answers()
    if page != "/accounts/login/":
        browser.force_login(sam if page.startswith("/admin/") else ana)
    make_task()

    @batches(QUERIES / len(PAGES))
    @given(many(hostile.pairs(PAGES[page]) | hostile.raw_queries))
    def get(batch):
        for query in batch:
            answers.take(browser.get(page, QUERY_STRING=query))
        # A page without a query would leave the test's transaction idle too long for PostgreSQL.
        assert Task.objects.count() == 1

    get()
    assert answers.count >= QUERIES / len(PAGES)


def test_promise_15_the_query_of_a_stream_is_read_or_refused():
    read = []

    @batches(2000)
    @given(many(hostile.pairs(["rows", "detail", "list", "lang"]) | st.binary(max_size=60)))
    def ask(batch):
        for query in batch:
            try:
                read.append(read_query(query if isinstance(query, bytes) else query.encode()))
            except BadQuery:
                read.append(None)

    ask()
    assert len(read) >= 2000
