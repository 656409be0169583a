"""Measures the pages of a list of 100,000 tasks beside one of 1,000: ``bin/bench lists``.

Both customers are in one database, among 100,000 tasks of others, and are asked in turn, so that
whatever else this machine does falls on both alike.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from tests import prepared
from tests.bench.portal import ROOT
from tests.databases import new_database

from . import BIG, SMALL

LIMIT = 60  # milliseconds, p95
GROW_AT_MOST = 1.5  # times the same page of the small list
SHARE = 202  # of so many tasks one is the small list's, 100 are the big one's
OWNER = f"CASE WHEN n % {SHARE} = 0 THEN {SMALL} WHEN n % 2 = 0 THEN {BIG} ELSE 3 + n % 1998 END"


def main() -> int:
    """Fill, measure, print; 0 where every limit is kept."""
    given = _arguments()
    kind = "postgres" if given.postgres else "sqlite"
    with (
        prepared.kept(),
        tempfile.TemporaryDirectory(prefix="portal-bench-") as folder,
        new_database(kind, Path(folder), given.postgres) as url,
    ):
        env = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
        fill = ["-m", "tests.bench.support.data", str(given.small * SHARE), OWNER]
        subprocess.run([sys.executable, *fill], env=env, cwd=ROOT, check=True)
        runs = [_measure(env) for _ in range(given.runs)]
    return 0 if show(f"{kind}, {given.small:,} and {100 * given.small:,} tasks", runs) else 1


def _measure(env: dict[str, str]) -> dict[str, dict[str, float]]:
    asked = subprocess.run(
        [sys.executable, "-m", "tests.bench.lists.measure"],
        env=env,
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
    )
    found: dict[str, dict[str, float]] = json.loads(asked.stdout)
    return found


def show(title: str, runs: list[dict[str, dict[str, float]]]) -> bool:
    """Print the medians of the runs; True where every limit is kept."""
    print(f"{title}; p95 in ms, medians of {len(runs)} runs")  # noqa: T201
    print(f"{'':26}{'small':>7}{'big':>7}{'times':>7}{'queries':>9}{'rows':>8}")  # noqa: T201
    is_kept = True
    for page in runs[0]:
        one = {name: median(run[page][name] for run in runs) for name in runs[0][page]}
        times = one["big"] / one["small"]
        # A page with more rows takes longer, however long the list.
        is_alike = one["small rows"] == one["big rows"]
        is_met = one["big"] <= LIMIT and (times <= GROW_AT_MOST or not is_alike)
        is_kept &= is_met
        counts = [
            f"{one[f'small {what}']:.0f}, {one[f'big {what}']:.0f}" for what in ("queries", "rows")
        ]
        grown = f"{times:.2f}" if is_alike else "-"
        print(  # noqa: T201
            f"{page:26}{one['small']:7.1f}{one['big']:7.1f}{grown:>7}"
            f"{counts[0]:>9}{counts[1]:>8}{'' if is_met else ' MISSED'}"
        )
    print(f"at most {LIMIT} ms, and {GROW_AT_MOST} times the small list where rows are as many")  # noqa: T201
    print(f"load of the machine at the end: {os.getloadavg()[0]:.1f}")  # noqa: T201
    return is_kept


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("bin/bench lists", description=__doc__)
    parser.add_argument("--small", type=int, default=1_000, help="tasks; the other has 100 times")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--postgres", default="", help="a PostgreSQL server; empty: SQLite")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
