"""The commands that make people."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from midsync_portal.models import Customer, Task, User
from midsync_portal.models.status import Status

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def password(monkeypatch):
    """The password of the new account."""
    monkeypatch.setenv("PORTAL_PASSWORD", "a long enough password")


def test_add_customer_makes_an_owner_who_can_log_in(client):
    call_command("add_customer", "Ana@Alder.Example", "--name", "Alder Films", stdout=StringIO())
    user = User.objects.get(email="ana@alder.example")
    membership = user.memberships.get()
    assert (membership.customer.name, membership.role) == ("Alder Films", "owner")
    form = {"login": "ana@alder.example", "password": "a long enough password"}
    assert client.post("/accounts/login/", form).status_code == 302
    assert client.get("/").status_code == 200


@pytest.mark.parametrize("email", ["ana@alder.example", "ANA@alder.example"])
def test_an_address_is_taken_once_in_any_case(ana, email):
    with pytest.raises(CommandError, match="has an account already"):
        call_command("add_customer", email, "--name", "Again")
    assert Customer.objects.count() == 1


def test_a_bad_address_is_one_sentence():
    with pytest.raises(CommandError, match="valid email"):
        call_command("add_customer", "not an address", "--name", "X")
    assert not User.objects.exists()


def test_a_weak_password_is_set_and_said(monkeypatch):
    monkeypatch.setenv("PORTAL_PASSWORD", "1234")
    said = StringIO()
    call_command("add_customer", "a@b.example", "--name", "X", stdout=StringIO(), stderr=said)
    assert "weak" in said.getvalue()
    assert User.objects.get().check_password("1234")


def test_a_password_that_is_asked_for_is_asked_for_twice(monkeypatch):
    monkeypatch.delenv("PORTAL_PASSWORD")
    answers = iter(["one and the same", "another one"])
    monkeypatch.setattr("midsync_portal.management.passwords.getpass", lambda _: next(answers))
    with pytest.raises(CommandError, match="differ"):
        call_command("add_customer", "a@b.example", "--name", "X")


def test_add_support_makes_staff_with_the_rights_to_look():
    call_command("add_support", "tess@support.example", "--name", "Tess", stdout=StringIO())
    user = User.objects.get()
    assert user.is_staff
    assert not user.is_superuser
    assert user.has_perm("midsync_portal.view_task")
    assert not user.has_perm("midsync_portal.change_task")


def test_the_people_of_the_demo_are_made_once_and_only_beside_a_simulator(settings):
    for _ in range(2):
        said = StringIO()
        call_command("seed_demo", stdout=said)
        assert "demo@example.com" in said.getvalue()
    assert User.objects.count() == 3
    settings.MIDSYNC_IS_SIMULATED = False
    with pytest.raises(CommandError, match="simulator only"):
        call_command("seed_demo")


@pytest.mark.django_db(transaction=True)
def test_promise_02_after_a_restore_nothing_is_sent_that_may_have_been_sent_since(make_task, wire):
    unsent = make_task(status=Status.SUBMITTING, sent_at=None, next_check_at=timezone.now())
    queued = make_task()
    out = StringIO()
    call_command("after_restore", stdout=out)
    assert out.getvalue().startswith("1 unsent")
    unsent.refresh_from_db()
    assert unsent.status == Status.UNCONFIRMED
    assert unsent.needs_review.startswith("a backup was restored")
    Task.objects.update(next_check_at=timezone.now())
    call_command("worker", "--once")
    assert wire.count("generate") == 0
    queued.refresh_from_db()
    assert not queued.needs_review
    call_command("after_restore", stdout=out)
    assert "0 unsent" in out.getvalue()
