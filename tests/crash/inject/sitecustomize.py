"""Ends the process it is loaded into by SIGKILL, at a named point, when it was told to.

Python loads a module of this name by itself; the crash run puts its folder on PYTHONPATH of the
portal's processes, so that the portal knows nothing of it. CRASH_CONTROL is a folder:

- `armed/<point>`: the first process that comes to the point removes the file and dies there
- `hits`: one line for each that died so
- `clock`: seconds (a double) that the portal's clock is ahead

CRASH_SENDER=again puts a wrong sender in place, which sends again when it is unsure.
"""

import mmap
import os
import select
import signal
import struct
import sys
import threading
import time
from datetime import timedelta
from importlib.machinery import PathFinder

CONTROL = os.environ.get("CRASH_CONTROL", "")
ANSWER_COMES_WITHIN = 10  # seconds
_of_thread = threading.local()


def reach(point, *, in_transaction):
    """Die here if the point is armed; where it is not what its name says, say so and live."""
    try:
        os.unlink(f"{CONTROL}/armed/{point}")
    except FileNotFoundError:
        return
    from django.db import connection

    if in_transaction not in (None, connection.in_atomic_block):  # None: either is right
        note(f"{point}-misplaced")
        return
    if point == "E" and not select.select([_of_thread.socket], [], [], ANSWER_COMES_WITHIN)[0]:
        note("E-without-answer")
        return
    note(point)
    os.kill(os.getpid(), signal.SIGKILL)


def note(point):
    """Write a hit down so that it survives what comes next."""
    file = os.open(f"{CONTROL}/hits", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{point} {role()} {os.getpid()} {time.time():.3f}\n".encode())
    os.fsync(file)


def role():
    """Which of the portal's processes this is."""
    return "worker" if "worker" in sys.argv[1:2] else "web"


# What is changed in which module, as soon as it has been loaded.


def change_timezone(module):
    """`timezone.now` runs ahead by what the control folder says."""
    now = module.now
    module.now = lambda: now() + timedelta(seconds=ahead())


def change_database_now(module):
    """The database's clock, as queries see it, runs ahead as much."""

    def as_sqlite(self, compiler, connection, **extra):
        template = f"STRFTIME('%%%%Y-%%%%m-%%%%d %%%%H:%%%%M:%%%%f', 'NOW', '+{ahead():f} seconds')"
        return self.as_sql(compiler, connection, template=template, **extra)

    def as_postgresql(self, compiler, connection, **extra):
        template = f"(STATEMENT_TIMESTAMP() + interval '{ahead():f} seconds')"
        return self.as_sql(compiler, connection, template=template, **extra)

    module.Now.as_sqlite, module.Now.as_postgresql = as_sqlite, as_postgresql


def change_tasks(module):
    """A and C and the insides of T3 and of a callback: the event is written, nothing committed."""
    Task = module.Task
    record, apply, move_to = Task.record, Task.apply, Task.move_to

    def record_and_reach(self, kind, source, **fields):
        event = record(self, kind, source, **fields)
        point = {
            ("created", "customer"): "A",
            ("sent", "submission"): "C",
            ("move", "answer"): "G-inside",
            ("move", "callback"): "applying",
        }.get((str(kind), source))
        if point:
            reach(point, in_transaction=True)
        return event

    def apply_and_reach(self, report, source, **event):
        applied = apply(self, report, source, **event)
        if source == "answer":
            reach("G-after", in_transaction=False)
        return applied

    def move_or_send_again(self, status, source, **fields):
        if status != "unconfirmed":
            return move_to(self, status, source, **fields)
        from django.utils import timezone

        return bool(
            Task.objects.filter(pk=self.pk, status="submitting").update(
                sent_at=None, lease_token=None, lease_until=None, next_check_at=timezone.now()
            )
        )

    Task.record, Task.apply = record_and_reach, apply_and_reach
    if os.environ.get("CRASH_SENDER") == "again":
        Task.move_to = move_or_send_again


def change_pool(module):
    """B: T1 is committed, the request has not gone on to T2."""
    send_and_wait = module.send_and_wait

    def reach_and_send(task):
        reach("B", in_transaction=False)
        return send_and_wait(task)

    module.send_and_wait = reach_and_send


def change_transport(module):
    """D, E, F around the call; H where a worker has a task in hand."""
    exchange, readinto = module.exchange, module._DeadlineReader.readinto

    def reach_and_exchange(session, request, **how):
        is_generate = request.url.endswith("/generate")
        if is_generate:
            reach("D", in_transaction=False)
        elif role() == "worker" and not request.url.endswith("/models"):
            reach("H", in_transaction=False)
        _of_thread.awaits_generate = is_generate
        try:
            answer = exchange(session, request, **how)
        finally:
            _of_thread.awaits_generate = False
        if is_generate:
            reach("F", in_transaction=False)
        return answer

    def reach_and_read(self, buffer):
        if getattr(_of_thread, "awaits_generate", False):
            # The request is written. E waits until the answer is there, unread: so it is charged.
            _of_thread.awaits_generate, _of_thread.socket = False, self._sock
            reach("E", in_transaction=False)
        return readinto(self, buffer)

    module.exchange, module._DeadlineReader.readinto = reach_and_exchange, reach_and_read


def change_storing(module):
    """A callback that is stored and not applied."""
    store = module.store

    def store_and_reach(*args, **kwargs):
        stored = store(*args, **kwargs)
        reach("stored", in_transaction=False)
        return stored

    module.store = store_and_reach


def change_inbox(module):
    """H where a worker has a delivery in hand."""
    process = module.process

    def reach_and_process(*args, **kwargs):
        if role() == "worker":
            reach("H", in_transaction=None)  # it was claimed, and is applied in one transaction
        return process(*args, **kwargs)

    module.process = reach_and_process


CHANGES = {
    "django.utils.timezone": change_timezone,
    "django.db.models.functions.datetime": change_database_now,
    "midsync_portal.models.tasks": change_tasks,
    "midsync_portal.submission.pool": change_pool,
    "midsync_portal.midsync.transport": change_transport,
    "midsync_portal.callbacks.storing": change_storing,
    "midsync_portal.callbacks.inbox": change_inbox,
}


class ChangingFinder:
    """Finds the modules above as usual, and changes them once they are loaded."""

    @staticmethod
    def find_spec(name, path, target=None):
        change = CHANGES.get(name)
        spec = PathFinder.find_spec(name, path, target) if change else None
        if spec is not None:
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                change(module)

            spec.loader.exec_module = exec_module
        return spec


def ahead():
    """Seconds that the portal's clock is ahead now."""
    return struct.unpack("d", _clock[:8])[0]


if CONTROL:
    with open(f"{CONTROL}/clock", "rb") as _file:
        _clock = mmap.mmap(_file.fileno(), 8, access=mmap.ACCESS_READ)
    sys.meta_path.insert(0, ChangingFinder)
