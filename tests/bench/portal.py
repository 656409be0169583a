"""A portal of real processes for measuring: bin/web with two workers, a database of its own."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from midsync_portal.processes import (
    Process,
    end_all,
    free_port,
    wait_until_answers,
)

from .midsync import API_KEY

ROOT = Path(__file__).resolve().parents[2]
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")


class Inside:
    """Another process of the portal, which looks at its tables and changes them when told to."""

    def __init__(self, env: dict[str, str]) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.inside"],
            env=env,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, name: str, *values: Any) -> Any:
        """Call a function of `tests.bench.inside` and return what it returns."""
        assert self._popen.stdin
        assert self._popen.stdout
        self._popen.stdin.write(json.dumps([name, *values]) + "\n")
        self._popen.stdin.flush()
        return json.loads(self._popen.stdout.readline())

    def close(self) -> None:
        """End it."""
        assert self._popen.stdin
        assert self._popen.stdout
        self._popen.stdin.close()
        self._popen.stdout.close()
        self._popen.wait(20)


class Portal:
    """A running portal."""

    def __init__(self, env: dict[str, str], web: Process, inside: Inside) -> None:
        self.address = env["PORTAL_URL"]
        self.port = int(env["PORT"])
        self.database_url = env["DATABASE_URL"]
        self.web = web
        self.inside = inside


@contextmanager
def portal_on(
    database_url: str, folder: Path, midsync: str, *, static: Path | None = None, **more: str
) -> Iterator[Portal]:
    """The portal on this database, which has tables and no rows; ends with the block.

    `more` are settings by name; `static` is where static files are collected once for all.
    """
    # Below the ports that the system gives to clients: one of theirs could take it meanwhile.
    port = free_port(random.randrange(20_000, 30_000))  # noqa: S311
    env = {name: os.environ[name] for name in KEPT if name in os.environ} | {
        "DJANGO_SETTINGS_MODULE": "midsync_portal.settings",
        "ENV_FILE": os.devnull,
        "SECRET_KEY": "a-key-of-the-bench-that-is-long-enough-for-the-checks-0123456789",
        "PORTAL_URL": f"http://127.0.0.1:{port}",
        "ALLOWED_HOSTS": "127.0.0.1,testserver",
        "PORT": str(port),
        "WEB_CONCURRENCY": "2",
        "DATABASE_URL": database_url,
        "MIDSYNC_BASE_URL": midsync,
        "RESULT_ORIGINS_TRUSTED": midsync,
        "MIDSYNC_API_KEY": API_KEY,
        "CALLBACK_SIGNING_KEYS": "a-key-of-the-bench",
        "SUBMIT_RATE": "10000",
        "OPEN_TASKS_MAX": "10000",
        "QUOTE_RATE": "10000",
        "STATIC_ROOT": str(static or folder / "static"),
        "MEDIA_ROOT": str(folder / "media"),
        **more,
    }
    web = Process("web", ["bin/web"], env, folder / "web.log", ROOT)
    inside = Inside(env)
    try:
        wait_until_answers(f"{env['PORTAL_URL']}/accounts/login/", [web])
        yield Portal(env, web, inside)
    finally:
        inside.close()
        end_all([web])
