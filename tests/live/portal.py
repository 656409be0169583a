"""A portal under way: it serves, four processes write, pages follow."""

from contextlib import ExitStack

from .pages import WatchingPage, lost, wait_until
from .processes import Worker

WRITERS = 4
TASKS = 60  # by each of them in equal parts
PAGES = 12


class Portal:
    """bin/web, four processes that write, and pages that watch everything."""

    def __init__(self, web, env, stack: ExitStack) -> None:
        self.web, self._env, self._stack = web, env, stack
        self.writers = [Worker(env) for _ in range(WRITERS)]
        for writer in self.writers:
            stack.callback(writer.end)

    def open_pages(self) -> tuple[list[WatchingPage], list[str]]:
        """Pages that show new tasks of one customer."""
        cookie, tasks = self.writers[0].do("make", TASKS)
        port = int(self._env["PORT"])
        pages = [WatchingPage(port, cookie, tasks) for _ in range(PAGES)]
        for page in pages:
            self._stack.callback(page.close)
        wait_until("all pages show all rows", lambda: not lost(pages, tasks, "queued"))
        return pages, tasks

    def begin(self, tasks: list[str]) -> None:
        """Let the writers lead the tasks to their end, each its own."""
        for number, writer in enumerate(self.writers):
            writer.begin("finish", tasks[number::WRITERS], number)

    def finish(self) -> None:
        """Wait until the last change is committed."""
        for writer in self.writers:
            assert writer.result()


def first_ends(pages: list[WatchingPage]) -> None:
    """Wait until the first task has come to its end, so that what follows comes midway."""
    wait_until("a row ends", lambda: any("succeeded" in page.last.values() for page in pages))
