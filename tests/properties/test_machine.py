"""Everything that can happen to tasks, in any order hypothesis can think of.

Customers order, senders die at every letter of the crash table, MidSync answers well, badly or not
at all, calls back before, after, wrongly and for others; the worker and support do their part, and
the clock jumps. After each step the invariants hold; in the end everything is settled or in
support's list. `PROPERTIES=long pytest tests/properties` tries more (see conftest.py).
"""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from midsync_portal import gate, reconcile, submission, support
from midsync_portal.callback_urls import callback_url
from midsync_portal.callbacks import process_due_delivery, replay
from midsync_portal.models import CallbackDelivery, Task, TaskEvent
from midsync_portal.models.status import FINAL, Status
from midsync_portal.reconcile import reconcile_due_task, reconcile_task
from midsync_portal.submission import sending

from . import invariants
from .world import ANSWERS, Crash, World

pytestmark = pytest.mark.django_db

TASKS_MAX = 3
REASON = "ticket 4711"
MESSAGES = ["submitted", "processing", "completed", "completed-no-link", "failed", "canceled"]
MESSAGES += ["marinating", "", "not json", "nothing", "challenge"]
NAMED = ["own", "provider", "none", "another"]
VERBS = ["ask", "replay", "no_charge_found", "give_up", "link", "review_done"]
JUMPS = [1, 15, 70, 130, 700, 1000, 3600, 80_000]
messages = st.tuples(st.sampled_from(MESSAGES), st.sampled_from(NAMED))
which = st.integers(0, TASKS_MAX - 1)


@pytest.fixture
def portal(ana, sam, wire, settings, monkeypatch):
    """What a machine needs: people, the wire, and a clock that only the machine moves."""
    settings.SUBMIT_RATE = 1000

    class Portal:
        pass

    portal = Portal()
    portal.ana, portal.sam, portal.wire = ana, sam, wire
    portal.settings, portal.monkeypatch = settings, monkeypatch
    portal.began = timezone.now()
    return portal


