"""Accounts: log in by e-mail, closed sign-up, limits, sessions that end, teams."""

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from midsync_portal.models import Membership, User
from midsync_portal.people import choose_customer
from tests.conftest import PASSWORD, make_customer
from tests.pages import Page

pytestmark = pytest.mark.django_db

LOGIN = reverse("account_login")
STUDIO = reverse("task-new")


def log_in(client, email, password=PASSWORD, **extra):
    """Send the log-in form."""
    return client.post(LOGIN, {"login": email, "password": password}, **extra)


@pytest.mark.parametrize(
    "spelling", ["ana@alder.example", "ANA@Alder.Example", " ana@alder.example "]
)
def test_one_logs_in_by_e_mail_in_any_case(client, ana, spelling):
    answer = log_in(client, spelling)
    assert (answer.status_code, answer["Location"]) == (302, STUDIO)
    assert client.get(STUDIO).status_code == 200


def test_two_accounts_cannot_differ_by_case_alone(ana):
    from django.db import IntegrityError, transaction

    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(email="ANA@alder.example")


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(client, ana):
    wrong = log_in(client, ana.email, "wrong")
    unknown = log_in(client, "nobody@alder.example", "wrong")
    assert wrong.status_code == unknown.status_code == 200
    assert wrong.context["form"].errors == unknown.context["form"].errors


def test_five_failures_close_an_account_for_five_minutes(client, ana):
    for _ in range(5):
        log_in(client, ana.email, "wrong")
    assert log_in(client, ana.email).status_code == 200
    assert "_auth_user_id" not in client.session


def test_a_made_up_forwarded_address_does_not_help_guessing(client, ana):
    for guess in range(12):
        log_in(client, f"x{guess}@alder.example", "wrong", HTTP_X_FORWARDED_FOR=f"10.0.0.{guess}")
    assert log_in(client, ana.email, HTTP_X_FORWARDED_FOR="10.9.9.9").status_code in (200, 429)
    assert "_auth_user_id" not in client.session


def test_nobody_signs_up_by_themselves(client):
    sign_up = reverse("account_signup")
    client.post(sign_up, {"email": "new@alder.example", "password1": "a long enough password"})
    assert not User.objects.filter(email="new@alder.example").exists()


def test_a_password_is_reset_by_mail(client, ana):
    answer = client.post(reverse("account_reset_password"), {"email": ana.email})
    assert answer.status_code == 302
    assert mail.outbox[0].to == [ana.email]
    assert "/accounts/password/reset/key/" in mail.outbox[0].body


def test_logging_out_takes_a_post_and_ends_the_session(client, ana):
    client.force_login(ana)
    client.get(reverse("account_logout"))
    assert client.get(STUDIO).status_code == 200
    client.post(reverse("account_logout"))
    assert client.get(STUDIO).status_code == 302


def test_a_foreign_next_is_not_followed(client, ana):
    for target in ("https://evil.example/", "//evil.example", "javascript:alert(1)"):
        answer = client.post(f"{LOGIN}?next={target}", {"login": ana.email, "password": PASSWORD})
        assert "evil" not in answer.get("Location", "")
        client.logout()


def test_htmx_without_a_session_is_sent_to_log_in_and_back_to_its_page(client, ana):
    answer = client.post(
        reverse("task-quote"),
        headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/?model=runway"},
    )
    assert answer["HX-Redirect"] == f"{LOGIN}?next=/%3Fmodel%3Drunway"
    assert answer.content == b""
    answer = client.post(
        reverse("task-quote"),
        headers={"HX-Request": "true", "HX-Current-URL": "https://evil.example/"},
    )
    assert answer["HX-Redirect"] == f"{LOGIN}?next=/"


def age_session(client, **ages):
    """Let the session have begun, or been seen last, so many seconds ago."""
    session = client.session
    for name, seconds in ages.items():
        session[name] = int(time.time()) - seconds
    session.save()


@pytest.mark.parametrize(
    ("who", "idle", "longest"), [("ana", 7 * 86400, 30 * 86400), ("sam", 30 * 60, 12 * 3600)]
)
def test_sessions_end_when_idle_or_old_and_sooner_for_staff(client, request, who, idle, longest):
    user = request.getfixturevalue(who)
    page = STUDIO if who == "ana" else reverse("admin:index")
    for began_at, seen_at, stays in (
        (longest - 60, 30, True),
        (longest + 60, 30, False),
        (idle - 60, idle - 60, True),
        (idle + 60, idle + 60, False),
    ):
        client.force_login(user)
        client.get(page)
        age_session(client, began_at=began_at, seen_at=seen_at)
        assert (client.get(page).status_code == 200) is stays, (began_at, seen_at)
        client.logout()


def test_a_page_that_follows_by_itself_keeps_no_session_alive(client, sam):
    client.force_login(sam)
    page = reverse("admin:midsync_portal_task_changelist")
    client.get(page)
    age_session(client, seen_at=20 * 60)
    seen_at = client.session["seen_at"]
    assert client.get(page, headers={"X-Follows": "1"}).status_code == 200
    assert client.session["seen_at"] == seen_at
    client.get(page)
    assert client.session["seen_at"] > seen_at


