"""Which language a page speaks: the browser's, until somebody chooses; stored words in each."""

import re

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import translation

from midsync_portal.models import TaskEvent
from midsync_portal.stored_words import ASKED, OURS, UNKNOWN, translated
from midsync_portal.wording import event_text, task_note
from tests.catalogs import ROOT
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("asked", "spoken"),
    [
        ("ja", "ja"),
        ("ja-JP,ja;q=0.9,en;q=0.8", "ja"),
        ("zh-TW,zh;q=0.9", "zh-hant"),
        ("zh-HK", "zh-hant"),
        ("de,en;q=0.5", "en"),
        ("fr", "en"),
    ],
)
def test_the_browser_chooses_first(client, asked, spoken):
    page = client.get(reverse("account_login"), headers={"accept-language": asked})
    assert f'<html lang="{spoken}">' in page.text
    assert "Accept-Language" in page["Vary"]


def test_a_choice_is_kept_for_a_year_and_goes_back_to_the_page(client):
    chosen = client.post(reverse("language"), {"language": "ja", "next": "/tasks/?q=a"})
    assert chosen["Location"] == "/tasks/?q=a"
    cookie = chosen.cookies[settings.LANGUAGE_COOKIE_NAME]
    assert (cookie["max-age"], cookie["httponly"], cookie["samesite"]) == (31_536_000, True, "Lax")
    page = client.get(reverse("account_login"), headers={"accept-language": "en"})
    assert '<html lang="ja">' in page.text


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/"])
def test_a_choice_leads_nowhere_else(client, elsewhere):
    chosen = client.post(reverse("language"), {"language": "ja", "next": elsewhere})
    assert chosen["Location"] == "/"


def test_a_choice_needs_the_token_of_our_own_form():
    assert Client(enforce_csrf_checks=True).post(reverse("language")).status_code == 403


@pytest.mark.parametrize("path", ["/nothing/", "/accounts/login/"])
def test_pages_for_strangers_speak_it_too(ana, client, path):
    if path == "/nothing/":
        client.force_login(ana)
    assert '<html lang="ja">' in client.get(path, headers={"accept-language": "ja"}).text


def test_the_admin_stays_english(sam, client):
    client.force_login(sam)
    page = client.get(reverse("admin:index"), headers={"accept-language": "ja"}, follow=True)
    assert "ログアウト" not in page.text
    assert page.headers.get("Content-Language", "en") == "en"


def test_what_is_stored_is_english_and_shown_in_the_language_of_who_reads(make_task):
    task = make_task()
    event = task.record(
        TaskEvent.Kind.CHECK, "worker", reason="MidSync was asked: in queue → in progress."
    )
    assert event_text(event) == "Asked MidSync: MidSync was asked: in queue → in progress."
    with translation.override("ja"):
        assert "順番待ち → 作成中" in event_text(event)
        assert translated("Whatever MidSync says.") == "Whatever MidSync says."
        assert task_note(task) == "順番を待っています。"
    with translation.override("zh-hant"):
        said = "MidSync could not be reached in time. Nothing was charged."
        assert translated(said) == "未能及時連線到 MidSync。 未扣除任何點數。"


def test_every_sentence_to_translate_is_one_that_is_stored():
    folder = ROOT / "midsync_portal"
    code = "".join(
        path.read_text() for path in folder.rglob("*.py") if path.name != "stored_words.py"
    )
    code = re.sub(r'"\s*\n\s*f?"', "", code)  # long sentences stand on several lines
    assert [text for text in (*OURS, UNKNOWN, ASKED) if text not in code] == []


def test_asking_in_japanese_stores_english(make_task, client, ana):
    task = make_task(midsync_task_id="")
    client.force_login(ana)
    url = reverse("task-check", args=[task.public_id])
    page = client.post(url, headers={"accept-language": "ja"}, follow=True)
    assert "MidSync がまだこのタスクに番号を付けていない" in page.text


def test_the_choice_comes_along_to_another_device(ana):
    phone, desk = Client(), Client()
    phone.force_login(ana)
    phone.post(reverse("language"), {"language": "ja"})
    ana.refresh_from_db()
    assert ana.language == "ja"
    logged_in = desk.post(reverse("account_login"), {"login": ana.email, "password": PASSWORD})
    assert logged_in.cookies[settings.LANGUAGE_COOKIE_NAME].value == "ja"
    assert '<html lang="ja">' in desk.get("/", headers={"accept-language": "en"}).text


def test_a_choice_made_before_the_log_in_counts_from_then_on(ana):
    ana.language = "ja"
    ana.save()
    desk = Client()
    desk.post(reverse("language"), {"language": "zh-hant"})
    desk.post(reverse("account_login"), {"login": ana.email, "password": PASSWORD})
    assert '<html lang="zh-hant">' in desk.get("/").text
    ana.refresh_from_db()
    assert ana.language == "zh-hant"


def test_nobody_can_choose_what_is_not_there(ana, client):
    client.force_login(ana)
    answer = client.post(reverse("language"), {"language": "../ja"})
    assert settings.LANGUAGE_COOKIE_NAME not in answer.cookies
    ana.refresh_from_db()
    assert ana.language == ""
