"""bin/crash-test: one crash run from the command line."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.prepared import kept

from .databases import database_of
from .figures import fresh_seed
from .run import CrashRun


def main() -> int:
    """Run it, print the figures; 1 where a promise was broken."""
    parser = argparse.ArgumentParser("bin/crash-test", description=__doc__)
    parser.add_argument("--tasks", type=int, default=200)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--seed", default=fresh_seed())
    given = parser.parse_args()
    server = os.environ.get("TEST_POSTGRES_URL", "")
    if given.database == "postgres" and not server:
        parser.error("TEST_POSTGRES_URL must name a server.")
    folder = Path(tempfile.mkdtemp(prefix="crash-"))
    print(f"logs and data: {folder}", flush=True)  # noqa: T201
    with kept(), database_of(given.database, folder, server) as database:
        figures = CrashRun(folder, database, given.tasks, given.seed).run()
    print("\n".join(figures.lines()))  # noqa: T201
    return 1 if figures.problems or not figures.doubles_of_the_wrong_sender else 0


if __name__ == "__main__":
    sys.exit(main())
