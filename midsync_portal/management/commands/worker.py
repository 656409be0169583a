"""The worker: one loop over what is due. The tables are the queue; several may run at once."""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.models import Q
from django.utils import timezone

from midsync_portal import gate
from midsync_portal.callbacks import process_due_delivery, tidy_inbox
from midsync_portal.catalog import refresh_catalog
from midsync_portal.figures.tallies import tallies
from midsync_portal.housekeeping import prune
from midsync_portal.mails import send_end_mail
from midsync_portal.models import CallbackDelivery, EndMail, Task, WorkerHeartbeat
from midsync_portal.models.status import ACCEPTED, Status
from midsync_portal.models.tasks import TaskQuerySet
from midsync_portal.reconcile import claim, look_after
from midsync_portal.reconciliation import reconcile_last_night
from midsync_portal.search import keep_index
from midsync_portal.starting_prices import ask_next_price
from midsync_portal.upstream import get_client, probe
from midsync_portal.videos import fetch_video

log = logging.getLogger("midsync_portal.worker")

# Seconds between two looks at the tables: until the next row is due, within these bounds.
PAUSE_MIN, PAUSE_MAX = 0.05, 1.0
PAUSE_WITH_MORE = 0.1  # where more was due than a crew could take
PAUSE_WITHOUT_DATABASE_MAX = 10.0
BEAT_EVERY = timedelta(seconds=10)
REST_AFTER_A_BUG = timedelta(minutes=1)
FINISH_WITHIN = 75  # seconds


class Command(BaseCommand):
    """Sends what was left unsent, asks about quiet tasks, applies what the inbox still holds,
    makes our copies of videos.
    """

    help = "Run the worker until SIGTERM or SIGINT."

    def add_arguments(self, parser: CommandParser) -> None:
        """`--once`: one look at the tables, then end."""
        parser.add_argument("--once", action="store_true", help="do what is due now, then end")

    def get_check_kwargs(self, options: dict[str, Any]) -> Any:
        """Before it begins, look into the database too: a simulator's is not for MidSync."""
        return super().get_check_kwargs(options) | {"databases": [DEFAULT_DB_ALIAS]}

    def handle(self, *args: Any, **options: Any) -> None:
        """Loop until told to stop; take nothing new then, and finish what is under way."""
        worker = Worker()
        if options["once"]:
            worker.look()
            worker.wait()
            worker.finish()
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, worker.stop)
        self.stdout.write("worker: running")
        worker.run()
        if worker.in_hand():
            log.error("some work did not end in %s s: others take it over", FINISH_WITHIN)
            os._exit(1)  # Python would wait for the threads
        self.stdout.write("worker: stopped")


class Crew:
    """Threads for one kind of work, so that no kind holds up another; `size` pieces at once."""

    def __init__(self, name: str, size: int, threads: int | None = None) -> None:
        self.size = size
        self.pool = ThreadPoolExecutor(threads or size, name)
        self.in_hand: dict[tuple[str, int], Future[None]] = {}

    @property
    def free(self) -> int:
        """How many more pieces of work can begin at once."""
        return self.size - len(self.under_way())

    def under_way(self) -> dict[tuple[str, int], Future[None]]:
        """The work that has not ended."""
        self.in_hand = {key: work for key, work in self.in_hand.items() if not work.done()}
        return self.in_hand


