"""A portal beside a simulator of its own, whose time passes when a test says so."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from midsync_portal.processes import Process, end_all, free_port, wait_until_answers
from tests.crash.points import Control

from .portal import ROOT, Portal, environment, portal_at

KEY = "canary-key-of-the-tests"
SECRET = "secret-of-the-signatures"


@dataclass(frozen=True)
class Simulated:
    """The portal, and the simulator that it orders from."""

    portal: Portal
    midsync: str  # the simulator's address
    control: Control

    def jump(self, seconds: float) -> None:
        """Let the clocks of both run ahead; what falls due at the simulator happens at once."""
        self.control.set_clock_ahead(self.control.ahead + seconds)
        self._post("advance", seconds=seconds)

    def choose(self, **settings: str) -> None:
        """What the simulator's control page is set to."""
        self._post("settings", **settings)

    def _post(self, path: str, **fields: float | str) -> None:
        requests.post(
            f"{self.midsync}/simulator/{path}", data=fields, timeout=10
        ).raise_for_status()


@contextmanager
def simulated(prepared: Path, folder: Path, video_height: int = 90) -> Iterator[Simulated]:
    """Both, until the block ends. The worker asks about nothing by itself but what it has to."""
    control = Control(folder / "control")
    port, simulator_port = free_port(), free_port()
    midsync = f"http://127.0.0.1:{simulator_port}"
    data = folder / "simulator"
    command = [sys.executable, "-m", "midsync_portal.simulator"]
    command += ["--port", str(simulator_port), "--data", str(data), "--seed", "support"]
    env = environment(
        SIMULATOR_API_KEY=KEY,
        SIMULATOR_SPEED="20",
        SIMULATOR_VIDEO_HEIGHT=str(video_height),
        SIMULATOR_SIGNATURE=f"hmac:{SECRET}",
        SIMULATOR_ACCOUNT_CALLBACK=f"http://127.0.0.1:{port}/callbacks/",
    )
    simulator = Process("simulator", command, env, folder / "simulator.log", ROOT)
    settings = {
        "MIDSYNC_API_KEY": KEY,
        "CALLBACK_SIGNATURE": "hmac",
        "CALLBACK_SIGNATURE_SECRET": SECRET,
        "FIRST_CHECK_SECONDS": "100000",
        **control.environment(),
    }
    try:
        wait_until_answers(f"{midsync}/healthz", [simulator])
        with portal_at(midsync, prepared, folder / "portal", port=port, **settings) as portal:
            yield Simulated(portal, midsync, control)
        simulator.check()
    finally:
        end_all([simulator])
