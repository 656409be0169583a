"""The second factor: no page of the admin without it, codes that count once, lost ones."""

import re
import time
from io import StringIO

import pytest
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.core.management import CommandError, call_command
from django.urls import reverse

from midsync_portal.demo import SECOND_FACTOR, code_now
from midsync_portal.live.access import NoSuchTask, admit
from tests.conftest import PASSWORD
from tests.pages import Page
from tests.second_factor import set_up

pytestmark = pytest.mark.django_db

ADMIN = reverse("admin:index")
TASKS = reverse("admin:midsync_portal_task_changelist")
LOGIN = reverse("account_login")
GIVE = reverse("mfa_authenticate")
GIVE_AGAIN = reverse("mfa_reauthenticate")
SET_UP = reverse("mfa_activate_totp")


@pytest.fixture
def moment(monkeypatch):
    """The clock by which codes are counted: it stands still in the middle of a step."""

    class Moment:
        now = time.time() // 30 * 30 + 15

    moment = Moment()
    monkeypatch.setattr(time, "time", lambda: moment.now)
    return moment


def log_in(browser, user, then=ADMIN):
    """Send the form with the password."""
    return browser.post(f"{LOGIN}?next={then}", {"login": user.email, "password": PASSWORD})


def test_support_logs_in_by_password_and_code_and_comes_to_the_page(client, tess, moment):
    set_up(tess)
    answer = log_in(client, tess, TASKS)
    assert (answer.status_code, answer["Location"].split("?")[0]) == (302, GIVE)
    assert client.get(TASKS).status_code == 302, "half a log-in opens nothing"
    assert "one-time-code" in client.get(answer["Location"]).content.decode()
    answer = client.post(answer["Location"], {"code": code_now(now=moment.now)})
    assert (answer.status_code, answer["Location"]) == (302, TASKS)
    assert client.get(TASKS).status_code == 200


def test_a_password_alone_opens_no_page_of_the_admin(client, tess, make_task):
    task = make_task()
    client.force_login(tess, second_factor=False)
    pages = [ADMIN, TASKS, reverse("admin:midsync_portal_task_change", args=[task.pk])]
    for page in pages:
        answer = client.get(page, follow=True)
        assert answer.redirect_chain, page
        assert "One more step for support" in answer.content.decode()
        assert str(task.public_id) not in answer.content.decode()
    assert client.post(TASKS, {"action": "give_up"}).status_code == 302


def test_who_has_a_factor_and_has_not_given_it_is_asked_for_it(client, tess, moment):
    set_up(tess)
    client.force_login(tess, second_factor=False)
    answer = client.get(TASKS, follow=True)
    assert answer.redirect_chain[-1][0].startswith(GIVE_AGAIN)
    assert reverse("account_reauthenticate") not in answer.content.decode(), "no password instead"
    answer = client.post(answer.redirect_chain[-1][0], {"code": code_now(now=moment.now)})
    assert answer["Location"] == TASKS
    assert client.get(TASKS).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_support_person_sets_up_an_app_and_is_in(client, tess, moment):
    log_in(client, tess)
    page = client.get(SET_UP)
    if page.status_code == 302:  # the password once more
        page = client.post(page["Location"], {"password": PASSWORD}, follow=True)
    secret = Page(page).text_of("authenticator_secret")
    assert re.search(r'<img [^>]*src="data:image/svg', page.content.decode())
    assert client.get(ADMIN).status_code == 302
    answer = client.post(SET_UP, {"code": "000000"})
    assert answer.status_code == 200
    assert not Authenticator.objects.filter(type="totp").exists()
    with_codes = client.post(SET_UP, {"code": code_now(secret, moment.now)}, follow=True)
    assert len(Page(with_codes).by_id["recovery_codes"]["text"].split()) == 10
    assert client.get(ADMIN).status_code == 200
    stored = Authenticator.objects.get(type="totp").data["secret"]
    assert secret not in stored
    assert get_adapter().decrypt(stored) == secret


def test_a_recovery_code_opens_the_admin_once(client, tess):
    set_up(tess)
    code = RecoveryCodes.activate(tess).get_unused_codes()[0]
    log_in(client, tess)
    assert client.post(GIVE, {"code": code})["Location"] == ADMIN
    assert client.get(ADMIN).status_code == 200
    client.post(reverse("account_logout"))
    log_in(client, tess)
    assert client.post(GIVE, {"code": code}).status_code == 200
    assert client.get(ADMIN).status_code == 302


@pytest.mark.parametrize("later", [0, 31, 44])
def test_a_code_counts_once_for_as_long_as_it_would_be_taken(client, tess, moment, later):
    set_up(tess)
    code = code_now(now=moment.now)
    log_in(client, tess)
    assert client.post(GIVE, {"code": code}).status_code == 302
    client.post(reverse("account_logout"))
    moment.now += later
    log_in(client, tess)
    assert client.post(GIVE, {"code": code}).status_code == 200
    assert client.get(ADMIN).status_code == 302


