"""A MidSync that keeps everybody waiting: the simulator on a real port of this process."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from midsync_portal.simulator.clock import Clock
from midsync_portal.simulator.delivery import HttpPost
from midsync_portal.simulator.engine import Simulator
from midsync_portal.simulator.faults import LATE_SECONDS
from midsync_portal.simulator.server import Server
from midsync_portal.simulator.settings import Settings
from midsync_portal.simulator.store import Store
from midsync_portal.simulator.studio import Studio
from midsync_portal.simulator.web import WsgiApp

DRIPS_SLOWER_BY = 20
API_KEY = "a-key-of-the-simulator"


class SlowMidsync:
    """Answers orders with `[late-answer]` when `release` is called; drips for many minutes."""

    def __init__(self, folder: Path) -> None:
        self._released = threading.Event()
        self.store = Store()
        self.server = Server(("127.0.0.1", 0), lambda environ, start: [])
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self.simulator = Simulator(
            self.store,
            Clock(time.time),
            HttpPost(),
            Studio(folder, height=64),
            Settings(api_key=API_KEY, public_url=self.address, seed="7"),
            pause=self._pause,
        )
        self.server.app = WsgiApp(self.simulator)

    def _pause(self, seconds: float) -> None:
        if seconds == LATE_SECONDS:
            self._released.wait()
        else:
            self.server.stopping.wait(DRIPS_SLOWER_BY * seconds)

    @property
    def task_ids(self) -> list[str]:
        """The ids of all orders that were charged, oldest first."""
        return [entry.task_id for entry in self.store.ledger()]

    def release(self) -> None:
        """Let every late answer come."""
        self._released.set()

    def finish(self, task_id: str) -> None:
        """End a generation and call back."""
        self.simulator.finish(task_id)
        self.simulator.tick()


@contextmanager
def slow_midsync(folder: Path) -> Iterator[SlowMidsync]:
    """Serves until the end of the block."""
    midsync = SlowMidsync(folder)
    serving = threading.Thread(target=midsync.server.serve_forever, args=[0.05])
    serving.start()
    try:
        yield midsync
    finally:
        midsync.release()
        midsync.server.stop()
        serving.join()
        midsync.server.server_close()
        midsync.store.close()
