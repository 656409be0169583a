"""Measures support's pages at two sizes, each on a database of its own: ``bin/bench support``."""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests import prepared
from tests.bench.portal import ROOT
from tests.databases import new_database

#: The p95 that the pages have to keep, in milliseconds, and whether it holds at every size.
LIMITS = {"id": 50, "e-mail": 100, "words": 300, "record": 100, "first page": 300}
GROW_AT_MOST = 2  # times, from the small size to the big one
GROWING = ("id", "record")


def main() -> int:
    """Fill, measure, print; 0 where every limit is kept."""
    given = _arguments()
    kind = "postgres" if given.postgres else "sqlite"
    big = given.tasks or (1_000_000 if given.postgres else 100_000)
    results: dict[int, dict[str, dict[str, list[float]]]] = {}
    with prepared.kept(), tempfile.TemporaryDirectory(prefix="portal-bench-") as folder:
        for count in sorted({min(10_000, big), big}):
            place = Path(folder) / str(count)
            place.mkdir()
            with new_database(kind, place, given.postgres) as url:
                results[count] = _measure(url, count)
    return 0 if show(kind, results) else 1


def _measure(url: str, count: int) -> dict[str, dict[str, list[float]]]:
    env = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    fill = ["-m", "tests.bench.support.data", str(count)]
    subprocess.run([sys.executable, *fill], env=env, cwd=ROOT, check=True)
    asked = subprocess.run(
        [sys.executable, "-m", "tests.bench.support.measure"],
        env=env,
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
    )
    found: dict[str, dict[str, list[float]]] = json.loads(asked.stdout)
    return found


def show(kind: str, results: dict[int, dict[str, dict[str, list[float]]]]) -> bool:
    """Print the table; True where every limit is kept."""
    is_kept = True
    print(f"{kind:12}{'tasks':>10}{'first p95':>11}{'warm p95':>10}{'queries':>9}  limit (ms)")  # noqa: T201
    for count, pages in results.items():
        for page, times in pages.items():
            first, warm = p95(times["first"]), p95(times["warm"])
            limit = LIMITS.get(page, math.inf)
            is_kept &= max(first, warm) <= limit
            verdict = "" if max(first, warm) <= limit else "MISSED"
            queries = f"{min(times['queries']):.0f}-{max(times['queries']):.0f}"
            said = "" if limit == math.inf else str(limit)
            print(f"{page:12}{count:10}{first:11.1f}{warm:10.1f}{queries:>9}  {said} {verdict}")  # noqa: T201
    small, big = results[min(results)], results[max(results)]
    for page in GROWING:
        times = p95(big[page]["warm"]) / p95(small[page]["warm"])
        is_kept &= times <= GROW_AT_MOST
        print(f"{page} grows {times:.2f} times (at most {GROW_AT_MOST})")  # noqa: T201
    return is_kept


def p95(times: list[float]) -> float:
    """The time that 95 % do not exceed."""
    return sorted(times)[max(0, math.ceil(0.95 * len(times)) - 1)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("bin/bench support", description=__doc__)
    parser.add_argument("--tasks", type=int, default=0, help="of the big size (1,000,000; 100,000)")
    parser.add_argument("--postgres", default="", help="a PostgreSQL server; empty: SQLite")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
