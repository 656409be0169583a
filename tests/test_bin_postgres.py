"""Where bin/test finds its PostgreSQL server, and what it says where it finds none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from midsync_portal.processes import free_port
from tests.conftest import uses_database

ROOT = Path(__file__).resolve().parent.parent
NO_INSTALLED = "find_programs() { return 1; }; "
NO_APT = "can_apt() { return 1; }; "
NO_SERVER_TO_FIND = {"PGPORT": "9"}
ASK = 'get_postgres && echo "found $postgres" || echo "none: $postgres_is"'

# Stands in for PostgreSQL's programs; the server that it starts does not come up.
BROKEN_PROGRAM = "#!/bin/sh\necho 'the disk is full' >&2\nexit 1\n"


def run(script: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run lines of shell as bin/test would."""
    begin = f"set -euo pipefail; . bin/_lib.sh; . bin/_postgres.sh; python={sys.executable}; "
    return subprocess.run(
        ["bash", "-c", begin + "trap stop_postgres EXIT; " + script],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_named_server_that_does_not_answer_ends_the_run_with_a_sentence():
    done = run(ASK, TEST_POSTGRES_URL=f"postgres://tests@127.0.0.1:{free_port()}/postgres")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("bin/test: TEST_POSTGRES_URL does not answer: ")


def test_without_a_server_and_without_its_programs_that_is_said():
    done = run(NO_INSTALLED + NO_APT + ASK, **NO_SERVER_TO_FIND)
    assert done.stdout == (
        "none: no server answers, and no PostgreSQL is installed (TEST_POSTGRES_URL names one)\n"
    )


def test_where_it_can_be_installed_that_is_tried_once_and_its_failure_said():
    fakes = NO_INSTALLED + "can_apt() { return 0; }; install_postgres() { return 0; }; "
    done = run(fakes + ASK, **NO_SERVER_TO_FIND)
    installing, said = done.stdout.splitlines()
    assert installing == "Installing PostgreSQL ..."
    assert said.startswith("none: no server answers, and PostgreSQL could not be installed")


def test_a_server_that_does_not_start_is_given_up_with_its_last_words(tmp_path):
    programs, place = tmp_path / "programs", tmp_path / "place"
    for folder in (programs, place):
        folder.mkdir()
    for name in ("initdb", "pg_ctl", "postgres"):
        (programs / name).write_text(BROKEN_PROGRAM)
        (programs / name).chmod(0o755)
    fakes = f'find_programs() {{ echo {programs}; }}; not_as_root() {{ "$@"; }}; '
    fakes += f"mktemp() {{ mkdir {place}/server; echo {place}/server; }}; "
    done = run(fakes + ASK, TEST_POSTGRES_URL="own")
    assert done.stdout.startswith("none: PostgreSQL could not be started: ")
    assert "the disk is full" in done.stdout
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgres://ana:se-cr$t@db:5432/x", "postgres://ana@db:5432/x"),
        ("postgres://ana@db/x", "postgres://ana@db/x"),
        ("postgres://db/x", "postgres://db/x"),
    ],
)
def test_the_servers_password_is_not_printed(url, shown):
    assert run(f"without_password '{url}'").stdout == f"{shown}\n"


# --- What --only-database selects -----------------------------------------------------------------


def test_what_uses_no_database_is_tested_once(request):
    assert not uses_database(request.node)


@pytest.mark.django_db
def test_what_is_marked_is_tested_on_every_database(request):
    assert uses_database(request.node)


def test_what_uses_a_database_through_its_fixtures_is_tested_on_every_database(request, make_task):
    assert uses_database(request.node)
