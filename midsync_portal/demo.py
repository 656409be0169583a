"""The whole portal on one machine: web, worker and a simulator of MidSync, for looking at it.

`bin/demo` runs it. Everything the demo makes stays in one folder (data/demo): database, keys,
ports, videos, log files; a second run goes on with them. Django runs only in the processes that
this one starts and ends.
"""

import argparse
import base64
import fcntl
import hashlib
import hmac
import json
import os
import secrets
import signal
import struct
import sys
import threading
import time
import webbrowser
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO

from .processes import (
    Process,
    ProcessEnded,
    end_all,
    free_port,
    hold_port,
    port_is_free,
    run_to_end,
    wait_until_answers,
)

ROOT = Path(__file__).resolve().parent.parent
FIRST_PORT = 8000
FIRST_SIMULATOR_PORT = 8900
# The second factor of the demo's staff, for an authenticator app; known to everybody.
SECOND_FACTOR = "MIDSYNCPORTALDEMOMIDSYNCPORTALDE"
PREPARE = "from midsync_portal.demo import prepare; prepare()"
# What the demo's processes may know of the shell they were started from; no setting of a real
# portal is among it.
KEPT_FROM_SHELL = (
    "PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TERM", "NO_COLOR",
    "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "WEB_CONCURRENCY", "LOG_LEVEL",
    "SIMULATOR_SPEED", "SIMULATOR_SEED", "SIMULATOR_VIDEO_HEIGHT", "SIMULATOR_UNKNOWN_MODEL",
)  # fmt: skip


class DemoStopped(Exception):
    """The demo cannot go on; the message is what to tell the person."""


@dataclass(frozen=True)
class Kept:
    """What outlives a run beside the database: keys, and the ports that URLs in flight name."""

    port: int = 0
    simulator_port: int = 0
    secret_key: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    callback_key: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    callback_secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    midsync_api_key: str = field(default_factory=lambda: secrets.token_urlsafe(24))


def read_kept(folder: Path) -> Kept:
    """What the last run left in its folder; fresh keys where there was none."""
    file = folder / "demo.json"
    if not file.exists():
        return Kept()
    try:
        return Kept(**json.loads(file.read_text()))
    except (ValueError, TypeError):
        raise DemoStopped(f"{file} cannot be read. Remove {folder} to start anew.") from None


def write_kept(folder: Path, kept: Kept) -> None:
    """Keep it for the next run, readable by nobody else."""
    new = folder / "demo.json.new"
    new.touch(mode=0o600)
    new.write_text(json.dumps(asdict(kept), indent=2) + "\n")
    new.replace(folder / "demo.json")


def choose_ports(kept: Kept, wanted: int, say: Callable[[str], None]) -> Kept:
    """The ports of this run: the last run's if they are free, else the next free ones."""
    first = wanted or kept.port or FIRST_PORT
    port = free_port(first)
    if port != first:
        say(f"Port {first} is taken; using {port}.")
    if kept.port and port != kept.port:
        say(f"Callbacks that are still on their way to port {kept.port} will not arrive.")
    simulator_port = free_port(kept.simulator_port or FIRST_SIMULATOR_PORT, avoid=[port])
    return replace(kept, port=port, simulator_port=simulator_port)


def environment(folder: Path, kept: Kept) -> dict[str, str]:
    """The environment of all the demo's processes; every setting that counts is named."""
    simulator = f"http://127.0.0.1:{kept.simulator_port}"
    address = f"http://127.0.0.1:{kept.port}"
    return {name: os.environ[name] for name in KEPT_FROM_SHELL if name in os.environ} | {
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": "midsync_portal.settings",
        "DEBUG": "false",
        "SECRET_KEY": kept.secret_key,
        "PORTAL_URL": address,
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "TRUSTED_PROXIES": "0",
        "HOST": "127.0.0.1",
        "PORT": str(kept.port),
        "DATABASE_URL": f"sqlite:///{folder / 'portal.sqlite3'}",
        "MEDIA_ROOT": str(folder / "media"),
        "STATIC_ROOT": str(folder / "static"),
        "MIDSYNC_BASE_URL": simulator,
        "MIDSYNC_API_KEY": kept.midsync_api_key,
        "RESULT_ORIGINS_TRUSTED": simulator,
        "CALLBACK_SIGNING_KEYS": kept.callback_key,
        "CALLBACK_SIGNATURE": "hmac",
        "CALLBACK_SIGNATURE_SECRET": kept.callback_secret,
        "EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend",
        "LOG_FORMAT": "text",
        "SIMULATOR_API_KEY": kept.midsync_api_key,
        "SIMULATOR_SIGNATURE": f"hmac:{kept.callback_secret}",
        "SIMULATOR_ACCOUNT_CALLBACK": f"{address}/callbacks/",
    }


