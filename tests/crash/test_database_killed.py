"""PostgreSQL itself is killed while people order: nothing acknowledged is lost."""

import os

import pytest

from .databases import Postgres
from .figures import fresh_seed
from .run import CrashRun
from .server import PROGRAMS, own_server

pytestmark = pytest.mark.alone

TASKS, KILLS = 60, 5
# Where this machine has no PostgreSQL of its own, only the crash run's SQLite is tried.
if PROGRAMS is not None and os.environ.get("TEST_POSTGRES_URL"):

    @pytest.fixture
    def server(tmp_path):
        """A server that may be killed."""
        assert PROGRAMS
        with own_server(PROGRAMS, tmp_path / "postgres.log") as server:
            yield server

    def test_promises_02_03_04_are_kept_when_the_database_is_killed(
        tmp_path, server, record_property
    ):
        seed = os.environ.get("CRASH_SEED") or fresh_seed()
        run = CrashRun(tmp_path, Postgres(server.url), TASKS, seed)
        figures = run.run_under_kills_of(server.kill, KILLS)
        record_property("figures", "\n".join(figures.lines()))
        assert figures.problems == []
        assert figures.kills == KILLS
        assert figures.tasks >= TASKS * 0.9  # some go away before their order has arrived
