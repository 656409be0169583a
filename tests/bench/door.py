"""Promise 7: the callback door at 50 callbacks a second, and 200 at once."""

import json
import random
from pathlib import Path

from .frame import Figures, figures
from .load import Planned, raw, run
from .portal import Portal, portal_on

RATE = 50  # callbacks a second
PER_TASK = 3  # two of progress, one final
BURST = 200
SOURCE = "https://cdn.example.com/video.mp4"
P99_MAX = 200.0  # ms
BURST_MAX = 5000.0  # ms


def measure(
    database_url: str, folder: Path, static: Path, seed: int, seconds: int
) -> list[Figures]:
    """Run both on a portal of its own."""
    kind = database_url.partition(":")[0]
    with portal_on(database_url, folder, "http://127.0.0.1:9", static=static) as portal:
        portal.inside("person")
        _warm_up(portal)
        return [_steady(portal, kind, seed, seconds), _burst(portal, kind)]


def callback(task: list[str], status: str, progress: int) -> str:
    """MidSync's POST about a task."""
    _, midsync_id, path = task
    body: dict[str, object] = {"taskId": midsync_id, "status": status, "progress": progress}
    if status == "completed":
        body["output"] = {"url": SOURCE}
    return raw("POST", path, json.dumps(body))


def _warm_up(portal: Portal) -> None:
    tasks = portal.inside("queued", 40, "warm")
    run(
        portal.port,
        [Planned(0.05 * n, "warm", callback(t, "processing", 1)) for n, t in enumerate(tasks)],
    )


def _steady(portal: Portal, kind: str, seed: int, seconds: int) -> Figures:
    count = RATE * seconds
    tasks = portal.inside("queued", -(-count // PER_TASK), "steady")
    said = [("processing", 20), ("processing", 60), ("completed", 100)]
    requests = [callback(task, *words) for task in tasks for words in said]
    random.Random(seed).shuffle(requests)  # noqa: S311 - an order, no secret
    # What is over the round figure comes at the end, at the same pace.
    plan = [Planned(n / RATE, "callback", request) for n, request in enumerate(requests)]
    made = figures(f"{kind}: {RATE}/s for {seconds} s", run(portal.port, plan), "callback")
    right = portal.inside("statuses", "steady")
    made.limit_of, made.limit = "p99", P99_MAX
    made.is_right = right == {"succeeded": len(tasks)}
    made.notes["rows"] = right
    return made


def _burst(portal: Portal, kind: str) -> Figures:
    tasks = portal.inside("queued", BURST, "burst")
    plan = [Planned(0.0, "callback", callback(task, "completed", 100)) for task in tasks]
    made = figures(f"{kind}: {BURST} at once", run(portal.port, plan), "callback")
    right = portal.inside("statuses", "burst")
    made.limit_of, made.limit = "worst", BURST_MAX
    made.is_right = right == {"succeeded": BURST}
    made.notes["rows"] = right
    return made
