"""Live rows on PostgreSQL: LISTEN is tried at start, and survives a restart of the server."""

import subprocess
import sys
from contextlib import ExitStack

import psycopg

from midsync_portal.processes import free_port
from tests.databases import POSTGRES, new_database
from tests.prepared import migrate

from .cluster import PG_CTL, cluster
from .pages import lost, wait_until
from .portal import PAGES, Portal, first_ends
from .processes import ROOT, environment, serving

NOTICES = 20_000


def start(env: dict[str, str], **more: str) -> subprocess.CompletedProcess[str]:
    """What bin/web says where it does not start."""
    return subprocess.run(
        [sys.executable, "-m", "midsync_portal.serving"],
        env=env | more,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


if POSTGRES:  # bin/test names a server

    def test_the_server_does_not_start_where_listen_would_hear_nothing(tmp_path):
        """As through a transaction pooler: LISTEN succeeds, notices go elsewhere."""
        with new_database("postgres", tmp_path) as url, new_database("postgres", tmp_path) as other:
            env = environment(url, tmp_path)
            deaf = start(env, LISTEN_DATABASE_URL=other)
            assert deaf.returncode == 1
            assert "bin/web: LISTEN_DATABASE_URL: LISTEN hears nothing there" in deaf.stderr
            nowhere = f"postgres://127.0.0.1:{free_port()}/portal"
            refused = start(env, LISTEN_DATABASE_URL=nowhere)
            assert refused.returncode == 1
            assert "bin/web: LISTEN_DATABASE_URL: LISTEN cannot connect" in refused.stderr
            assert "Traceback" not in deaf.stderr + refused.stderr

    def test_a_flood_of_notices_delays_no_end_for_good(tmp_path):
        """Others announce far more than anybody can read row by row, and rubbish."""
        with ExitStack() as stack:
            url = stack.enter_context(new_database("postgres", tmp_path))
            env = environment(url, tmp_path)
            portal = Portal(stack.enter_context(serving(env, tmp_path)), env, stack)
            pages, tasks = portal.open_pages()
            portal.begin(tasks)
            with psycopg.connect(url, autocommit=True) as others:
                others.execute(
                    "SELECT pg_notify('portal_tasks', n || ' 1 0') FROM generate_series(1, %s) n",
                    [NOTICES],
                )
                others.execute("SELECT pg_notify('portal_tasks', repeat('x', 7999))")
                portal.finish()
                wait_until("all rows end", lambda: not lost(pages, tasks))
                # A part of the 8 GB that all databases of the server share: here, 160 kB.
                usage = "SELECT pg_notification_queue_usage() < 2e-5"
                wait_until("the queue is read", lambda: others.execute(usage).fetchone()[0])
            assert [page.connects for page in pages] == [1] * PAGES


if PG_CTL:

    def test_postgresql_crashes_and_no_final_state_is_lost(tmp_path):
        """Writers repeat what was not committed; pages keep their streams throughout."""
        with ExitStack() as stack:
            server = stack.enter_context(cluster())
            env = environment(server.url, tmp_path)
            # LISTEN has a setting of its own, which leads to the same database here.
            env |= {"LISTEN_DATABASE_URL": server.url + "?application_name=ignored"}
            migrate(env)
            portal = Portal(stack.enter_context(serving(env, tmp_path)), env, stack)
            pages, tasks = portal.open_pages()
            portal.begin(tasks)
            first_ends(pages)
            server.crash()
            server.start()
            portal.finish()
            wait_until("all rows end", lambda: not lost(pages, tasks))
            assert [page.connects for page in pages] == [1] * PAGES
            with psycopg.connect(server.url) as connection:
                (listening,) = connection.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'portal-live'"
                ).fetchone()
            assert listening == int(env["WEB_CONCURRENCY"])
