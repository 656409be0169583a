"""bin/worker as a process: two at once, a database that restarts, a clean stop."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from midsync_portal.processes import Process, end_all
from tests.databases import DATABASES, POSTGRES, new_database
from tests.serving import PATIENCE

ROOT = Path(__file__).resolve().parent.parent

# Puts callbacks into the inbox and waits, one line at a time, until they are applied.
SCRIPT = """
import json, sys, time, uuid
import django
django.setup()
from datetime import timedelta
from django.db import close_old_connections
from django.utils import timezone
from midsync_portal.models import CallbackDelivery, Customer, Task, User, WorkerHeartbeat

user = User.objects.create_user("ana@alder.example", "correct horse battery")
customer = Customer.objects.create(name="Alder Films")

def deliver(count):
    close_old_connections()
    now = timezone.now()
    tasks = []
    for number in range(count):
        task = Task.objects.create(
            customer=customer, ordered_by=user, submit_key=uuid.uuid4(), video_model="m",
            request_body="{}", body_hash="x", status="queued", sent_at=now,
            next_check_at=now + timedelta(hours=1),
        )
        CallbackDelivery.objects.create(
            task=task, body=b'{"status": "failed", "error": "no"}', body_sha256="0" * 64,
            body_size=35, received_at=now, last_received_at=now, next_try_at=now,
        )
        tasks.append(task.pk)
    return tasks

def applied(tasks, seconds):
    end = time.monotonic() + seconds
    deliveries = CallbackDelivery.objects.filter(task__in=tasks)
    while time.monotonic() < end:
        close_old_connections()
        if not deliveries.filter(state="new").exists():
            break
        time.sleep(0.1)
    return [list(deliveries.values_list(name, flat=True)) for name in ("state", "tries")]

def heartbeats():
    close_old_connections()
    return WorkerHeartbeat.objects.count()

print("ready", flush=True)
for line in sys.stdin:
    name, *values = json.loads(line)
    print(json.dumps(globals()[name](*values)), flush=True)
"""


@pytest.fixture(params=DATABASES)
def env(request, tmp_path):
    """The environment of the portal's processes, with a database of its own."""
    with new_database(request.param, tmp_path) as url:
        yield {
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "midsync_portal.settings",
            "DEBUG": "true",
            "SECRET_KEY": "a-key-of-the-tests-that-is-long-enough-for-the-checks-0123456789",
            "DATABASE_URL": url,
            "MIDSYNC_BASE_URL": "http://127.0.0.1:9",  # nobody listens there
            "MEDIA_ROOT": str(tmp_path / "media"),
        }


@pytest.fixture
def do(env):
    """Lets another process of the portal do something and returns what came of it."""
    other = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        env=env,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout.readline() == "ready\n"

    def do(*what):
        other.stdin.write(json.dumps(what) + "\n")
        other.stdin.flush()
        return json.loads(other.stdout.readline())

    yield do
    other.stdin.close()
    other.stdout.close()
    other.wait(PATIENCE)


def cut_connections(database_url):
    """What a restart of PostgreSQL does to everybody; a file cannot restart."""
    if database_url.startswith("postgres"):
        with psycopg.connect(POSTGRES, autocommit=True) as server:
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [urlsplit(database_url).path[1:]],
            )


def test_two_workers_do_each_row_once_survive_the_database_and_stop_cleanly(env, do, tmp_path):
    workers = [
        Process(f"worker {n}", ["bin/worker"], env, tmp_path / f"worker{n}.log", ROOT)
        for n in range(2)
    ]
    try:
        for _ in range(2):
            applied = do("applied", do("deliver", 30), 3 * PATIENCE)
            assert applied == [["done"] * 30, [1] * 30]
            cut_connections(env["DATABASE_URL"])
        for worker in workers:
            worker.check()
            worker.signal(signal.SIGTERM)
        for worker in workers:
            assert worker.wait(PATIENCE)
            assert "worker: stopped" in worker.log.read_text()
    finally:
        end_all(workers)
    assert do("heartbeats") == 0
