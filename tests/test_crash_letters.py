"""The crash table, in process: what dies at a letter is repaired, and never sent a second time.

A crash is a BaseException at the letter; what follows is another process, on a clock that moves on.
The same with kill -9 of real processes is the crash run.
"""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from midsync_portal import reconcile, submission
from midsync_portal.callback_urls import callback_url
from midsync_portal.models import Task
from midsync_portal.models.status import FINAL, Status
from midsync_portal.reconcile import reconcile_due_task
from midsync_portal.submission import sending
from tests.wire import ACCEPTED, response

pytestmark = pytest.mark.django_db

BODY = {"model": "kling-2.5-turbo", "prompt": "a red fox", "duration": 5}
READY = '{"taskId": "ms-1", "status": "completed", "output": "https://cdn.example.com/a.mp4"}'


class Crash(BaseException):
    """The process dies here."""


@pytest.fixture
def clock(monkeypatch):
    """Moves the portal's clock on, the database's with it."""

    class Clock:
        ahead = timedelta()

        def advance(self, **how):
            self.ahead += timedelta(**how)

    clock, now = Clock(), timezone.now
    monkeypatch.setattr(timezone, "now", lambda: now() + clock.ahead)
    for room in (sending, reconcile):
        monkeypatch.setattr(room, "Now", timezone.now)
    return clock


@pytest.fixture
def press(ana, wire, settings):
    """Ana presses Generate; the same form again is the same key."""
    settings.MIDSYNC_KEY_EXCLUSIVE = True
    customer, key = ana.customers.get(), uuid4()
    submission.quote_for(customer, BODY)

    def press():
        task = submission.submit(customer=customer, ordered_by=ana, body=BODY, submit_key=key)
        submission.send(task.pk)
        return task

    return press


@pytest.fixture
def charges(wire):
    """The numbers under which MidSync has charged; the usage logs tell the truth about them."""
    charged = []

    def generate(request):
        charged.append(timezone.now())
        return response(request, 200, ACCEPTED)

    def logs(request):
        rows = [
            {
                "id": f"log-{n}",
                "model": BODY["model"],
                "pointsCharged": 35,
                "createdAt": at.isoformat(),
            }
            for n, at in enumerate(charged)
        ]
        page = {"page": 1, "limit": 100, "total": len(rows)}
        return response(request, 200, {"logs": rows, "pagination": page})

    wire.answers |= {"generate": generate, "logs": logs}
    wire.answers["status"] = {"taskId": "ms-1", "status": "processing"}
    return charged


def dies_at(letter, monkeypatch, wire):
    """Let the next process die at this letter."""
    if letter in "ACG":
        record, kind = Task.record, {"A": "created", "C": "sent", "G": "move"}[letter]

        def dying(task, done, source, **fields):
            event = record(task, done, source, **fields)
            if done == kind:
                raise Crash(letter)
            return event

        monkeypatch.setattr(Task, "record", dying)
    elif letter in "DE":
        generate = wire.answers["generate"]

        def taken(request):
            if letter == "E":
                generate(request)
            raise Crash(letter)

        wire.answers["generate"] = taken
    else:
        name = {"B": "send", "F": "_persist", "after G": "_persist"}[letter]
        where = submission if letter == "B" else sending
        really = sending._persist

        def instead(settle):
            if letter == "after G":
                really(settle)
            raise Crash(letter)

        monkeypatch.setattr(where, name, instead)


def work(clock):
    """The worker, looking at what is due for the next hour."""
    for _ in range(40):
        clock.advance(seconds=90)
        for task in Task.objects.due(timezone.now()):
            reconcile_due_task(task)


@pytest.mark.parametrize(
    ("letter", "left"),
    [
        ("A", None),
        ("B", "unsent"),
        ("C", "unsent"),
        ("D", "marked"),
        ("E", "marked"),
        ("F", "marked"),
        ("G", "marked"),
        ("after G", Status.QUEUED),
    ],
)
@pytest.mark.parametrize("again", [False, True], ids=["gone", "form-again"])
def test_promise_02_whatever_dies_at_a_letter_at_most_one_generate_charges(
    press, charges, wire, clock, monkeypatch, letter, left, again
):
    with monkeypatch.context() as patched:
        answers = dict(wire.answers)
        dies_at(letter, patched, wire)
        with pytest.raises(Crash, match=letter):
            press()
        wire.answers |= answers
    task = Task.objects.first()
    if left is None:
        assert task is None
    elif left == "unsent":
        assert task.waits_unsent
    elif left == "marked":
        assert (task.status, bool(task.sent_at)) == (Status.SUBMITTING, True)
    else:
        assert task.status == left
    reached = wire.count("generate")
    if again:
        press()
    work(clock)
    assert wire.count("generate") <= 1
    assert len(charges) <= 1
    if left is None and not again:
        assert not Task.objects.exists()
        return
    task = Task.objects.get()
    if left in (None, "unsent", Status.QUEUED):
        assert task.midsync_task_id == "ms-1"
    elif letter == "D":
        assert (task.status, task.failure_code) == (Status.REJECTED, "no_charge_found")
    else:
        assert task.status == Status.UNCONFIRMED
        assert "no other task explains" in task.needs_review
    assert wire.count("generate") == max(reached, 1)


@pytest.mark.parametrize("letter", ["D", "E", "F", "G"])
@pytest.mark.parametrize("when", ["at once", "after the lease", "after an hour"])
def test_promise_02_a_callback_settles_what_died_marked_whenever_it_comes(
    press, charges, wire, clock, monkeypatch, client, letter, when
):
    with monkeypatch.context() as patched:
        dies_at(letter, patched, wire)
        with pytest.raises(Crash, match=letter):
            press()
    match when:
        case "after the lease":
            clock.advance(seconds=130)
            reconcile_due_task(Task.objects.get())
        case "after an hour":
            work(clock)
    task = Task.objects.get()
    path = callback_url(task.public_id).removeprefix("http://127.0.0.1:8000")
    assert client.post(path, READY, content_type="application/json").status_code == 200
    task.refresh_from_db()
    assert (task.status, task.midsync_task_id) == (Status.SUCCEEDED, "ms-1")
    work(clock)
    task.refresh_from_db()
    assert task.status in FINAL
    assert wire.count("generate") == 1
