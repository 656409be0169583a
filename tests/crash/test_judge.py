"""The judge of the crash run sees what it is there to see."""

from decimal import Decimal
from uuid import uuid4

import pytest

from midsync_portal.simulator.store import Generation, Store

from .judge import judge
from .people import Form

BODY = b'{"status": "completed"}'


class Tables:
    """The portal's tables, as the judge asks for them."""

    def __init__(self) -> None:
        self.tasks: list[tuple] = []
        self.deliveries: list[tuple] = []
        self.events: list[tuple] = []

    def rows(self, query):
        """The rows of the one table that a query names."""
        named = {
            "midsync_portal_taskevent": self.events,
            "midsync_portal_callbackdelivery": self.deliveries,
            "midsync_portal_task ": self.tasks,
        }
        return next(rows for table, rows in named.items() if table in query)

    def add(self, order, form, status, midsync_task_id="", needs_review=""):
        """A task whose history is whole."""
        pk = len(self.tasks) + 1
        points = Decimal(35) if midsync_task_id else None
        self.tasks.append(
            (pk, order, form.submit_key, status, midsync_task_id, points, needs_review, False, 1)
        )
        self.events += [
            (pk, "created", "", "submitting"),
            (pk, "sent", "", ""),
            (pk, "move", "submitting", status),
        ]


class Case:
    """One order that went well; a test spoils it."""

    def __init__(self, folder) -> None:
        self.file = folder / "simulator.sqlite3"
        self.store, self.tables = Store(self.file), Tables()
        self.order, self.form = str(uuid4()), Form("a fox", str(uuid4()))
        self.form.answers.append(self.order)
        self.forgotten: set[str] = set()

    def charge(self, order=""):
        """MidSync takes the order and charges for it."""
        order, n = order or self.order, self.store.next_number()
        made = Generation(
            n=n,
            task_id=f"ms-{n}",
            provider_task_id=f"pv-{n}",
            model="runway",
            asked={},
            callback_url=f"http://127.0.0.1/callbacks/{order}/token/",
            points=Decimal(35),
            scenarios=frozenset(),
            dialect="midsync",
            idempotency_key=order,
            status="completed",
            failure_code="",
            failure_message="",
            created_at=0,
            ready_at=1,
            finished_at=1,
        )
        self.store.add(made, Decimal(0))
        return made.task_id

    def call_back(self, task_id):
        """MidSync calls back and is answered 2xx."""
        n = self.store.enqueue(task_id, "completed", 0, BODY)
        self.store.answered(n, "done", "200", 0)

    def verdict(self):
        """What the judge says."""
        forgotten = frozenset(self.forgotten)
        return judge(self.tables, self.file, [self.form], forgotten)

    def broken(self):
        """The promises that it finds broken."""
        return {name for name, problems in vars(self.verdict()).items() if problems}


@pytest.fixture
def case(tmp_path):
    """An order that MidSync has taken once."""
    case = Case(tmp_path)
    case.task_id = case.charge()
    yield case
    case.store.close()


def test_nothing_is_wrong_where_all_went_well(case):
    case.tables.add(case.order, case.form, "succeeded", case.task_id)
    assert case.broken() == set()


def test_a_second_charge_of_one_order_is_seen(case):
    case.tables.add(case.order, case.form, "succeeded", case.task_id)
    case.charge()
    assert "double_charges" in case.broken()


def test_a_charge_of_a_task_that_was_refused_is_silent(case):
    case.tables.add(case.order, case.form, "rejected")
    assert case.broken() == {"silent_charges"}


def test_a_charge_that_support_sees_is_not_silent_but_an_unflagged_one_has_not_settled(case):
    case.tables.add(case.order, case.form, "unconfirmed", needs_review="charged?")
    assert case.broken() == set()
    case.tables.tasks.clear()
    case.tables.add(case.order, case.form, "unconfirmed")
    assert "unsettled" in case.broken()


def test_a_callback_that_was_acknowledged_and_is_not_kept_is_lost(case):
    case.tables.add(case.order, case.form, "succeeded", case.task_id)
    case.call_back(case.task_id)
    assert case.broken() == {"lost_callbacks"}


def test_a_forgotten_charge_is_silent_without_an_orphan(case):
    case.forgotten.add(case.order)
    assert case.broken() == {"silent_charges"}
    case.tables.deliveries.append((case.order, "digest", "kept", None))
    assert case.broken() == set()


def test_a_form_that_made_two_tasks_is_seen(case):
    case.tables.add(case.order, case.form, "succeeded", case.task_id)
    other = str(uuid4())
    case.tables.add(other, case.form, "succeeded", case.charge(other))
    assert case.broken() == {"forms"}


def test_a_status_that_is_not_the_simulators_is_seen(case):
    case.tables.add(case.order, case.form, "failed", case.task_id)
    assert case.broken() == {"statuses"}


def test_a_move_without_an_event_is_seen(case):
    case.tables.add(case.order, case.form, "succeeded", case.task_id)
    case.tables.events.pop()
    assert case.broken() == {"histories"}
