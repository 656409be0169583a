"""The portal's processes and the simulator: started, kept running, killed with SIGKILL."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from midsync_portal.processes import (
    Process,
    ProcessEnded,
    end_all,
    free_port,
    port_is_free,
    run_to_end,
    wait_until_answers,
)
from midsync_portal.simulator.video import VideoSpec, render
from tests.prepared import static_files

from .databases import Database
from .points import Control

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "a-long-enough-password"
KEY = "canary-key-of-the-crash-run"
SEED = "crash"
WORKERS = ("worker-1", "worker-2")
PREPARE = """
import sys
import django
django.setup()
from django.core.management import call_command
call_command("migrate", interactive=False, verbosity=0)
for email in sys.argv[1:]:
    call_command("add_customer", email, name=f"Team of {email}", verbosity=0)
"""


class Site:
    """bin/web with two processes, two bin/worker, and a simulator that outlives them all."""

    def __init__(self, folder: Path, database: Database, control: Control) -> None:
        self._folder = folder
        self._control = control
        port, simulator_port = free_port(), free_port()
        self.address = f"http://127.0.0.1:{port}"
        self.simulator_address = f"http://127.0.0.1:{simulator_port}"
        self.simulator_file = folder / "simulator" / "simulator.sqlite3"
        self._ports = (port, simulator_port)
        kept = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")
        self._env = {name: os.environ[name] for name in kept if name in os.environ} | {
            "ENV_FILE": os.devnull,
            "DEBUG": "false",
            "SECRET_KEY": "a-key-of-the-crash-run-that-is-long-enough-for-the-checks-0123456789",
            "PORTAL_URL": self.address,
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "WEB_CONCURRENCY": "2",
            "DATABASE_URL": database.url,
            "MEDIA_ROOT": str(folder / "media"),
            "STATIC_ROOT": str(static_files()),
            "MIDSYNC_BASE_URL": self.simulator_address,
            "MIDSYNC_API_KEY": KEY,
            "MIDSYNC_KEY_EXCLUSIVE": "true",
            "MIDSYNC_GENERATE_TIMEOUT": "20",
            "MIDSYNC_SEND_LEASE": "60",
            "FIRST_CHECK_SECONDS": "2",
            "SUBMIT_WAIT": "2",
            "RESULT_ORIGINS_TRUSTED": self.simulator_address,
            "CALLBACK_SIGNING_KEYS": "callback-key-of-the-crash-run",
            "PORTAL_PASSWORD": PASSWORD,
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": "midsync_portal.settings",
            # More than people may do; how much MidSync may be asked is not what is tested here.
            "SUBMIT_RATE": "100000",
            "OPEN_TASKS_MAX": "100000",
            "QUOTE_RATE": "100000",
            "MIDSYNC_RATE": "100",
            "MIDSYNC_BREAKER_FAILURES": "100000",
        }
        self._running: dict[str, Process] = {}
        self._guard = threading.RLock()
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep_running, daemon=True)
        self.is_up = False
        self.kills = 0  # SIGKILLs by this class, each of a process or of a whole group
        self.unexpected: list[str] = []

    def prepare(self, emails: list[str], videos: int) -> None:
        """Make tables, people and the videos that the simulator will be asked for."""
        run_to_end([sys.executable, "-c", PREPARE, *emails], self._env, ROOT)
        media = self._folder / "simulator" / "media"
        media.mkdir(parents=True)
        one = self._folder / "video.webm"
        render(VideoSpec(64, 36, ((1, "crash"),), "runway", "text", False), one)
        for n in range(1, videos + 1):  # as the simulator names them, so that it renders none
            name = hashlib.sha256(f"{SEED}:task:{n}".encode()).hexdigest()[:20]
            os.link(one, media / f"ms-{name}.webm")

    def start_simulator(self) -> None:
        """Start the judge, which nobody kills."""
        env = {name: self._env[name] for name in ("PATH", "PYTHONUNBUFFERED")} | {
            "SIMULATOR_API_KEY": KEY,
            "SIMULATOR_SEED": SEED,
        }
        command = [sys.executable, "-m", "midsync_portal.simulator"]
        command += ["--port", str(self._ports[1]), "--data", str(self.simulator_file.parent)]
        log = self._folder / "simulator.log"
        self._simulator = Process("simulator", command, env, log, ROOT)
        wait_until_answers(self.simulator_address + "/healthz", [self._simulator])
        self._keeper.start()

    def start(self, **settings: str) -> None:
        """Start web and workers; returns as soon as pages are answered."""
        with self._guard:
            self._settings = settings
            for name in ("web", *WORKERS):
                self._start(name)
            self.is_up = True
        wait_until_answers(self.address + "/accounts/login/", [self._running["web"]])

    def _start(self, name: str) -> None:
        env: Mapping[str, str] = self._env | self._control.environment() | self._settings
        command = [str(ROOT / "bin" / name.partition("-")[0])]
        self._running[name] = Process(name, command, env, self._folder / f"{name}.log", ROOT)

    def _keep_running(self) -> None:
        """Start again what was killed, as systemd would; note what ended in another way."""
        while not self._stopping.wait(0.05):
            with self._guard:
                for name, process in list(self._running.items()):
                    if not self.is_up or not process.wait(0):
                        continue
                    self._note_unless_killed(process)
                    self._wait_until_gone(process)
                    self._start(name)

    def _note_unless_killed(self, process: Process) -> None:
        try:
            process.check()
        except ProcessEnded as end:
            if "(signal 9)" not in str(end):
                self.unexpected.append(str(end))

    def kill(self, name: str) -> None:
        """SIGKILL to the whole group of "web" or of a worker."""
        with self._guard:
            self._running[name].signal(signal.SIGKILL)
            self.kills += 1

    def kill_one_web_process(self, index: int) -> None:
        """SIGKILL to one of the processes that bin/web has started."""
        with self._guard:
            serving = self._serving()
            if serving:
                os.kill(serving[index % len(serving)], signal.SIGKILL)
                self.kills += 1

    def _serving(self) -> list[int]:
        table = subprocess.run(
            ["ps", "-A", "-o", "ppid=,pid=,stat=,args="], text=True, capture_output=True, check=True
        )
        rows = [line.split(None, 3) for line in table.stdout.splitlines()]
        web = str(self._running["web"].pid)
        return [
            int(pid)
            for parent, pid, state, args in rows
            if parent == web and "Z" not in state and "resource_tracker" not in args
        ]

    def kill_everything(self) -> None:
        """SIGKILL to web and workers at once; they stay down until `start`."""
        with self._guard:
            self.is_up = False
            for process in self._running.values():
                process.signal(signal.SIGKILL)
                self.kills += 1
            for process in self._running.values():
                process.wait(10)
                self._wait_until_gone(process)

    def _wait_until_gone(self, process: Process) -> None:
        """What is left of the group is ended, and its port is free."""
        process.signal(signal.SIGKILL)
        if process.name == "web":
            pause = threading.Event()
            while not port_is_free(self._ports[0]):
                pause.wait(0.02)

    def end(self) -> None:
        """End everything, politely."""
        with self._guard:
            self.is_up = False
        self._stopping.set()
        end_all([*self._running.values(), self._simulator])
