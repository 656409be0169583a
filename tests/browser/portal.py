"""A portal of real processes for the browser: bin/web, bin/worker, a database of its own."""

import os
import re
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from midsync_portal.demo import Kept, write_kept
from midsync_portal.processes import (
    Process,
    end_all,
    free_port,
    run_to_end,
    wait_until_answers,
)

ROOT = Path(__file__).resolve().parents[2]
EMAIL, PASSWORD = "ana@example.com", "a-long-enough-password"
SUPPORT, OPERATOR = "sam@support.example.com", "olga@support.example.com"
NEW = "nori@example.com"  # of a team that has ordered nothing yet

PREPARE = """
import sys
import django
django.setup()
from django.core.management import call_command
from midsync_portal.demo import collect_static
call_command("migrate", interactive=False, verbosity=0)
collect_static()
call_command("add_customer", sys.argv[1], name="Ana's team")
call_command("add_support", sys.argv[2])
call_command("add_support", sys.argv[3], operator=True)
call_command("add_customer", sys.argv[4], name="Nori's team")
from midsync_portal.management.commands.seed_demo import set_up_second_factor
from midsync_portal.models import User
for staff in User.objects.filter(is_staff=True):
    set_up_second_factor(staff)
"""


@dataclass(frozen=True)
class Portal:
    """Where a running portal is, and who can log in."""

    address: str
    email: str
    password: str
    folder: Path
    restart_web: Callable[[], None] = lambda: None
    kill_worker: Callable[[], None] = lambda: None
    start_worker: Callable[[], None] = lambda: None


def environment(**own: str) -> dict[str, str]:
    """The tests' own settings and nothing of the shell's."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ} | own


def _settings(midsync: str, port: int, folder: Path) -> dict[str, str]:
    return {
        "DEBUG": "false",
        "SECRET_KEY": "a-key-of-the-browser-tests-that-is-long-enough-for-the-checks",
        "PORTAL_URL": f"http://127.0.0.1:{port}",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WEB_CONCURRENCY": "2",
        "DATABASE_URL": f"sqlite:///{folder / 'portal.sqlite3'}",
        "MEDIA_ROOT": str(folder / "media"),
        "STATIC_ROOT": str(folder / "static"),
        "MIDSYNC_BASE_URL": midsync,
        "MIDSYNC_API_KEY": "canary-key-of-the-tests",
        "RESULT_ORIGINS_TRUSTED": midsync,
        "CALLBACK_SIGNING_KEYS": "callback-key-of-the-browser-tests",
        "SUBMIT_RATE": "1000",
        "OPEN_TASKS_MAX": "1000",
        "QUOTE_RATE": "1000",
        "PORTAL_PASSWORD": PASSWORD,
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": "midsync_portal.settings",
    }


def prepare(folder: Path) -> Path:
    """A folder with static files and a database with people in it, to be copied."""
    prepare_in(environment(**_settings("http://127.0.0.1:9", 9, folder)))
    return folder


def prepare_in(env: dict[str, str]) -> None:
    """Tables, static files and people, where these settings say."""
    run_to_end([sys.executable, "-c", PREPARE, EMAIL, SUPPORT, OPERATOR, NEW], env, ROOT)


@contextmanager
def portal_at(
    midsync: str,
    prepared: Path,
    folder: Path,
    seed: str = "",
    port: int = 0,
    **settings: str,
) -> Iterator[Portal]:
    """A portal that orders from the MidSync at this address; ends with the block.

    `seed` is a module that fills its tables first.
    """
    shutil.copytree(prepared, folder, dirs_exist_ok=True)
    values = _settings(midsync, port or free_port(), folder) | settings
    env, address = environment(**values), values["PORTAL_URL"]
    if seed:
        run_to_end([sys.executable, "-m", seed], env, ROOT)
    running: list[Process] = []

    def start(name: str) -> Process:
        return Process(name, [str(ROOT / "bin" / name)], env, folder / f"{name}.log", ROOT)

    def wait() -> None:
        wait_until_answers(f"{address}/healthz", running)
        wait_until_answers(f"{address}/accounts/login/", running)

    def restart_web() -> None:
        end_all(running[:1])
        running[0] = start("web")
        wait()

    def kill_worker() -> None:
        running[1].signal(signal.SIGKILL)
        running[1].wait(10)

    def start_worker() -> None:
        running[1] = start("worker")

    try:
        running += [start("web"), start("worker")]
        wait()
        yield Portal(address, EMAIL, PASSWORD, folder, restart_web, kill_worker, start_worker)
        for process in running:
            process.check()
    finally:
        end_all(running)


def start_demo(folder: Path, prepared: Path, speed: float = 1, video_height: int = 180) -> Process:
    """Start the whole demo, as bin/demo does; its data are kept in the folder."""
    data = folder / "data"
    if not data.exists():
        shutil.copytree(prepared / "static", data / "static")  # takes seconds to make
        shutil.copy(prepared / "static.stamp", data)
        # Ports that no other demo of this machine looks for.
        write_kept(data, Kept(port=free_port(), simulator_port=free_port()))
    command = [sys.executable, "-m", "midsync_portal.demo", "--data", str(data)]
    env = environment(
        PYTHONUNBUFFERED="1",
        NO_BROWSER="1",
        SIMULATOR_SPEED=str(speed),
        SIMULATOR_VIDEO_HEIGHT=str(video_height),
    )
    return Process("demo", command, env, folder / "demo.log", ROOT)


@contextmanager
def demo_in(
    folder: Path, prepared: Path, speed: float = 1, video_height: int = 180
) -> Iterator[Portal]:
    """The whole demo; the customer's log-in is read from what it prints."""
    demo = start_demo(folder, prepared, speed, video_height)
    try:
        printed = until_printed(demo, "Ctrl-C ends")
        address = re.search(r"http://127\.0\.0\.1:\d+", printed)
        log_in = re.search(r"(\S+@\S+) / (\S+)", printed)
        assert address, printed
        assert log_in, printed
        yield Portal(address[0], log_in[1], log_in[2], folder)
        demo.check()
    finally:
        demo.signal(signal.SIGINT)
        demo.wait(30)
        end_all([demo])


def until_printed(demo: Process, words: str) -> str:
    """All that the demo has printed, as soon as the words are among it."""
    pause = threading.Event()
    while words not in (printed := demo.log.read_text()):
        demo.check()
        pause.wait(0.1)
    return printed
