"""`bin/bench live`: every mechanism side by side in one run, as a table and as JSON."""

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from . import scenarios
from .report import table, targets
from .scenarios import BUSY, SIZES, Size, median_of
from .servers import (
    EVENTSTREAM,
    FLOOR,
    NCHAN,
    POLLING,
    PORTAL,
    ROOT,
    GaveUp,
    Mechanism,
    Missing,
    Running,
    running,
)

FOLDER = ROOT / "data" / "bench"
ALL = [*PORTAL, *EVENTSTREAM, POLLING, NCHAN, FLOOR]
# The small run leaves out what only repeats others on another database or number of processes.
SMALL = [PORTAL[1], PORTAL[3], EVENTSTREAM[0], EVENTSTREAM[3], POLLING, NCHAN, FLOOR]
PORTALS_OWN = ("half dropped", "worker killed", "busiest", "locked", "stop")
COMPARED = ("half dropped", "worker killed")

Scenario = Callable[[Running, Size], dict[str, Any]]
SCENARIOS: dict[str, Scenario] = {
    "steady": scenarios.steady,
    "crowd": scenarios.crowd,
    "idle": scenarios.idle,
    "half dropped": scenarios.half_dropped,
    "worker killed": scenarios.worker_killed,
    "busiest": scenarios.busiest,
    "locked": scenarios.locked,
    "stop": scenarios.stop,
}


def main() -> int:
    """Measure, print, and fail where a run is void or a final state was lost by the portal."""
    options = _options()
    size = SIZES[options.size]
    mechanisms = [
        mechanism
        for mechanism in (SMALL if options.size == "small" else ALL)
        if not options.only or any(word in mechanism.name for word in options.only)
    ]
    python = peers() if any("peers" in mechanism.needs for mechanism in mechanisms) else ""
    began = time.monotonic()
    measured: dict[str, dict[str, list[dict[str, Any]]]] = {m.name: {} for m in mechanisms}
    # Interleaved: whatever else the machine does meets all of them alike.
    for repeat in range(options.repeats or size.repeats):
        for mechanism in mechanisms:
            names = _scenarios_of(mechanism, repeat, options.size, options.scenarios)
            _say(f"{repeat + 1}: {mechanism.name}: {', '.join(names)}")
            for name, seen in _measure(mechanism, names, size, python):
                measured[mechanism.name].setdefault(name, []).append(seen)
    results = {
        mechanism: {name: median_of(runs) for name, runs in by_name.items()}
        for mechanism, by_name in measured.items()
        if by_name
    }
    report = {
        "size": options.size,
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "load": os.getloadavg(),
        "seconds": round(time.monotonic() - began),
        "results": results,
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "live.json").write_text(json.dumps(report, indent=1))
    sys.stdout.write(table(report) + "\n" + targets(results))
    sys.stdout.write(f"\nJSON: {FOLDER / 'live.json'}\n")
    return _verdict(results)


def _verdict(results: dict[str, dict[str, dict[str, Any]]]) -> int:
    code = 0
    for mechanism, by_name in results.items():
        for name, seen in by_name.items():
            if seen.get("own_cpu", 0) > BUSY:
                _say(f"VOID: {mechanism}: {name}: the load process needed {seen['own_cpu']:.0%}")
                code = 2
            if mechanism.startswith("portal") and seen.get("lost"):
                _say(f"LOST: {mechanism}: {name}: {seen['lost']} final states")
                code = code or 1
    return code


def _measure(
    mechanism: Mechanism, names: list[str], size: Size, python: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each scenario in turn on the same servers."""
    interpreter = python if "peers" in mechanism.needs else sys.executable
    postgres = os.environ.get("TEST_POSTGRES_URL", "")
    tasks = scenarios.tasks_of(names, size)
    try:
        with running(mechanism, tasks, FOLDER / "run", interpreter, postgres) as servers:
            for name in names:
                yield name, SCENARIOS[name](servers, size)
    except Missing as missing:
        _say(f"left out: {missing}")
    except GaveUp as end:
        _say(f"FAILED: {mechanism.name}: {end}")


def _scenarios_of(mechanism: Mechanism, repeat: int, size: str, wanted: list[str]) -> list[str]:
    names = ["idle", "steady", "crowd"]  # idle first: memory is given back late
    if mechanism == POLLING:
        names = ["steady"]
    if size != "small" and repeat == 0:
        if mechanism in PORTAL[1::2]:
            names += PORTALS_OWN
        elif mechanism in EVENTSTREAM and mechanism.processes == 2:
            names += COMPARED
    return [name for name in names if not wanted or name in wanted]


def peers() -> str:
    """The Python of an environment with what the portal is compared with; made once."""
    home = FOLDER / "peers"
    python = home / "bin" / "python"
    wanted = (ROOT / "requirements-bench.txt").read_bytes()
    stamp = home / "installed.txt"
    if not stamp.is_file() or stamp.read_bytes() != wanted:
        _say("installing django-eventstream into an environment of its own ...")
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        install = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        files = [f"-r{ROOT / name}" for name in ("requirements.txt", "requirements-bench.txt")]
        subprocess.run([*install, "--require-hashes", *files], check=True)
        stamp.write_bytes(wanted)
    return str(python)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/bench live", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--repeats", type=int, help="runs of which the median is taken")
    parser.add_argument("--only", nargs="*", help="mechanisms whose names hold one of these words")
    parser.add_argument("--scenarios", nargs="*", choices=SCENARIOS, default=[])
    return parser.parse_args()


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
