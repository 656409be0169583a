"""Compares the portal's tables with the simulator's own: what was charged, told, known."""

import hashlib
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from .databases import Database
from .people import Form

# Its own copy of the ranks: a judge does not ask the judged.
RANK = {
    "submitting": 10,
    "unconfirmed": 20,
    "rejected": 30,
    "queued": 40,
    "running": 50,
    "cancelled": 55,
    "failed": 60,
    "succeeded": 70,
}
FINAL = ("rejected", "cancelled", "failed", "succeeded")
# The simulator's words.
REPORTED = {
    "completed": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
    "processing": "running",
}


@dataclass(frozen=True)
class Charge:
    """One generation of the simulator; each has cost points."""

    task_id: str
    provider_task_id: str
    order: str  # our Idempotency-Key: the task's public id
    callback_url: str
    status: str
    points: Decimal


@dataclass(frozen=True)
class Told:
    """One callback that was answered 2xx."""

    order: str
    word: str
    digest: str


@dataclass(frozen=True)
class Task:
    """A task as it stands in the portal's database."""

    pk: int
    public_id: str
    submit_key: str
    status: str
    midsync_task_id: str
    points_charged: Decimal | None
    needs_review: str
    charge_unknown: bool
    send_attempts: int

    @property
    def is_seen_by_support(self) -> bool:
        """Whether support has it in a list, so that no charge of it is silent."""
        is_listed = self.status == "unconfirmed" or bool(self.needs_review)
        return is_listed or self.charge_unknown

    @property
    def is_settled(self) -> bool:
        """Whether it has ended, or waits for support with a flag."""
        return self.status in FINAL or bool(self.needs_review)


@dataclass
class Verdict:
    """What is wrong, by promise; all empty where the promises were kept."""

    double_charges: list[str] = field(default_factory=list)
    silent_charges: list[str] = field(default_factory=list)
    lost_callbacks: list[str] = field(default_factory=list)
    forms: list[str] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    histories: list[str] = field(default_factory=list)

    def problems(self) -> list[str]:
        """Every single one, with the promise it breaks."""
        return [f"{name}: {one}" for name, several in vars(self).items() for one in several]


def charges_of(simulator: Path) -> list[Charge]:
    """Every charge in the simulator's ledger."""
    query = (
        "SELECT g.task_id, g.provider_task_id, g.idempotency_key, g.callback_url, g.status,"
        " l.points FROM ledger l JOIN generations g USING (task_id) ORDER BY l.n"
    )
    return [Charge(*row[:5], Decimal(row[5])) for row in _simulator_rows(simulator, query)]


def told_of(simulator: Path) -> list[Told]:
    """Every callback that the portal has answered 2xx."""
    query = (
        "SELECT g.idempotency_key, c.word, c.body FROM callbacks c JOIN generations g"
        " USING (task_id) WHERE c.state = 'done' ORDER BY c.n"
    )
    return [
        Told(order, word, hashlib.sha256(body).hexdigest())
        for order, word, body in _simulator_rows(simulator, query)
    ]


def callbacks_under_way(simulator: Path) -> int:
    """How many the simulator has still to send, or is sending."""
    query = "SELECT count(*) FROM callbacks WHERE state IN ('due', 'sending')"
    return int(_simulator_rows(simulator, query)[0][0])


def _simulator_rows(simulator: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(simulator, timeout=30)) as connection:
        return connection.execute(query).fetchall()


def tasks_of(database: Database) -> list[Task]:
    """Every task of the portal."""
    rows = database.rows(
        "SELECT id, public_id, submit_key, status, midsync_task_id, points_charged, needs_review,"
        " charge_unknown, send_attempts FROM midsync_portal_task ORDER BY id"
    )
    return [
        Task(
            pk=row[0],
            public_id=_uuid(row[1]),
            submit_key=_uuid(row[2]),
            status=row[3],
            midsync_task_id=row[4],
            points_charged=None if row[5] is None else Decimal(str(row[5])),
            needs_review=row[6],
            charge_unknown=bool(row[7]),
            send_attempts=row[8],
        )
        for row in rows
    ]


def deliveries_of(database: Database) -> dict[tuple[str, str], tuple[str, bool]]:
    """By task number and hash of the body: its state, and whether it is an orphan."""
    rows = database.rows(
        "SELECT named_task, body_sha256, state, task_id FROM midsync_portal_callbackdelivery"
    )
    return {(_uuid(named), digest): (state, task is None) for named, digest, state, task in rows}


