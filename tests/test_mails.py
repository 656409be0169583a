"""Who asked for it hears of the end of a task by e-mail, at most once."""

import smtplib

import pytest
from django.core import mail
from django.core.mail.backends import locmem
from django.urls import reverse

from midsync_portal.mails import send_end_mail
from midsync_portal.models import EndMail, User
from midsync_portal.models.status import Status
from tests.pages import Page

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def eager(ana):
    """Ana, who wants an e-mail."""
    User.objects.update(tells_by_email=True)
    return ana


def ready(task):
    """The task ends well."""
    assert task.move_to(Status.SUCCEEDED, "test", source_url="https://e.com/v.mp4")


def let_work(worker):
    """One look of the worker at the tables, and its end."""
    worker.look()
    worker.wait()


def test_the_end_is_told_once_with_what_it_cost_and_where_to_look(eager, make_task, worker):
    task = make_task(prompt="paper\nboats", points_quoted=35, points_charged=35)
    ready(task)
    let_work(worker)
    let_work(worker)
    (told,) = mail.outbox
    assert told.to == [eager.email]
    assert told.subject == "Ready: Kling 2.5 Turbo, paper boats"
    assert "Quoted 35 · Charged 35" in told.body
    assert reverse("task-detail", args=[task.public_id]) in told.body


def test_a_failure_that_is_lifted_is_told_once(eager, make_task, worker):
    task = make_task()
    task.move_to(Status.FAILED, "test", failure_code="x", failure_message="too dark")
    let_work(worker)
    ready(task)
    let_work(worker)
    (told,) = mail.outbox
    assert "too dark" in told.body


def test_it_is_told_in_the_language_of_the_page_on_which_it_was_asked_for(
    client, ana, make_task, worker
):
    client.force_login(ana)
    client.post(reverse("notices"), {"email": "on"}, headers={"accept-language": "ja"})
    ready(make_task())
    let_work(worker)
    assert mail.outbox[0].subject.startswith("完成")


def test_nobody_is_told_who_has_not_asked_for_it(ana, make_task, worker):
    ready(make_task())
    let_work(worker)
    assert not EndMail.objects.exists()
    assert not mail.outbox


def test_who_turns_it_off_in_time_is_not_told(eager, make_task, worker):
    ready(make_task())
    User.objects.update(tells_by_email=False)
    let_work(worker)
    assert not mail.outbox


def test_a_worker_that_dies_with_a_mail_in_hand_sends_none_twice(eager, make_task, worker):
    ready(make_task())
    due = EndMail.objects.get()
    EndMail.objects.update(sent_at=due.due_at)  # taken, and then killed
    assert not send_end_mail(due)
    let_work(worker)
    assert not mail.outbox


def test_a_mail_server_that_is_not_reached_is_tried_again_for_an_hour(
    eager, make_task, worker, clock, monkeypatch
):
    def away(self):
        raise ConnectionRefusedError

    monkeypatch.setattr(locmem.EmailBackend, "open", away)
    ready(make_task())
    let_work(worker)
    assert EndMail.objects.get().sent_at is None
    monkeypatch.setattr(locmem.EmailBackend, "open", lambda self: None)
    let_work(worker)
    assert not mail.outbox  # not before a minute is over
    clock.advance(seconds=61)
    let_work(worker)
    assert len(mail.outbox) == 1


def test_a_mail_that_may_have_gone_out_is_not_sent_again(eager, make_task, worker, monkeypatch):
    def breaks(self, messages):
        raise smtplib.SMTPServerDisconnected("after the data")

    monkeypatch.setattr(locmem.EmailBackend, "send_messages", breaks)
    ready(make_task())
    let_work(worker)
    monkeypatch.setattr(locmem.EmailBackend, "send_messages", lambda self, m: mail.outbox.append(m))
    let_work(worker)
    assert not mail.outbox


# --- the page of choices -------------------------------------------------------------------------


def test_the_mail_is_off_until_turned_on_and_can_be_turned_off(client, ana, ben):
    client.force_login(ana)
    assert not ana.tells_by_email
    for wanted in ("on", "odd", "off"):
        answer = client.post(reverse("notices"), {"email": wanted}, follow=True)
        offered = [one.get("value") for one in Page(answer).elements if one.get("name") == "email"]
        assert offered == ["on" if wanted == "off" else "off"]
        ana.refresh_from_db()
        assert ana.tells_by_email is (wanted != "off")
        ben.refresh_from_db()
        assert not ben.tells_by_email