class Worker:
    """The loop and its crews."""

    def __init__(self) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        # Also what else needs no MidSync; such work is short, so that some of it may queue.
        self.inbox = Crew("inbox", 50, threads=4)
        self.checks = Crew("check", 8)
        # A generate may hang for a minute: sends never hold up the rest, nor the rest sends.
        self.sends = Crew("send", settings.MIDSYNC_GENERATE_CONCURRENCY)
        # A large video may take minutes, and many of them all of the line.
        self.videos = Crew("video", 2)
        self.mails = Crew("mail", 2)  # a mail server may be slow
        self.crews = (self.inbox, self.checks, self.sends, self.videos, self.mails)
        self.has_more = False
        self.stopping = threading.Event()
        self.started_at = timezone.now()
        self.beat_at = self.started_at - BEAT_EVERY
        self.catalog_at = self.started_at - timedelta(days=1)
        self.prices_are_due = False  # until the list of models was read

    def stop(self, number: int, frame: FrameType | None) -> None:
        """Take nothing new."""
        self.stopping.set()

    def run(self) -> None:
        """Look at the tables until stopped; a database that is away is waited for."""
        pause = PAUSE_MAX
        while not self.stopping.is_set():
            try:
                self.look()
                pause = self.pause()
            except Exception:
                log.exception("the tables could not be looked at")
                connections.close_all()
                pause = min(PAUSE_WITHOUT_DATABASE_MAX, gate.jittered(max(1.0, pause * 2)))
            self.stopping.wait(pause)
        self.finish()

    def look(self) -> None:
        """Give what is due to the crews, as much as they and MidSync's budget can take."""
        now = timezone.now()
        self.has_more = False
        if now - self.beat_at >= BEAT_EVERY:
            self.beat(now)
            self.start("tidy", 0, tidy_inbox)
            self.start("prune", 0, prune)
            self.start("prompts", 0, keep_index)
            self.start("night", 0, reconcile_last_night)
            self.start("figures", 0, tallies.write_down)
        due = CallbackDelivery.objects.open().filter(next_try_at__lte=now).order_by("next_try_at")
        free = self.inbox.free
        deliveries = list(due[:free])
        for delivery in deliveries:
            self.start("delivery", delivery.pk, partial(process_due_delivery, delivery))
        self.has_more |= 0 < free == len(deliveries)
        self.look_at_tasks(Task.objects.due(now), now)
        for task in Task.objects.videos_due(now)[: self.videos.free]:
            work = partial(fetch_video, task, self.stopping.is_set)
            self.start("video", task.pk, work, self.videos)
        for mail in EndMail.objects.due(now)[: self.mails.free]:
            self.start("mail", mail.pk, partial(send_end_mail, mail), self.mails)
        if now - self.catalog_at >= timedelta(seconds=settings.CATALOG_MAX_AGE):
            self.look_at_catalog(now)
        wants_price = self.prices_are_due and ("price", 0) not in self.checks.under_way()
        if wants_price and self.checks.free and not gate.is_away() and gate.take(1):
            self.start("price", 0, self.ask_next_price, self.checks)

    def look_at_tasks(self, due: TaskQuerySet, now: datetime) -> None:
        """Start due tasks: first what needs no MidSync, then sends, callback proofs, old checks."""
        sent = due.filter(status=Status.SUBMITTING, sent_at__isnull=False)
        unsent = due.unsent()
        price_stood_from = now - timedelta(seconds=settings.QUOTE_MAX_AGE)
        too_late = unsent.filter(created_at__lt=price_stood_from)
        unsent = unsent.filter(created_at__gte=price_stood_from)
        unconfirmed = due.filter(status=Status.UNCONFIRMED, midsync_task_id="")
        self.start_tasks(sent, self.inbox)
        self.start_tasks(too_late, self.inbox)
        if gate.is_away():
            if gate.claim_probe():
                self.start("probe", 0, probe, self.checks)
            # They tell their customer once what they wait for; support hears of the unconfirmed.
            self.start_tasks(unsent.exclude(waits_for=Task.WaitsFor.MIDSYNC), self.inbox)
            self.start_tasks(unconfirmed, self.inbox)
            return
        if gate.is_paused():
            self.start_tasks(unsent, self.inbox)
            unsent = unsent.none()
        checks = due.filter(
            Q(status__in=ACCEPTED) | Q(status=Status.UNCONFIRMED) & ~Q(midsync_task_id="")
        )
        for tasks, crew in (
            (unsent, self.sends),
            (checks.filter(check_wanted_at__isnull=False), self.checks),
            (unconfirmed, self.checks),
            (checks.filter(check_wanted_at__isnull=True), self.checks),
        ):
            wanted = tasks[: crew.free].count()
            granted = gate.take(wanted)
            started = self.start_tasks(tasks, crew, granted)
            if started < granted:  # another worker was faster
                gate.owe(started - granted)
            if granted < wanted:
                return

    def start_tasks(self, due: TaskQuerySet, crew: Crew, most: int | None = None) -> int:
        """Claim due tasks and give them to a crew; how many."""
        free = crew.free
        claimed = claim(due, free if most is None else min(most, free))
        self.has_more |= 0 < free == len(claimed)
        for task in claimed:
            self.start("task", task.pk, partial(look_after, task), crew)
        return len(claimed)

    def look_at_catalog(self, now: datetime) -> None:
        """Have the list of models asked for, once MidSync is there and the budget allows it."""
        if self.checks.free and not gate.is_away() and gate.take(1):
            self.catalog_at = now
            self.start("catalog", 0, self.refresh_catalog, self.checks)

    def refresh_catalog(self) -> None:
        """Ask for the list of models; where MidSync is away, again in 30 seconds."""
        if not refresh_catalog(get_client()):
            again_in = timedelta(seconds=30)
            self.catalog_at = timezone.now() - timedelta(seconds=settings.CATALOG_MAX_AGE)
            self.catalog_at += again_in
        else:
            self.prices_are_due = True

    def ask_next_price(self) -> None:
        """Ask from what the next model costs, until all are known."""
        self.prices_are_due = ask_next_price(get_client())

    def pause(self) -> float:
        """Seconds until the next row is due, within bounds."""
        if self.has_more:
            return PAUSE_WITH_MORE
        now = timezone.now()
        tasks = Task.objects.open().filter(next_check_at__gt=now).order_by("next_check_at")
        deliveries = CallbackDelivery.objects.open().filter(next_try_at__gt=now)
        videos = Task.objects.filter(video_next_try_at__gt=now).order_by("video_next_try_at")
        due = [
            tasks.values_list("next_check_at", flat=True).first(),
            videos.values_list("video_next_try_at", flat=True).first(),
            deliveries.order_by("next_try_at").values_list("next_try_at", flat=True).first(),
        ]
        waits = [(at - now).total_seconds() for at in due if at]
        return min([PAUSE_MAX, *(max(PAUSE_MIN, wait) for wait in waits)])

    def beat(self, now: datetime) -> None:
        """Show that this worker lives, and forget those that are long gone."""
        WorkerHeartbeat.objects.update_or_create(
            name=self.name, defaults={"started_at": self.started_at, "beat_at": now}
        )
        self.beat_at = now
        WorkerHeartbeat.objects.filter(beat_at__lt=now - timedelta(days=1)).delete()

    def start(self, kind: str, key: int, work: Callable[[], Any], crew: Crew | None = None) -> None:
        """Run one piece of work on a thread, unless it is in hand already."""
        crew = crew or self.inbox
        if (kind, key) not in crew.under_way():
            crew.in_hand[kind, key] = crew.pool.submit(self.guard, kind, key, work)

    def guard(self, kind: str, key: int, work: Callable[[], Any]) -> None:
        """One bad row never stops the loop: it rests, for every worker."""
        try:
            work()
        except Exception:
            log.exception("%s %s", kind, key)
            if kind == "task":
                with suppress(Error):  # gone: the claim lapses
                    rest_until = timezone.now() + REST_AFTER_A_BUG
                    Task.objects.open().filter(pk=key).update(next_check_at=rest_until)
        finally:
            connections.close_all()

    def in_hand(self) -> list[Future[None]]:
        """What is under way."""
        return [work for crew in self.crews for work in crew.under_way().values()]

    def wait(self) -> None:
        """Let what is under way end."""
        wait_for(self.in_hand())

    def finish(self) -> None:
        """Let what is under way finish, for a while, then go."""
        for crew in self.crews:
            crew.pool.shutdown(wait=False, cancel_futures=True)
        deadline = time.monotonic() + FINISH_WITHIN
        while (works := self.in_hand()) and time.monotonic() < deadline:
            wait_for(works, timeout=min(5.0, max(0.0, deadline - time.monotonic())))
            with suppress(Error):
                self.beat(timezone.now())
        connections.close_all()  # the database may have restarted since the last look
        tallies.write_down()
        with suppress(Error):
            WorkerHeartbeat.objects.filter(name=self.name).delete()