def machine_of(portal):
    """The machine, with the portal of this test in it."""

    class Tasks(RuleBasedStateMachine):
        """Customers, MidSync, the worker and support, one step at a time."""

        def __init__(self):
            super().__init__()
            self.undone = transaction.atomic()
            self.undone.__enter__()
            self.world = World(portal.wire, portal.began)
            self.customer = portal.ana.customers.get()
            self.browser = Client()
            self.looked_at = set()
            self.forms = []
            portal.monkeypatch.setattr(timezone, "now", self.world.now)
            for room in (sending, reconcile):
                portal.monkeypatch.setattr(room, "Now", self.world.now)
            self.before = invariants.snapshot()

        def teardown(self):
            try:
                self.settle()
            finally:
                transaction.set_rollback(True)
                self.undone.__exit__(None, None, None)

        @initialize(exclusive=st.booleans(), confirm=st.booleans())
        def configure(self, exclusive, confirm):
            portal.settings.MIDSYNC_KEY_EXCLUSIVE = exclusive
            portal.settings.MIDSYNC_CONFIRM_CALLBACKS = confirm
            self.order(again=False, dies=False)

        # --- customers and senders

        def tasks(self):
            return list(Task.objects.order_by("pk"))

        def task(self, number):
            tasks = self.tasks()
            return tasks[number % len(tasks)]

        @rule(again=st.booleans(), dies=st.sampled_from([False, False, True]))
        def order(self, again, dies):
            is_new = not (again and self.forms)
            if is_new:
                if len(self.tasks()) >= TASKS_MAX or gate.is_paused():
                    return
                self.forms.append((uuid4(), f"a red fox, number {len(self.forms)}"))
            key, prompt = self.forms[-1]
            body = {"model": "kling-2.5-turbo", "prompt": prompt, "duration": 5}
            submission.quote_for(self.customer, body)
            try:
                with self.dying("A" if dies else ""):
                    submission.submit(
                        customer=self.customer, ordered_by=portal.ana, body=body, submit_key=key
                    )
            except submission.OrderingPaused:
                pass
            made = Task.objects.filter(submit_key=key)
            assert made.count() <= 1
            if is_new:  # defaults of columns hold the real clock
                made.update(created_at=timezone.now())

        @precondition(lambda self: Task.objects.exists())
        @rule(
            number=which,
            answer=st.sampled_from(ANSWERS),
            crash=st.sampled_from(["", "", "", "C", "D", "E", "F", "G"]),
            early=st.lists(messages, max_size=2),
            lapses=st.sampled_from([False, False, True]),
        )
        def send(self, number, answer, crash, early, lapses):
            task = self.task(number)
            self.world.answer = answer

            def meanwhile():
                for message, named in early:
                    self.call_back(task, message, named)
                if lapses:
                    self.world.ahead += timedelta(seconds=130)
                    reconcile_due_task(Task.objects.get(pk=task.pk))

            self.world.before_answer = meanwhile
            with self.dying(crash):
                submission.send(task.pk)
            self.world.before_answer = None
            event(f"sent: {answer}")

        def dying(self, letter):
            """The process that runs the block dies at this letter, if it comes there."""
            world, patch = self.world, portal.monkeypatch

            class Dying:
                def __enter__(dying):
                    world.crash_at = letter
                    dying.patch = patch.context()
                    patched = dying.patch.__enter__()
                    record = Task.record
                    kinds = {"A": ["created"], "C": ["sent"], "G": ["move", "unsent"]}

                    def dies(task, kind, source, **fields):
                        made = record(task, kind, source, **fields)
                        of_us = letter != "G" or source == "answer"
                        if kind in kinds.get(letter, ()) and of_us:
                            raise Crash(letter)
                        return made

                    def never(settle):
                        raise Crash("F")

                    patched.setattr(Task, "record", dies)
                    if letter == "F":
                        patched.setattr(sending, "_persist", never)

                def __exit__(dying, kind, crash, trace):
                    world.crash_at = ""
                    dying.patch.__exit__(None, None, None)
                    if kind is Crash:
                        event(f"died at {letter}")
                    return kind is Crash

            return Dying()

        # --- MidSync

        def call_back(self, task, message, named):
            charge = self.world.charge_of(str(task.public_id))
            ids = charge.ids if charge else ("ms-unknown", "pv-unknown")
            others = [one for one in self.world.ledger if one is not charge]
            if named == "another" and not others:
                named = "none"
            body = {
                "own": {"taskId": ids[0]},
                "provider": {"taskId": ids[1]},
                "none": {},
                "another": {"taskId": others[0].ids[0]} if others else {},
            }[named]
            if named in ("own", "provider") and not charge:
                body = {}
            match message:
                case "" | "not json":
                    raw = message
                case "challenge":
                    raw = '{"challenge": "abc"}'
                case "nothing":
                    raw = json.dumps(body)
                case _:
                    word = message.removesuffix("-no-link")
                    body = body | {"status": word}
                    if message == "completed":
                        body["output"] = f"https://cdn.example.com/{task.pk}.mp4"
                    if charge and named != "another":
                        charge.word = word if word != "marinating" else charge.word
                    raw = json.dumps(body)
            path = callback_url(task.public_id).removeprefix("http://127.0.0.1:8000")
            answer = self.browser.post(path, raw, content_type="application/json")
            assert answer.status_code == 200
            assert CallbackDelivery.objects.filter(task=task).exists()

        @precondition(lambda self: Task.objects.exists())
        @rule(number=which, message=messages)
        def callback(self, number, message):
            self.call_back(self.task(number), *message)

        @precondition(lambda self: self.world.ledger)
        @rule(number=which, word=st.sampled_from(["processing", "completed", "failed"]))
        def midsync_goes_on(self, number, word):
            charge = self.world.ledger[number % len(self.world.ledger)]
            if charge.word not in ("completed", "failed", "canceled"):
                charge.word = word

        # --- the clock and the worker

        @rule(seconds=st.sampled_from(JUMPS))
        def time_goes_by(self, seconds):
            self.world.ahead += timedelta(seconds=seconds)

        @rule(answer=st.sampled_from(ANSWERS), crash=st.sampled_from(["", "", "D", "E", "F", "G"]))
        def worker_looks(self, answer, crash):
            self.world.answer = answer
            now = timezone.now()
            for delivery in CallbackDelivery.objects.open().filter(next_try_at__lte=now):
                process_due_delivery(delivery)
            for task in Task.objects.due(now):
                with self.dying(crash):
                    reconcile_due_task(task)

        # --- support

        @precondition(lambda self: Task.objects.exists())
        @rule(number=which, verb=st.sampled_from(VERBS), twice=st.booleans())
        def support_helps(self, number, verb, twice):
            task = self.task(number)
            charge = self.world.charge_of(str(task.public_id))
            if verb == "no_charge_found" and charge:
                return  # support has looked, and there is one
            if verb == "review_done" and task.needs_review:
                self.looked_at.add(str(task.public_id))
            for _ in range(1 + twice):
                sent = portal.wire.count("generate")
                self.press(verb, task, charge)
                assert portal.wire.count("generate") == sent

        def press(self, verb, task, charge):
            match verb:
                case "ask":
                    reconcile_task(task, actor=portal.sam, reason=REASON)
                case "replay":
                    for delivery in task.deliveries.all():
                        replay(delivery, portal.sam, REASON)
                        seen = invariants.snapshot()[task.pk] | {"events": 0}
                        replay(delivery, portal.sam, REASON)
                        assert invariants.snapshot()[task.pk] | {"events": 0} == seen
                case "link":
                    number = charge.ids[0] if charge else "ms-unknown"
                    support.link_to_midsync(task, portal.sam, REASON, number)
                case _:
                    getattr(support, verb)(task, portal.sam, REASON)

        @rule()
        def operator_resumes(self):
            gate.resume()

        # --- what always holds

        @invariant()
        def promises_hold(self):
            now = invariants.snapshot()
            invariants.nothing_is_charged_twice(self.world)
            invariants.every_charge_is_explained(self.world, self.looked_at, sending=True)
            invariants.ranks_only_rise(self.before, now)
            invariants.every_change_has_its_event(self.before, now)
            invariants.the_history_tells_how_it_came(self.tasks())
            self.before = now

        def settle(self):
            """MidSync is well again, and four days go by."""
            gate.resume()
            self.world.answer = "accept"
            for charge in self.world.ledger:
                if charge.word not in ("completed", "failed", "canceled"):
                    charge.word = "completed"
            for seconds in [150] * 4 + [900] * 4 + [7200] * 6 + [40_000] * 9:
                self.world.ahead += timedelta(seconds=seconds)
                self.worker_looks("accept", "")
            self.promises_hold()
            invariants.every_charge_is_explained(self.world, self.looked_at, sending=False)
            for task in self.tasks():
                event(f"ends {task.status}")
                assert task.status in FINAL or (
                    task.status == Status.UNCONFIRMED
                    and (task.needs_review or str(task.public_id) in self.looked_at)
                ), vars(task)
            assert not CallbackDelivery.objects.open().exists()
            assert not TaskEvent.objects.filter(kind="move", reason="", source="support").exists()

    return Tasks


def test_promises_02_03_05_16_hold_whatever_happens_in_whatever_order(portal):
    run_state_machine_as_test(machine_of(portal))
