"""The crash run: 200 tasks under kill -9 on each database, judged by the simulator's ledger."""

import os

import pytest

from tests.databases import DATABASES, POSTGRES

from .databases import database_of
from .figures import fresh_seed
from .points import AT_LEAST, POINTS
from .run import CrashRun

pytestmark = pytest.mark.alone

TASKS, KILLS = 200, 60


@pytest.mark.parametrize("kind", DATABASES)
def test_promises_01_02_03_04_10_are_kept_whatever_is_killed(kind, tmp_path, record_property):
    seed = os.environ.get("CRASH_SEED") or fresh_seed()
    with database_of(kind, tmp_path, POSTGRES) as database:
        figures = CrashRun(tmp_path, database, TASKS, seed).run()
    record_property("figures", "\n".join(figures.lines()))
    assert figures.problems == []
    assert figures.tasks >= TASKS
    assert figures.kills >= KILLS
    assert {name: figures.hits[name] >= AT_LEAST for name in (*POINTS, "I")} == dict.fromkeys(
        (*POINTS, "I"), True
    )
    # The control: were the simulator blind to a second charge, the zeros above would say nothing.
    assert figures.doubles_of_the_wrong_sender > 0
