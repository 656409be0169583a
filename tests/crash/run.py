"""One crash run: orders under kills, time passes, a backup is restored, and a wrong sender."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import requests

from .databases import Database, moment
from .figures import Figures
from .judge import (
    callbacks_under_way,
    charges_of,
    deliveries_of,
    double_charges,
    judge,
    tasks_of,
)
from .killer import Killer
from .people import Form, Person
from .points import AT_LEAST, POINTS, Control
from .site import PASSWORD, Site

TEAMS, TABS = 3, 3
RESTORES = AT_LEAST
KEPT_PER_RESTORE, FORGOTTEN_PER_RESTORE = 1, 2
DUE_WORK_MOVES_WITHIN = 30  # seconds, promise 10
PATIENCE = 120  # seconds until a wait is given up
LEASE_AND_MORE = 65  # seconds
CONTROL_ORDERS = 8
DUE_TASKS = (
    "SELECT 'task', id, next_check_at FROM midsync_portal_task WHERE next_check_at <= {at}"
    " AND status IN ('submitting', 'unconfirmed', 'queued', 'running')"
)
WAITING_DELIVERIES = (
    "SELECT 'delivery', id, next_try_at FROM midsync_portal_callbackdelivery WHERE state = 'new'"
)
DUE_DELIVERIES = WAITING_DELIVERIES + " AND next_try_at <= {at}"


class Unsettled(Exception):
    """Something did not happen in time; the message says what."""


class CrashRun:
    """The run's parts, in the order in which they happen."""

    def __init__(self, folder: Path, database: Database, tasks: int, seed: str):
        self._database, self._wanted, self._seed = database, tasks, seed
        self._control = Control(folder / "control")
        self._site = Site(folder, database, self._control)
        self._forms: list[Form] = []
        self._forgotten: set[str] = set()
        self._people: list[Person] = []
        self._pause, self._stop = threading.Event(), threading.Event()
        self.figures = Figures(type(database).__name__, seed)
        self._log = folder / "run.log"
        self._began = time.monotonic()

    def run(self) -> Figures:
        """Everything; the figures say what came of it."""
        figures = self.figures
        try:
            self._prepare()
            with self._timed("orders under kills"):
                self._order_under_kills()
                self._kill_everything_and_look(60)
            with self._timed("settle"):
                self._settle()
            with self._timed("restores"):
                self._restore_backups()
                self._settle()
            self._judge()
            self._judge_hits()
            with self._timed("wrong sender"):
                self._let_a_wrong_sender_work()
        finally:
            self._site.end()
        figures.problems += self._site.unexpected
        return figures

    def run_under_kills_of(self, kill_database: Callable[[], None], times: int) -> Figures:
        """The database dies so many times while people order; nobody else does."""

        def kill() -> None:
            for number in range(1, times + 1):
                while len(self._forms) < self._wanted * number / (times + 1):
                    if self._stop.wait(0.05):
                        return
                self._note(f"the database dies, orders: {len(self._forms)}")
                kill_database()
                self.figures.kills += 1

        try:
            self._prepare()
            with self._timed("orders while the database dies"):
                self._order_until(lambda: len(self._forms) >= self._wanted, beside=kill)
            with self._timed("settle"):
                self._settle()
            self._judge()
        finally:
            self._site.end()
        self.figures.problems += self._site.unexpected
        return self.figures

    def _prepare(self) -> None:
        """Tables, people, processes; everybody is logged in."""
        site, emails = self._site, [f"team-{number}@example.com" for number in range(TEAMS)]
        with self._timed("prepare"):
            site.prepare(emails, videos=3 * self._wanted + 200)
            site.start_simulator()
            self._simulator("settings", speed="4", balance="10000000")
            site.start()
            for number in range(TEAMS * TABS):
                email, seed = emails[number % TEAMS], f"{self._seed}-{number}"
                self._people.append(Person(site.address, email, PASSWORD, seed))
            for person in self._people:
                person.log_in()

    # Orders

    def _order_under_kills(self) -> None:
        """People order, processes die, until there are enough orders and enough deaths."""
        killer = Killer(self._site, self._control, self._seed, self._wanted)

        def share() -> float:
            return min(1.0, len(self._forms) / self._wanted)

        def kill() -> None:
            killer.run(share, self._stop)

        self._order_until(lambda: share() >= 1 and killer.is_content(), beside=kill)
        if killer.at_random < killer.random_kills:
            self.figures.problems.append("too few kills at random")

    def _order_until(self, is_enough: Callable[[], bool], beside: Callable[[], None]) -> None:
        """Let everybody order, one form after the other, while something else happens."""
        most = 3 * self._wanted

        def go_on(person: Person) -> None:
            while not self._stop.is_set() and len(self._forms) < most and not is_enough():
                self._forms.append(person.order())

        def note_end(order: Future[None]) -> None:
            if order.exception() or all(one.done() for one in orders):
                self._stop.set()

        with ThreadPoolExecutor(len(self._people)) as pool:
            orders = [pool.submit(go_on, person) for person in self._people]
            for order in orders:
                order.add_done_callback(note_end)
            # On this thread: processes end with the thread that has started them.
            try:
                beside()
            except BaseException:
                self._stop.set()
                raise
        for order in orders:
            order.result()

    def _kill_everything_and_look(self, seconds_down: float) -> None:
        """Kill all, let time pass, start again: how long until everything due has moved?"""
        self._site.kill_everything()
        self._control.set_clock_ahead(self._control.ahead + seconds_down)
        due = self._due()
        began = time.monotonic()
        self._site.start()
        self._wait_until(lambda: not (due & self._due()), "due work does not move")
        self.figures.moving_after.append(time.monotonic() - began)
        self._simulator("advance", seconds=str(seconds_down))
        if self.figures.moving_after[-1] > DUE_WORK_MOVES_WITHIN:
            self.figures.problems.append("due work moved late")

    # Time

    def _pass_time(self, seconds: float) -> None:
        """Set the simulator's clock and the portal's ahead."""
        self._simulator("advance", seconds=str(seconds))
        self._control.set_clock_ahead(self._control.ahead + seconds)

    def _settle(self) -> None:
        """Let time pass, from one due moment to the next, until every task has settled and no
        callback waits for its next try.
        """
        for _ in range(200):
            self._wait_until(self._is_quiet, "due work is not done")
            waiting = [
                *(task for task in tasks_of(self._database) if not task.is_settled),
                *self._database.rows(WAITING_DELIVERIES),
            ]
            if not waiting:
                return
            at = self._next_due()
            self._note(f"{len(waiting)} are waiting, {at - self._control.now():.0f} s to go")
            self._pass_time(max(20.0, at + 10 - self._control.now()))
        raise Unsettled(f"these do not settle: {waiting}")

    def _is_quiet(self) -> bool:
        return not self._due() and not callbacks_under_way(self._site.simulator_file)

    def _due(self) -> set[tuple[object, ...]]:
        """What the worker has to look at now, each with the time since when."""
        now = moment(self._control.now())
        tasks = self._database.rows(DUE_TASKS.format(at=now))
        return {*tasks, *self._database.rows(DUE_DELIVERIES.format(at=now))}

    def _next_due(self) -> float:
        """When the next unsettled task or callback is looked at, in the portal's time."""
        for seconds in (10, 30, 60, 120, 300, 600, 1200, 3600):
            at = self._control.now() + seconds
            tasks = DUE_TASKS.format(at=moment(at)) + " AND needs_review = ''"
            deliveries = DUE_DELIVERIES.format(at=moment(at))
            if self._database.rows(tasks) or self._database.rows(deliveries):
                return at
        return at

    # Restoring

    def _restore_backups(self) -> None:
        """Point I: what was ordered after the backup is forgotten, but not what it has cost."""
        self._simulator("settings", speed="0.02")  # no video is ready before the restore
        person = self._people[0]
        for _ in range(RESTORES):
            kept = [person.order("", "runway") for _ in range(KEPT_PER_RESTORE)]
            self._database.back_up()
            lost = [person.order("", "runway") for _ in range(FORGOTTEN_PER_RESTORE)]
            self._forms += kept + lost
            self._site.kill_everything()
            self._database.restore()
            self._forgotten |= {answer for form in lost for answer in form.answers}
            self.figures.hits["I"] += 1
            self._site.start()
            orders = {answer for form in kept + lost for answer in form.answers}
            for charge in charges_of(self._site.simulator_file):
                if charge.order in orders:
                    self._simulator(f"tasks/{charge.task_id}/finish")
            self._wait_until(lambda: self._forgotten <= self._orphans(), "no orphans")
            self._note("a backup is restored, its orphans have come")
        self._simulator("settings", speed="4")

    def _orphans(self) -> set[str]:
        found = deliveries_of(self._database).items()
        return {order for (order, _), (_, is_orphan) in found if is_orphan}

    # Verdicts

    def _judge(self) -> None:
        figures, simulator = self.figures, self._site.simulator_file
        verdict = judge(self._database, simulator, self._forms, frozenset(self._forgotten))
        tasks = tasks_of(self._database)
        figures.tasks, figures.charges = len(tasks), len(charges_of(simulator))
        figures.statuses = Counter(task.status for task in tasks)
        figures.callbacks = len(deliveries_of(self._database))
        figures.hits += self._control.hits()
        figures.roles = self._control.roles()
        figures.kills += sum(self._control.hits()[point] for point in POINTS) + self._site.kills
        figures.orphans = len(self._forgotten)
        figures.problems += verdict.problems()

    def _judge_hits(self) -> None:
        figures = self.figures
        for point in (*POINTS, "I"):
            if figures.hits[point] < AT_LEAST:
                figures.problems.append(f"{point} was hit only {figures.hits[point]} times")
        figures.problems += [
            f"{name}: {count} times" for name, count in figures.hits.items() if "-mis" in name
        ]

    def _let_a_wrong_sender_work(self) -> None:
        """The control: who sends again when unsure must charge twice, or we can see nothing."""
        self._simulator("settings", speed="0.02")  # no callback settles a task meanwhile
        self._site.kill_everything()
        self._site.start(CRASH_SENDER="again")
        for number in range(CONTROL_ORDERS):
            self._control.arm("EF"[number % 2])
            self._people[number % len(self._people)].order("", "runway")
        self._control.disarm()
        before = len(charges_of(self._site.simulator_file))
        self._pass_time(LEASE_AND_MORE)

        def has_charged_again() -> bool:
            return len(charges_of(self._site.simulator_file)) > before

        self._wait_until(has_charged_again, "the wrong sender sends nothing")
        self._wait_until(lambda: not self._due(), "the wrong sender does not end")
        doubles = double_charges(charges_of(self._site.simulator_file))
        self.figures.doubles_of_the_wrong_sender = len(doubles) // 2  # named by order and by URL

    # Helpers

    def _simulator(self, path: str, **form: str) -> None:
        with requests.Session() as session:
            session.trust_env = False
            url = f"{self._site.simulator_address}/simulator/{path}"
            answer = session.post(url, data=form, timeout=PATIENCE, allow_redirects=False)
        if answer.status_code != 303:
            raise Unsettled(f"the simulator answers {answer.status_code} to {path}")

    def _wait_until(self, happened: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not happened():
            if time.monotonic() > deadline:
                raise Unsettled(f"{otherwise}: {sorted(map(str, self._due()))[:10]}")
            self._pause.wait(0.1)

    def _note(self, what: str) -> None:
        with self._log.open("a") as log:
            log.write(f"{time.monotonic() - self._began:.1f} {what}\n")

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.figures.seconds[part] = time.monotonic() - began
        self._note(part)
