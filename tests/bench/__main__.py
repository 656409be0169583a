"""Runs a measurement on each database: ``python -m tests.bench door --seconds 10``."""

import argparse
import random
import sys
import tempfile
from pathlib import Path
from types import ModuleType

from tests import prepared
from tests.databases import new_database

from . import door, submits
from .frame import Figures, middle, show

#: What can be measured, and for how many seconds if nothing else is said.
MEASUREMENTS: dict[str, tuple[ModuleType, int]] = {"door": (door, 60), "submits": (submits, 20)}


def main() -> int:
    """Measure; 0 where every target is met."""
    given = _arguments()
    module, usual = MEASUREMENTS[given.what]
    databases = ["sqlite", *(["postgres"] if given.postgres else [])]
    runs: list[list[Figures]] = []
    with prepared.kept(), tempfile.TemporaryDirectory(prefix="portal-bench-") as name:
        for number in range(given.runs):
            rows: list[Figures] = []
            for kind in databases:
                folder = Path(name) / f"{kind}-{number}"
                folder.mkdir()
                with new_database(kind, folder, given.postgres) as url:
                    rows += module.measure(
                        url, folder, Path(name) / "static", given.seed, given.seconds or usual
                    )
            runs.append(rows)
    if not given.postgres:
        print("SQLite only: TEST_POSTGRES_URL names no PostgreSQL server.")  # noqa: T201
    medians = [middle(list(same)) for same in zip(*runs, strict=True)]
    is_fine = show(medians, seed=given.seed, command=" ".join(["bin/bench", *sys.argv[1:]]))
    return 0 if is_fine else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("bin/bench", description=__doc__)
    parser.add_argument("what", choices=MEASUREMENTS)
    parser.add_argument("--seconds", type=int, default=0, help="shorten a measurement")
    parser.add_argument("--runs", type=int, default=3, help="medians of so many (3)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--postgres", default="", help="a PostgreSQL server; empty: SQLite only")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
