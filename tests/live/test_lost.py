"""No final state is lost: many writers, dropped lines, a killed worker; real processes."""

import os
import re
import signal
from contextlib import ExitStack

import pytest

from tests.databases import DATABASES, new_database

from .pages import lost, wait_until
from .portal import PAGES, Portal, first_ends
from .processes import environment, serving


@pytest.fixture(scope="module", params=DATABASES)
def portal(request, tmp_path_factory):
    """One portal for all tests of a database; each has tasks of its own."""
    folder = tmp_path_factory.mktemp("lost")
    with ExitStack() as stack:
        url = stack.enter_context(new_database(request.param, folder))
        env = environment(url, folder)
        yield Portal(stack.enter_context(serving(env, folder)), env, stack)


def test_many_writers_that_commit_in_any_order_lose_no_final_state(portal):
    pages, tasks = portal.open_pages()
    portal.begin(tasks)
    portal.finish()
    wait_until("all rows end", lambda: not lost(pages, tasks))
    assert [page.connects for page in pages] == [1] * PAGES


def test_half_of_the_streams_drop_and_lose_no_final_state(portal):
    pages, tasks = portal.open_pages()
    portal.begin(tasks)
    first_ends(pages)
    for page in pages[::2]:
        page.drop()
    portal.finish()
    wait_until("all rows end", lambda: not lost(pages, tasks))
    assert [page.connects for page in pages] == [2, 1] * (PAGES // 2)


def test_workers_are_killed_and_take_no_final_state_with_them(portal):
    """One after the other, so that each page loses its line at least once."""
    pages, tasks = portal.open_pages()
    portal.begin(tasks)
    first_ends(pages)
    both = started(portal)[-2:]
    for number, process in enumerate(both, start=1):
        before = len(started(portal))
        os.kill(process, signal.SIGKILL)
        wait_until(
            f"{number} is started again", lambda before=before: len(started(portal)) > before
        )
    portal.finish()
    wait_until("all rows end", lambda: not lost(pages, tasks))
    assert min(page.connects for page in pages) > 1


def started(portal) -> list[int]:
    """The ids of all processes that bin/web has started so far."""
    found = re.findall(r"Started server process \[(\d+)\]", portal.web.log.read_text())
    return [int(process) for process in found]
