"""bin/web with two workers on any database, a process that changes tasks, streams of sockets."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from midsync_portal.processes import (
    Process,
    end_all,
    free_port,
    wait_until_answers,
)
from tests.prepared import static_files
from tests.serving import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
STREAMS = 8  # enough for both workers to get some

SCRIPT = """
import json, random, sys, time, uuid
import django
django.setup()
from datetime import timedelta
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone
from midsync_portal.midsync.reader import read_report
from midsync_portal.models import Customer, Membership, Task, TaskEvent, User
from midsync_portal.models.reports import CALLBACK

def make(count):
    user = User.objects.create_user(f"{uuid.uuid4().hex}@alder.example", "correct horse battery")
    customer = Customer.objects.create(name="Alder Films")
    Membership.objects.create(user=user, customer=customer)
    browser = Client()
    browser.force_login(user)
    now = timezone.now()
    tasks = [
        Task.objects.create(
            customer=customer, ordered_by=user, submit_key=uuid.uuid4(), video_model="m",
            prompt="a fox", request_body="{}", body_hash="x", status="queued", sent_at=now,
            next_check_at=now + timedelta(hours=1), midsync_task_id=uuid.uuid4().hex,
        )
        for _ in range(count)
    ]
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME]
    return [f"{cookie.key}={cookie.value}", [str(task.public_id) for task in tasks]]

def move(public_id, status):
    "A callback is applied."
    said = {"status": status, "videoUrl": "https://cdn.example.com/v.mp4"}
    return Task.objects.get(public_id=public_id).apply(read_report(said), CALLBACK).changed

def step(public_id, number, pause):
    "The next thing that happens to a task, with its row or without; committed after a pause."
    with transaction.atomic():
        task = Task.objects.get(public_id=public_id)
        if number in (0, STEPS - 1):
            move(public_id, "running" if number == 0 else "succeeded")
        else:
            Task.objects.filter(pk=task.pk).update(progress=number)
            task.record(TaskEvent.Kind.PROGRESS, "callback")
        time.sleep(pause)

STEPS = 4

def finish(public_ids, seed):
    "Lead tasks to their end; commits come in another order than events, with other processes."
    chance = random.Random(seed)
    steps = [public_id for public_id in public_ids for _ in range(STEPS)]
    chance.shuffle(steps)
    done = dict.fromkeys(public_ids, 0)
    for public_id in steps:
        while True:
            try:
                step(public_id, done[public_id], chance.random() * 0.02)
                break
            except DatabaseError:  # restarted: what was not committed is done again
                connection.close()
                time.sleep(0.05)
        done[public_id] += 1
    return True

print("ready", flush=True)
for line in sys.stdin:
    name, *values = json.loads(line)
    print(json.dumps({"make": make, "move": move, "finish": finish}[name](*values)), flush=True)
"""


class Worker:
    """Another process of the portal, which changes tasks when it is told to."""

    def __init__(self, env: dict[str, str]) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-c", SCRIPT],
            env=env,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._is_ready = False

    def do(self, *what):
        """Let it do something and return what came of it."""
        self.begin(*what)
        return self.result()

    def begin(self, *what) -> None:
        """Let it do something meanwhile."""
        if not self._is_ready:
            assert self._popen.stdout.readline() == "ready\n"
            self._is_ready = True
        self._popen.stdin.write(json.dumps(what) + "\n")
        self._popen.stdin.flush()

    def result(self):
        """Wait for what came of it."""
        return json.loads(self._popen.stdout.readline())

    def end(self) -> None:
        """End it."""
        self._popen.stdin.close()
        self._popen.stdout.close()
        self._popen.wait(PATIENCE)


class Stream:
    """A stream read from a socket, as a browser would."""

    def __init__(self, port: int, cookie: str, tasks: list[str]) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        rows = ",".join(tasks)
        self._socket.sendall(
            f"GET /stream/?rows={rows} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Cookie: {cookie}\r\n\r\n".encode()
        )
        self._unread = b""

    def wait_for(self, task: str, status: str) -> None:
        """Read until the row has come in this status."""
        row = f'data-task="{task}" data-status="{status}"'.encode()
        while row not in self._unread:
            came = self._socket.recv(65536)
            assert came, f"the stream ended before {status}: {self._unread[-2000:]!r}"
            self._unread += came
        self._unread = self._unread.partition(row)[2]

    def wait_for_end(self) -> None:
        """Read to the end; it must be a proper one."""
        while came := self._socket.recv(65536):
            self._unread += came
        assert self._unread.endswith(b"\r\n0\r\n\r\n")

    def close(self) -> None:
        """Leave."""
        self._socket.close()


def environment(database_url: str, folder: Path) -> dict[str, str]:
    """The environment of the portal's processes."""
    port = free_port()
    return {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "midsync_portal.settings",
        "SECRET_KEY": "a-key-of-the-tests-that-is-long-enough-for-the-checks-0123456789",
        "PORTAL_URL": f"http://127.0.0.1:{port}",
        "ALLOWED_HOSTS": "127.0.0.1,testserver",
        "PORT": str(port),
        "WEB_CONCURRENCY": "2",
        "DATABASE_URL": database_url,
        "MIDSYNC_BASE_URL": "http://127.0.0.1:8900",
        "MIDSYNC_API_KEY": "a-key-of-the-tests",
        "CALLBACK_SIGNING_KEYS": "a-key-of-the-tests",
        "STREAMS_PER_PERSON": "100",
        "STATIC_ROOT": str(static_files()),
        "MEDIA_ROOT": str(folder / "media"),
    }


@contextmanager
def serving(env: dict[str, str], folder: Path) -> Iterator[Process]:
    """bin/web with two workers."""
    web = Process("web", ["bin/web"], env, folder / "web.log", ROOT)
    try:
        wait_until_answers(env["PORTAL_URL"] + "/accounts/login/", [web])
        yield web
    finally:
        end_all([web])


def children_of(pid: int) -> list[int]:
    """The processes that a process has started."""
    table = subprocess.run(
        ["ps", "-A", "-o", "ppid=,pid="], text=True, capture_output=True, check=True
    )
    pairs = [tuple(map(int, line.split())) for line in table.stdout.splitlines()]
    return [child for parent, child in pairs if parent == pid]
