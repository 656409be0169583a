"""Live rows across real processes: bin/web with two workers, changes made by a third process."""

import os
import re
import signal

import psycopg

from tests.serving import PATIENCE

from .pages import WatchingPage, lost, wait_until
from .processes import STREAMS, children_of


def test_rows_follow_changes_of_another_process_in_every_worker_until_the_end(
    env, web, worker, open_stream
):
    cookie, (task, other) = worker.do("make", 2)
    streams = [open_stream(cookie, [task, other]) for _ in range(STREAMS)]
    for stream in streams:
        stream.wait_for(other, "queued")
    assert worker.do("move", task, "running")
    for stream in streams:
        stream.wait_for(task, "running")
    if env["DATABASE_URL"].startswith("postgres"):
        lose_all_connections(env["DATABASE_URL"])
    assert worker.do("move", other, "running")
    assert worker.do("move", task, "succeeded")
    for stream in streams:
        stream.wait_for(task, "succeeded")

    web.signal(signal.SIGTERM)
    for stream in streams:
        stream.wait_for_end()
    assert web.wait(PATIENCE)


def lose_all_connections(database_url: str) -> None:
    """What a restart of PostgreSQL does to those who listen."""
    with psycopg.connect(database_url, autocommit=True) as server:
        lost = server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'portal-live'"
        ).fetchall()
    assert len(lost) == 2


def test_a_killed_worker_takes_no_final_state_with_it(web, worker, open_stream):
    cookie, (task,) = worker.do("make", 1)
    stream = open_stream(cookie, [task])
    stream.wait_for(task, "queued")
    log = web.log.read_text()
    (first, second) = map(int, re.findall(r"Started server process \[(\d+)\]", log))
    assert {first, second} <= set(children_of(web.pid))
    os.kill(first, signal.SIGKILL)
    assert worker.do("move", task, "succeeded")
    again = open_stream(cookie, [task])  # as the browser does where its line was cut
    again.wait_for(task, "succeeded")


def test_pages_that_come_back_at_once_hold_up_no_shutdown(env, web, worker):
    """All streams end properly, and nobody who connects meanwhile is waited for."""
    cookie, tasks = worker.do("make", 1)
    pages = [WatchingPage(int(env["PORT"]), cookie, tasks, pause=0) for _ in range(100)]
    wait_until("all pages show the row", lambda: not lost(pages, tasks, "queued"))
    web.signal(signal.SIGTERM)
    assert web.wait(PATIENCE)
    for page in pages:
        page.close()
    assert "timeout graceful shutdown exceeded" not in web.log.read_text()
