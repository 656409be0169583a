"""Many streams on several processes: what one costs, and what an update costs then.

    ulimit -n 20000; .venv/bin/python -m tests.bench.live.scale --streams 5000 --processes 3

Needs PostgreSQL (TEST_POSTGRES_URL, or a local one). Prints JSON. The figures of
`docs/scaling.md` come from here.
"""

import argparse
import json
import os
import sys
import time
from typing import Any

from .machine import cost_of, group_of
from .scenarios import quantile
from .servers import ROOT, Mechanism, Running, client_of, running

TASKS = 1_000
ROWS_PER_PAGE = 5


def main() -> int:
    """Open the streams, post callbacks, stop everything; fail where a final state was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.live.scale")
    parser.add_argument("--streams", type=int, default=5_000)
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--rate", type=float, default=20, help="callbacks per second")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--database", choices=("postgres", "sqlite"), default="postgres")
    wanted = parser.parse_args()
    mechanism = Mechanism("portal", wanted.database, wanted.processes)
    postgres = os.environ.get("TEST_POSTGRES_URL", "postgres://127.0.0.1:5432/postgres")
    folder = ROOT / "data" / "bench" / "scale"
    with running(mechanism, TASKS, folder, sys.executable, postgres) as servers:
        found = measure(servers, wanted)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return 1 if found["lost"] or found["errors"] else 0


def measure(servers: Running, wanted: argparse.Namespace) -> dict[str, Any]:
    """One run."""

    def web_cost() -> Any:
        return cost_of(group_of(servers.web.pid))

    numbers = list(servers.callbacks)
    rows = [
        [numbers[(page * ROWS_PER_PAGE + row) % len(numbers)] for row in range(ROWS_PER_PAGE)]
        for page in range(wanted.streams)
    ]
    updates = int(wanted.rate * wanted.seconds)
    plan = {
        "groups": rows,
        "callbacks": {number: servers.callbacks[number] for number in numbers[: updates // 3 or 1]},
        "updates": updates,
        "rate": wanted.rate,
        "wait_seconds": 30,
    }
    before, began = web_cost(), time.perf_counter()
    client = client_of(servers, plan)
    client.until("open")
    opened, seconds_to_open = web_cost(), time.perf_counter() - began - 1  # it waits a second
    postgres = servers.cost().cpu - web_cost().cpu
    client.go_on()
    client.until("sent")
    after = web_cost()
    postgres = servers.cost().cpu - after.cpu - postgres
    began = time.perf_counter()
    servers.web.signal(15)
    ended = servers.web.wait(30)
    seconds_to_stop = time.perf_counter() - began
    client.go_on()
    seen = client.results()
    sent = seen["updates"] or 1
    return {
        "streams": wanted.streams,
        "processes": wanted.processes,
        "watchers_of_a_row": wanted.streams * ROWS_PER_PAGE / len(numbers),
        "updates": seen["updates"],
        "lost": seen["lost"],
        "errors": seen["errors"],
        "kb_per_stream": round((opened.rss - before.rss) / wanted.streams, 1),
        "threads": opened.threads,
        "streams_opened_per_second": round(wanted.streams / seconds_to_open),
        "cpu_ms_to_open_a_stream": round((opened.cpu - before.cpu) / wanted.streams * 1000, 2),
        "cpu_ms_per_update_web": round((after.cpu - opened.cpu) / sent * 1000, 1),
        "cpu_ms_per_update_postgres": round(postgres / sent * 1000, 1),
        "sent_to_row_ms": _quantiles(seen["sent_to_row"]),
        "answered_to_row_ms": _quantiles(seen["answered_to_row"]),
        "own_cpu": round(seen["own_cpu"], 2),
        "seconds_to_stop": round(seconds_to_stop, 2) if ended else None,
    }


def _quantiles(values: Any) -> dict[str, float | None]:
    return {name: quantile(values, share) for name, share in (("p50", 0.5), ("p95", 0.95))}


if __name__ == "__main__":
    sys.exit(main())