def test_the_active_team_is_the_chosen_one_and_only_ones_own_can_be_chosen(client, ana, ben):
    own, other = ana.customers.get(), ben.customers.get()
    second = make_customer("Second", ana)
    assert choose_customer(ana, None)[0] == own
    assert choose_customer(ana, second.pk)[0] == second
    assert choose_customer(ana, other.pk)[0] == own
    client.force_login(ana)
    client.post(reverse("customer-switch"), {"customer": second.pk})
    assert client.get(STUDIO).wsgi_request.customer == second
    client.post(reverse("customer-switch"), {"customer": other.pk})
    assert client.get(STUDIO).wsgi_request.customer == second
    Membership.objects.filter(customer=second).delete()
    assert client.get(STUDIO).wsgi_request.customer == own


def test_pages_are_private_and_guarded(client, ana):
    client.force_login(ana)
    for page in (STUDIO, reverse("task-list"), LOGIN, "/no-such-page/", reverse("admin:index")):
        answer = client.get(page)
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "no-store" in answer["Cache-Control"] or "no-cache" in answer["Cache-Control"]
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "camera=()" in answer["Permissions-Policy"]


def test_only_the_studio_may_load_pictures_from_elsewhere(client, ana):
    client.force_login(ana)

    def images(page):
        policy = client.get(page)["Content-Security-Policy"]
        return next(part for part in policy.split(";") if part.strip().startswith("img-src"))

    assert "https:" in images(STUDIO)
    assert "https:" not in images(reverse("task-list"))


def change_address(client, user, email):
    """Send the admin's form of a person with another address."""
    page = reverse("admin:midsync_portal_user_change", args=[user.pk])
    inline = {f"memberships-{name}_FORMS": "0" for name in ("TOTAL", "INITIAL")}
    rights = {
        name: "on" for name in ("is_active", "is_staff", "is_superuser") if getattr(user, name)
    }
    return client.post(page, {"email": email, "name": user.name, **rights, **inline})


def test_a_changed_address_is_the_one_to_log_in_by(client, ana, sam):
    client.force_login(sam)
    answer = change_address(client, ana, "Ann@Alder.example")
    assert answer.status_code == 302, answer.context["errors"]
    client.logout()
    assert log_in(client, "ana@alder.example").status_code == 200
    assert log_in(client, "ann@alder.example")["Location"] == STUDIO
    mail.outbox.clear()
    for address in ("ana@alder.example", "ann@alder.example"):
        client.post(reverse("account_reset_password"), {"email": address})
    assert [one.to for one in mail.outbox if "/password/reset/key/" in one.body] == [
        ["ann@alder.example"]
    ]


def test_a_changed_address_ends_the_sessions_of_its_person_and_of_nobody_else(
    client, ana, ben, sam
):
    here, there, bens = Client(), Client(), Client()
    for browser, user in ((here, ana), (there, ana), (bens, ben), (client, sam)):
        browser.force_login(user)
    change_address(client, ana, "ann@alder.example")
    assert [browser.get(STUDIO).status_code for browser in (here, there, bens)] == [302, 302, 200]
    change_address(client, sam, "samuel@support.example")
    assert client.get(reverse("admin:index")).status_code == 200  # who does it stays


@pytest.mark.parametrize("is_verified", [True, False])
def test_an_address_that_another_account_has_is_refused(client, ana, ben, sam, is_verified):
    EmailAddress.objects.create(user=ben, email="second@birch.example", verified=is_verified)
    client.force_login(sam)
    for taken in ("Second@Birch.example", ben.email.upper()):
        answer = change_address(client, ana, taken)
        assert answer.status_code == 200
        assert answer.context["adminform"].errors["email"]
    ana.refresh_from_db()
    assert ana.email == "ana@alder.example"
    assert ana.emailaddress_set.get().email == "ana@alder.example"


def test_a_flood_of_other_counts_does_not_end_a_lock(client, ana):
    for _ in range(5):
        log_in(client, ana.email, "wrong")
    cache.set_many({f"another-{number}": 1 for number in range(1000)})
    cache.set("one-more", 1)  # a write is what makes room
    assert "Too many" in log_in(client, ana.email).content.decode()


# --- ways back ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/team/", "/parameters/", "/quote/"])
def test_what_only_posts_can_do_leads_to_the_studio_when_it_is_visited(client, ana, path):
    client.force_login(ana)
    assert client.get(path)["Location"] == STUDIO
    assert client.head(path)["Location"] == STUDIO
    assert client.put(path).status_code == 405


@pytest.mark.parametrize(
    ("page", "back"),
    [
        ("http://testserver/tasks/?status=failed", "/tasks/?status=failed"),
        ("https://elsewhere.example/tasks/", STUDIO),
        ("", STUDIO),
    ],
)
def test_after_an_expired_log_in_one_comes_back_to_the_page_that_posted(client, db, page, back):
    answer = client.post("/team/", {"customer": "1"}, headers={"Referer": page})
    assert parse_qs(urlsplit(answer["Location"]).query) == {"next": [back]}


def test_another_language_is_spoken_on_the_page_as_it_is_now(client, ana):
    client.force_login(ana)
    form = Page(client.get(STUDIO, {"model": "runway"}))
    assert not [one for one in form.elements if one.get("name") == "next"]
    now = "http://testserver/tasks/?q=fox"  # where scripts have led the page
    answer = client.post(reverse("language"), {"language": "ja"}, headers={"Referer": now})
    assert answer["Location"] == now
