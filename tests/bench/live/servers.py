"""Starts a mechanism's servers on a fresh database and gives them back at the end."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
from psycopg import sql

from midsync_portal.processes import (
    Process,
    end_all,
    free_port,
    run_to_end,
    wait_until_answers,
)
from midsync_portal.serving.__main__ import UVICORN

from .machine import Cost, cost_of, family_of, group_of

ROOT = Path(__file__).resolve().parents[3]
VARIANTS = "tests.bench.live.variants"
NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
load_module {module};
events {{ worker_connections 20000; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port};
    location ~ ^/pub/(.+)$ {{
      nchan_publisher; nchan_channel_id $1; nchan_message_buffer_length 0;
    }}
    location ~ ^/sub/(.+)$ {{
      nchan_subscriber eventsource; nchan_channel_id $1; nchan_channel_id_split_delimiter ",";
    }}
  }}
}}
"""


@dataclass(frozen=True)
class Mechanism:
    """One way from the commit to the browser."""

    name: str
    database: str = "sqlite"
    processes: int = 2
    application: str = "midsync_portal.asgi:application"
    settings: str = "midsync_portal.settings"
    stream: str = "/stream/?rows=ROWS"
    poll_seconds: float = 0
    needs: tuple[str, ...] = ()  # redis, nchan, peers
    needs_seed: bool = True


PORTAL = [
    Mechanism(f"portal, {database}, {processes} worker{'s' * (processes > 1)}", database, processes)
    for database in ("sqlite", "postgres")
    for processes in (1, 2)
]
EVENTSTREAM = [
    Mechanism(
        f"django-eventstream, {database}, {label}",
        database,
        processes,
        f"{VARIANTS}.eventstream:application",
        f"{VARIANTS}.eventstream_settings",
        "/events/?CHANNELS",
        needs=("peers", *needs),
    )
    for database in ("sqlite", "postgres")
    for processes, label, needs in ((1, "1 worker", ()), (2, "2 workers, Redis", ("redis",)))
]
POLLING = Mechanism(
    "htmx polling every 2 s, sqlite, 2 workers",
    application=f"{VARIANTS}.polling:application",
    settings=f"{VARIANTS}.polling_settings",
    stream="/poll/?rows=ROWS",
    poll_seconds=2,
)
NCHAN = Mechanism(
    "nchan, sqlite, 2 workers",
    application=f"{VARIANTS}.nchan:application",
    stream="NCHAN/sub/ROWS",
    needs=("nchan",),
)
FLOOR = Mechanism(
    "bare asyncio, no Django, no database, 1 worker",
    processes=1,
    application=f"{VARIANTS}.floor:application",
)


@dataclass(frozen=True)
class Running:
    """Servers that run, and what they serve."""

    mechanism: Mechanism
    address: str
    stream: str  # with ROWS
    cookie: str
    callbacks: dict[str, str]
    unused: list[str]  # tasks of which no scenario has told anything yet
    web: Process
    others: tuple[Process, ...]
    cost: Callable[[], Cost]

    def take(self, tasks: int) -> list[str]:
        """So many tasks for one scenario alone: a task that has ended changes no more."""
        taken = self.unused[:tasks]
        assert len(taken) == tasks, "too few tasks were made"
        del self.unused[:tasks]
        return taken


class GaveUp(Exception):
    """A mechanism did not hold what it was to hold; one sentence."""


class Missing(Exception):
    """Something that a mechanism needs is not there; one sentence."""


