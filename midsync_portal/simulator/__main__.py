"""Runs the simulator: ``python -m midsync_portal.simulator --port 8900 --data DIR``."""

import argparse
import multiprocessing
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

from .clock import Clock
from .delivery import HttpPost
from .engine import Simulator
from .server import Server
from .settings import WrongSetting, from_environment
from .store import Store
from .studio import Studio, render_apart
from .web import WsgiApp

TICK_SECONDS = 0.2


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser("python -m midsync_portal.simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8900)
    parser.add_argument("--data", type=Path, required=True, help="folder of database and videos")
    parser.add_argument("--seed", help="fixes ids, timings and prices")
    given = parser.parse_args()
    given.data.mkdir(parents=True, exist_ok=True)
    store = Store(given.data / "simulator.sqlite3")
    try:
        # The port is known only after binding when 0 was asked for.
        server = Server((given.host, given.port), lambda environ, start: [])
        own_url = f"http://{given.host}:{server.server_port}"
        settings = from_environment(own_url=own_url)
    except OSError as error:
        print(f"simulator: cannot listen on {given.host}:{given.port}: {error.strerror}")  # noqa: T201
        return 1
    except WrongSetting as wrong:
        print(f"simulator: {wrong}")  # noqa: T201
        return 2
    if given.seed is not None:
        settings = replace(settings, seed=given.seed)
    studio = Studio(
        given.data / "media", ahead=True, height=settings.video_height, render=render_apart
    )
    simulator = Simulator(
        store,
        Clock(),
        HttpPost(settings.callback_hosts),
        studio,
        settings,
        deliver=lambda send: threading.Thread(target=send, daemon=True).start(),
        pause=server.stopping.wait,
    )
    server.app = WsgiApp(simulator)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    ticker = threading.Thread(target=_tick, args=(simulator, server.stopping))
    ticker.start()
    print(f"simulator: listening on {own_url}", flush=True)  # noqa: T201
    server.serve_forever(poll_interval=0.1)
    ticker.join()
    server.server_close()
    studio.close()
    for child in multiprocessing.active_children():
        child.terminate()
    return 0


def _tick(simulator: Simulator, stopping: threading.Event) -> None:
    """Move generations on; one bad moment must not stop the clock."""
    while not stopping.wait(TICK_SECONDS):
        try:
            simulator.tick()
        except Exception as error:
            print(f"simulator: {type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
