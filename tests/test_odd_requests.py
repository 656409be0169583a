"""Requests that no page of ours makes, at doors that look in the database: never a 5xx.

PostgreSQL refuses what SQLite takes: NUL in a text, a number or a year out of range.
"""

import pytest
from django.test import Client

from midsync_portal.callbacks import inbox
from midsync_portal.callbacks.inbox import apply_delivery
from midsync_portal.callbacks.storing import store

pytestmark = pytest.mark.django_db

ODD = ["%00", "a%00b", "9" * 40, "-1", "%C3%A9" * 300, "%ED%A0%80", "%FF", "'%22%3C%25_%5C", "(*"]
TABLES = ["task", "callbackdelivery", "taskevent", "user", "customer", "quote", "midsyncgate"]
LOOKUPS = [
    *("q", "o", "p", "list", "all", "_changelist_filters"),
    *("id__exact", "pk__in", "created_at__gte", "created_at__year", "received_at__month"),
    *("status__exact", "video_model", "video_model__regex", "email__iregex", "is_staff__exact"),
    *("customer__id__exact", "public_id", "evidence__a", "body__contains", "password__startswith"),
]


def browser_of(user=None) -> Client:
    browser = Client(raise_request_exception=False)
    if user:
        browser.force_login(user)
    return browser


@pytest.mark.parametrize("path", ["/", "/tasks/", "/accounts/login/", "/admin/"])
@pytest.mark.parametrize("key", [r'"aaaaaaaaaaaa\000"', r'"\303\251aaaaaaaaaa"', "a" * 5000, "'--"])
def test_a_session_that_can_be_none_is_no_session(path, key):
    answer = browser_of().get(path, headers={"cookie": f"portal_session={key}"})
    assert answer.status_code == (200 if path == "/accounts/login/" else 302)


@pytest.mark.parametrize("odd", ODD)
def test_no_query_of_a_page_is_a_crash(ana, odd):
    browser = browser_of(ana)
    for query in ("tasks/?before", "?model", "?from", "?again", "accounts/login/?next"):
        assert browser.get(f"/{query}={odd}").status_code < 500


@pytest.mark.django_db(transaction=True)  # as in production, where no transaction is aborted
@pytest.mark.parametrize("odd", ODD)
def test_no_filter_of_the_admin_is_a_crash(sam, make_task, odd):
    make_task()
    browser = browser_of(sam)
    crashed = [
        (table, lookup)
        for table in TABLES
        for lookup in LOOKUPS
        if browser.get(f"/admin/midsync_portal/{table}/?{lookup}={odd}").status_code >= 500
    ]
    assert crashed == []


@pytest.mark.parametrize("odd", ["\x00", "\ud800", "9" * 40])
def test_odd_fields_of_a_form_are_answered(ana, odd):
    browser = browser_of(ana)
    fields = ("model", "prompt", "duration", "submit_key", "quote_key", "customer", "kept-x")
    fields = {name: odd.encode("utf-8", "surrogatepass") for name in fields}
    for path in ("/", "/quote/", "/parameters/", "/team/"):
        assert browser.post(path, fields).status_code < 500
    for path in ("/accounts/login/", "/accounts/password/reset/", "/admin/login/"):
        names = ("login", "password", "email", "username", "next")
        assert browser_of().post(path, dict.fromkeys(names, fields["model"])).status_code < 500


def test_the_reason_of_a_failed_delivery_may_hold_anything(make_task, monkeypatch):
    def fail(delivery, body):
        raise ValueError("NUL: \x00.")

    monkeypatch.setattr(inbox, "_process", fail)
    delivery, _ = store(make_task().public_id, b"{}", {})
    assert apply_delivery(delivery, b"{}", is_repeat=False) == ""
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error) == ("new", "ValueError: NUL: .")