@contextmanager
def running(
    mechanism: Mechanism, tasks: int, folder: Path, python: str, postgres: str
) -> Iterator[Running]:
    """The mechanism's servers with so many tasks in a database of their own."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        port = free_port()
        env = _environment(mechanism, folder, port, stack, postgres)
        others = _helpers(mechanism, env, folder, stack)
        cookie, numbers = "", [[f"{n:08x}-0000-4000-8000-000000000000", ""] for n in range(tasks)]
        if mechanism.application != FLOOR.application:
            seed = [sys.executable, "-m", "tests.bench.live.seed", str(tasks)]
            portals_own = {"DJANGO_SETTINGS_MODULE": "midsync_portal.settings"}
            cookie, numbers = json.loads(run_to_end(seed, env | portals_own, ROOT))
        address = f"http://127.0.0.1:{port}"
        callbacks = {
            number: url or f"{address}/callbacks/{number}/token/" for number, url in numbers
        }
        app = [python, "-m", "uvicorn", mechanism.application, *UVICORN]
        app += ["--port", str(port), "--workers", str(mechanism.processes)]
        if mechanism.application == FLOOR.application:
            app[app.index("--http") + 1] = "h11"
        web = Process("web", app, env, folder / "web.log", ROOT)
        stack.callback(end_all, [web])
        wait_until_answers(f"{address}/healthz", [web])
        if mechanism.needs_seed and mechanism.application != FLOOR.application:
            wait_until_answers(f"{address}/accounts/login/", [web])
        nchan = f"http://{env.get('BENCH_NCHAN', '')}"
        stream = mechanism.stream.replace("NCHAN", nchan)

        def cost() -> Cost:
            pids = [pid for process in (web, *others) for pid in group_of(process.pid)]
            own = cost_of(pids)
            if mechanism.database != "postgres":
                return own
            # PostgreSQL's memory and processes are not those of the streams: it shares them.
            return replace(own, cpu=own.cpu + cost_of(postgres_processes(postgres)).cpu)

        yield Running(
            mechanism,
            address,
            stream if stream.startswith("http") else address + stream,
            cookie,
            callbacks,
            list(callbacks),
            web,
            others,
            cost,
        )


def _environment(
    mechanism: Mechanism, folder: Path, port: int, stack: ExitStack, postgres: str
) -> dict[str, str]:
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")
    database = f"sqlite:///{folder / 'portal.sqlite3'}"
    if mechanism.database == "postgres":
        database = stack.enter_context(_database(postgres))
    env = {name: os.environ[name] for name in kept if name in os.environ} | {
        "ENV_FILE": os.devnull,
        "DJANGO_SETTINGS_MODULE": mechanism.settings,
        "DEBUG": "false",
        "SECRET_KEY": "a-key-of-the-benchmark-that-is-long-enough-for-the-checks-0123",
        "CALLBACK_SIGNING_KEYS": "callback-key-of-the-benchmark",
        "PORTAL_URL": f"http://127.0.0.1:{port}",
        "DATABASE_URL": database,
        "MIDSYNC_BASE_URL": "http://127.0.0.1:9",
        "MIDSYNC_API_KEY": "key-of-the-benchmark",
        "STATIC_ROOT": str(ROOT / "data" / "bench" / "static"),
        "MEDIA_ROOT": str(folder / "media"),
        "STREAMS_PER_PERSON": "100000",
        "CALLBACK_BODIES_PER_TASK": "1000000",
        "LOG_LEVEL": "WARNING",
        "PYTHONUNBUFFERED": "1",
    }
    if "redis" in mechanism.needs:
        env["BENCH_REDIS"] = f"127.0.0.1:{free_port()}"
    if "nchan" in mechanism.needs:
        env["BENCH_NCHAN"] = f"127.0.0.1:{free_port()}"
    return env


def _helpers(
    mechanism: Mechanism, env: dict[str, str], folder: Path, stack: ExitStack
) -> tuple[Process, ...]:
    """Redis or nginx, if the mechanism needs them."""
    started = []
    if "redis" in mechanism.needs:
        port = env["BENCH_REDIS"].partition(":")[2]
        command = ["redis-server", "--port", port, "--save", "", "--appendonly", "no"]
        started.append(Process("redis", command, env, folder / "redis.log", folder))
    if "nchan" in mechanism.needs:
        port = env["BENCH_NCHAN"].partition(":")[2]
        config = folder / "nginx.conf"
        config.write_text(NGINX.format(folder=folder, port=port, module=nchan_module()))
        command = [_program("nginx"), "-c", str(config)]
        started.append(Process("nginx", command, env, folder / "nginx.out", folder))
    stack.callback(end_all, started)
    return tuple(started)


def nchan_module() -> Path:
    """Debian's nchan module for nginx. Raises Missing."""
    found = sorted(Path("/usr/lib/nginx/modules").glob("ngx_nchan_module.so"))
    if not found:
        raise Missing("nchan is not there: apt install libnginx-mod-nchan.")
    return found[0]


def _program(name: str) -> str:
    for folder in (*os.environ["PATH"].split(":"), "/usr/sbin"):
        if os.access(f"{folder}/{name}", os.X_OK):
            return f"{folder}/{name}"
    raise Missing(f"{name} is not there: apt install {name}.")


@contextmanager
def _database(server: str) -> Iterator[str]:
    """A PostgreSQL database of the run's own."""
    if not server:
        raise Missing("no PostgreSQL answers: name one in TEST_POSTGRES_URL.")
    name = f"portal_bench_{os.getpid()}"
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(drop)
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield server.rpartition("/")[0] + "/" + name
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(drop)


def postgres_processes(url: str) -> list[int]:
    """Every process of a PostgreSQL server on this machine."""
    with psycopg.connect(url) as connection:
        return family_of(connection.info.backend_pid)


def client_of(running: Running, plan: dict[str, object]) -> "Client":
    """The process that plays browsers and MidSync against these servers."""
    return Client(plan | {"stream": running.stream, "cookie": running.cookie})


class Client:
    """`load` in a process of its own, step by step: open, sent, done."""

    def __init__(self, plan: dict[str, object]) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.live.load"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._say(json.dumps(plan))

    def until(self, word: str) -> None:
        """Wait until it has come so far; `go_on` lets it continue."""
        line = self._listen()
        if line != word:
            raise GaveUp(f"the load process ended before {word!r}: {line or 'without a word'}")

    def go_on(self) -> None:
        """Let it continue."""
        self._say("")

    def results(self) -> dict[str, object]:
        """What it saw."""
        line = self._listen()
        if not line.startswith("{"):
            raise GaveUp(f"the load process ended without results: {line}")
        found: dict[str, object] = json.loads(line)
        self._popen.communicate(timeout=30)
        return found

    def _say(self, text: str) -> None:
        assert self._popen.stdin is not None
        self._popen.stdin.write(text + "\n")
        self._popen.stdin.flush()

    def _listen(self) -> str:
        assert self._popen.stdout is not None
        return self._popen.stdout.readline().strip()