def judge(
    database: Database, simulator: Path, forms: Iterable[Form], forgotten: frozenset[str]
) -> Verdict:
    """Compare everything. `forgotten`: tasks that a restored backup no longer knows."""
    verdict = Verdict()
    tasks = {task.public_id: task for task in tasks_of(database)}
    charges, deliveries = charges_of(simulator), deliveries_of(database)
    verdict.double_charges = double_charges(charges)
    for charge in charges:
        if charge.order in forgotten:
            if (is_orphan := _orphan_of(charge.order, deliveries)) is not True:
                verdict.silent_charges.append(f"{charge} is forgotten; orphan: {is_orphan}")
        else:
            _judge_charge(verdict, charge, tasks.get(charge.order))
    for told in told_of(simulator):
        if told.order not in forgotten:
            _judge_callback(verdict, told, tasks.get(told.order), deliveries)
    _judge_forms(verdict, forms, tasks, forgotten)
    charged = {charge.order for charge in charges}
    for task in tasks.values():
        if not task.is_settled:
            verdict.unsettled.append(str(task))
        if task.public_id not in charged and task.status not in ("rejected", "unconfirmed"):
            verdict.statuses.append(f"never charged: {task}")
    verdict.histories = _broken_histories(database, tasks.values())
    return verdict


def double_charges(charges: Iterable[Charge]) -> list[str]:
    """Orders that were charged more than once: promise 2."""
    charges = list(charges)
    orders = Counter(charge.order for charge in charges)
    urls = Counter(charge.callback_url for charge in charges)
    twice = [f"{order}: {count} charges" for order, count in orders.items() if count > 1]
    return twice + [f"{count} charges for one URL" for count in urls.values() if count > 1]


def _judge_charge(verdict: Verdict, charge: Charge, task: Task | None) -> None:
    if task is None:
        verdict.silent_charges.append(f"{charge}: no such task")
        return
    # A callback may have named the provider's id where our own answer was lost.
    if task.midsync_task_id not in (charge.task_id, charge.provider_task_id):
        if not task.is_seen_by_support:
            verdict.silent_charges.append(f"{charge}: {task}")
        return
    if task.status in FINAL and REPORTED.get(charge.status) != task.status:
        verdict.statuses.append(f"{charge}: {task}")
    if task.points_charged not in (None, charge.points):
        verdict.statuses.append(f"other points: {charge}: {task}")


def _orphan_of(order: str, deliveries: dict[tuple[str, str], tuple[str, bool]]) -> bool | None:
    return next((orphan for (named, _), (_, orphan) in deliveries.items() if named == order), None)


def _judge_callback(
    verdict: Verdict,
    told: Told,
    task: Task | None,
    deliveries: dict[tuple[str, str], tuple[str, bool]],
) -> None:
    state, is_orphan = deliveries.get((told.order, told.digest), ("none", False))
    if state not in ("done", "kept") or is_orphan:
        verdict.lost_callbacks.append(f"{told}: delivery {state}, orphan: {is_orphan}")
    elif task is None or RANK[task.status] < RANK[REPORTED[told.word]]:
        verdict.lost_callbacks.append(f"{told}: {task}")


def _judge_forms(
    verdict: Verdict, forms: Iterable[Form], tasks: dict[str, Task], forgotten: frozenset[str]
) -> None:
    by_key: defaultdict[str, list[str]] = defaultdict(list)
    for task in tasks.values():
        by_key[task.submit_key].append(task.public_id)
    for form in forms:
        made = by_key.pop(form.submit_key, [])
        answers = set(form.answers)
        if answers & forgotten:
            continue
        is_right = len(made) == 1 and answers <= set(made)
        if not is_right and not (form.was_left and not made and not answers):
            verdict.forms.append(f"{form} has made {made}")
    verdict.forms += [f"nobody filled in the form of {made}" for made in by_key.values()]


def _broken_histories(database: Database, tasks: Iterable[Task]) -> list[str]:
    """Tasks whose events do not tell how they came to where they are."""
    rows = database.rows(
        "SELECT task_id, kind, status_before, status_after FROM midsync_portal_taskevent"
        " ORDER BY id"
    )
    events: defaultdict[int, list[tuple[str, str, str]]] = defaultdict(list)
    for pk, *event in rows:
        events[pk].append((event[0], event[1], event[2]))
    broken = []
    for task in tasks:
        history = events[task.pk]
        kinds = Counter(kind for kind, _, _ in history)
        status = ""
        is_chain = history[:1] == [("created", "", "submitting")]
        for kind, before, after in history:
            if kind == "created":
                status = after
            elif kind == "move":
                is_chain &= before == status and RANK[before] < RANK[after]
                status = after
        is_whole = is_chain and status == task.status and kinds["sent"] == task.send_attempts
        if not is_whole or kinds["unsent"] > kinds["sent"]:
            broken.append(f"{task}: {history}")
    return broken


def _uuid(value: Any) -> str:
    return str(UUID(str(value)))