def test_a_clock_may_be_half_a_minute_off_but_not_two(client, tess, moment):
    set_up(tess)
    log_in(client, tess)
    assert client.post(GIVE, {"code": code_now(now=moment.now - 90)}).status_code == 200
    assert client.post(GIVE, {"code": code_now(now=moment.now - 30)}).status_code == 302


def test_five_wrong_codes_close_the_door_for_the_right_one_in_every_process(client, tess, moment):
    set_up(tess)
    log_in(client, tess)
    wrong = f"{(int(code_now(now=moment.now)) + 500_000) % 1_000_000:06}"
    for _ in range(5):
        assert client.post(GIVE, {"code": wrong}).status_code == 200
    # The count lies in the database's cache, which all processes share.
    assert client.post(GIVE, {"code": code_now(now=moment.now)}).status_code == 200
    assert client.get(ADMIN).status_code == 302


def test_a_session_from_before_the_factor_cannot_add_another(client, tess):
    log_in(client, tess)  # a thief who knows the password
    set_up(tess)
    for name in ("mfa_add_webauthn", "mfa_view_recovery_codes", "mfa_deactivate_totp", "mfa_index"):
        answer = client.get(reverse(name))
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, GIVE_AGAIN), name


def test_a_factor_that_was_removed_opens_nothing_any_more(client, tess):
    client.force_login(tess)
    assert client.get(ADMIN).status_code == 200
    said = StringIO()
    call_command("reset_second_factor", tess.email.upper(), stdout=said)
    assert "removed" in said.getvalue()
    assert "One more step" in client.get(ADMIN, follow=True).content.decode()
    with pytest.raises(CommandError, match="Nobody"):
        call_command("reset_second_factor", "nobody@support.example")


def test_another_persons_factor_in_the_session_does_not_count(client, tess, sam):
    client.force_login(tess)
    client.force_login(sam, second_factor=False)
    session = client.session
    session["account_authentication_methods"] = [{"method": "mfa", "id": set_up(tess).pk}]
    session.save()
    assert client.get(ADMIN).status_code == 302


@pytest.mark.parametrize("records", [None, "mfa", [{}], [{"method": "mfa", "id": "1"}]])
def test_a_session_that_says_something_odd_has_given_nothing(client, tess, records):
    set_up(tess)
    client.force_login(tess, second_factor=False)
    session = client.session
    session["account_authentication_methods"] = records
    session.save()
    assert client.get(ADMIN).status_code == 302


def test_the_live_rows_of_support_need_it_too(client, tess, make_task):
    task = make_task()
    client.force_login(tess, second_factor=False)
    with pytest.raises(NoSuchTask):
        admit(client.session.session_key, [task.public_id], as_support=True)
    client.force_login(tess)
    visitor, _ = admit(client.session.session_key, [task.public_id], as_support=True)
    assert visitor.is_support


def test_a_customer_needs_none_but_is_asked_for_one_that_they_have(client, ana, moment):
    assert log_in(client, ana, "/tasks/")["Location"] == "/tasks/"
    client.post(reverse("account_logout"))
    set_up(ana)
    assert log_in(client, ana, "/tasks/")["Location"].startswith(GIVE)
    assert client.post(GIVE, {"code": code_now(now=moment.now)}).status_code == 302
    assert client.get("/tasks/").status_code == 200
    assert client.get(ADMIN, follow=True).status_code == 403


def test_a_lost_key_of_encryption_locks_out_and_a_new_one_in_front_does_not(settings, tess):
    stored = get_adapter().encrypt(SECOND_FACTOR)
    settings.SECOND_FACTOR_KEYS = ["new", *settings.SECOND_FACTOR_KEYS]
    assert get_adapter().decrypt(stored) == SECOND_FACTOR
    settings.SECOND_FACTOR_KEYS = ["new"]
    assert get_adapter().decrypt(stored) not in ("", SECOND_FACTOR)
    assert get_adapter().decrypt(stored) != get_adapter().decrypt(stored), "nobody can know it"


def test_the_demos_codes_are_those_of_any_authenticator_app():
    # The test vectors of RFC 6238, six of their eight digits.
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    known = {59: "287082", 1111111109: "081804", 1234567890: "005924", 20000000000: "353130"}
    assert {now: code_now(secret, now) for now in known} == known


@pytest.mark.parametrize(
    "name",
    ["mfa_index", "mfa_list_webauthn", "mfa_activate_totp", "mfa_add_webauthn",
     "mfa_deactivate_totp", "mfa_view_recovery_codes", "mfa_generate_recovery_codes"],
)  # fmt: skip
def test_every_page_of_the_second_factor_opens(client, tess, moment, name):
    if name == "mfa_deactivate_totp" or "recovery" in name:
        set_up(tess)
        RecoveryCodes.activate(tess)
    log_in(client, tess)
    if Authenticator.objects.exists():
        client.post(GIVE, {"code": code_now(now=moment.now)})
    page = client.get(reverse(name), follow=True)
    if page.redirect_chain:
        page = client.post(page.redirect_chain[-1][0], {"password": PASSWORD}, follow=True)
    assert page.status_code == 200
    Page(page)  # every element is closed, no id twice
    assert page.request["PATH_INFO"] == reverse(name)