def code_now(secret: str = SECOND_FACTOR, now: float | None = None) -> str:
    """What an authenticator app shows for the secret: six digits, new every 30 seconds."""
    step = int(time.time() if now is None else now) // 30
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", step), "sha1").digest()
    start = digest[-1] & 15
    number = struct.unpack(">I", digest[start : start + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def only_one(folder: Path) -> IO[str]:
    """Hold the folder for this process. Raises DemoStopped if another demo runs in it."""
    lock = (folder / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        port = read_kept(folder).port
        raise DemoStopped(f"The demo already runs at http://127.0.0.1:{port}/ .") from None
    return lock


def prepare() -> None:
    """Bring database, static files and people up to date; runs in a process of its own."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    collect_static()
    call_command("seed_demo")  # prints the log-ins


def collect_static() -> None:
    """Collect and compress the static files, which takes seconds, if any of them has changed."""
    from django.conf import settings
    from django.contrib.staticfiles.finders import get_finders
    from django.core.management import call_command

    sources = sorted(
        (name, os.stat(storage.path(name)).st_mtime_ns)
        for finder in get_finders()
        for name, storage in finder.list([])
    )
    stamp = Path(settings.STATIC_ROOT).with_suffix(".stamp")
    seen = hashlib.sha256(repr(sources).encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == seen:
        return
    stamp.unlink(missing_ok=True)
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(seen)


def start(name: str, folder: Path, kept: Kept, env: dict[str, str]) -> Process:
    """Start the simulator, the web server or a worker; its log is one of this run only."""
    commands = {
        "simulator": [
            sys.executable, "-m", "midsync_portal.simulator", "--host", "127.0.0.1",
            "--port", str(kept.simulator_port), "--data", str(folder / "simulator"),
        ],
        "web": [str(ROOT / "bin" / "web")],
        "worker": [str(ROOT / "bin" / "worker")],
    }  # fmt: skip
    log = folder / f"{name}.log"
    log.write_text("")
    return Process(name, commands[name], env, log, ROOT)


def open_browser(url: str) -> None:
    """Show the first page, where there is a person and a screen."""
    has_screen = sys.platform == "darwin" or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if sys.stdout.isatty() and has_screen and not ({"NO_BROWSER", "CI"} & os.environ.keys()):
        webbrowser.open(url)


def run(folder: Path, wanted_port: int, stopped: threading.Event) -> None:
    """Run the demo until `stopped` is set.

    Raises DemoStopped, or ProcessEnded when one of the processes ends by itself.
    """

    def say(text: str) -> None:
        print(text, flush=True)  # noqa: T201

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "simulator").mkdir(exist_ok=True)
    lock = only_one(folder)
    running: list[Process] = []
    try:
        kept = choose_ports(read_kept(folder), wanted_port, say)
        write_kept(folder, kept)
        env = environment(folder, kept)
        address = env["PORTAL_URL"]
        with hold_port(kept.port):
            say("Starting the simulator, preparing the database ...")
            running.append(start("simulator", folder, kept, env))
            log_ins = run_to_end([sys.executable, "-c", PREPARE], env, ROOT)
        if stopped.is_set():
            return
        say("Starting the portal ...")
        running.extend(start(name, folder, kept, env) for name in ("web", "worker"))
        for path in ("/healthz", "/accounts/login/"):
            wait_until_answers(address + path, running, stopped=stopped.is_set)
        wait_until_listening(kept.simulator_port, running, stopped)
        if stopped.is_set():
            return
        say(
            f"\nMidsync Portal    {address}/\n\n{log_ins.strip()}\n\n"
            f"Support and operator need a code, too: {code_now()} now; bin/demo --code prints the "
            f"next ones,\nor add {SECOND_FACTOR} to an authenticator app.\n\n"
            f"MidSync itself is played by a simulator at {env['MIDSYNC_BASE_URL']}/ : nothing is "
            f"charged.\nData and logs are kept in {folder}. Ctrl-C ends everything."
        )
        open_browser(address + "/")
        while not stopped.wait(0.3):
            for process in running:
                process.check()
        say("\nEnding ...")
    finally:
        end_all(running)
        lock.close()


def wait_until_listening(port: int, running: list[Process], stopped: threading.Event) -> None:
    """Return as soon as something listens on the port. Raises ProcessEnded as `run` does."""
    while port_is_free(port) and not stopped.wait(0.1):
        for process in running:
            process.check()


def main() -> int:
    """Read the command line, run the demo, return the exit code."""
    parser = argparse.ArgumentParser(prog="bin/demo", description="Run the portal for a look.")
    parser.add_argument("--data", type=Path, default=ROOT / "data" / "demo", metavar="FOLDER")
    parser.add_argument("--port", type=int, default=0, help="instead of 8000 or the last one used")
    parser.add_argument("--code", action="store_true", help="print the code of support's log-in")
    options = parser.parse_args()
    if options.code:
        print(code_now())  # noqa: T201
        return 0

    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopped.set())
    try:
        run(options.data.resolve(), options.port, stopped)
    except (DemoStopped, ProcessEnded) as problem:
        if stopped.is_set():  # Ctrl-C also reaches a command that was preparing something
            return 0
        print(f"bin/demo: {problem}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
