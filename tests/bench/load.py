"""A load process: requests at fixed times, whatever became of the ones before.

Reads a plan as JSON from its input and writes what came of it as JSON to its output. A time is
measured from the moment at which a request was due, not from when it could be sent: a server (or
a load process) that falls behind shows in the figures instead of hiding (no coordinated
omission). Only to this machine, and bounded in number and time.
"""

import asyncio
import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CSRF = "c" * 32  # cookie and header have to agree, and that is all
HOST = "127.0.0.1"
REQUESTS_MAX = 50_000
SECONDS_MAX = 900.0
PATIENCE = 90.0  # seconds for one answer


@dataclass(frozen=True)
class Planned:
    """One request, `at` so many seconds after the start; `kind` is under which it is counted."""

    at: float
    kind: str
    request: str  # as it goes over the wire; latin-1


@dataclass(frozen=True)
class Came:
    """What came of one request: seconds since it was due, status (0: no answer)."""

    kind: str
    seconds: float
    status: int


@dataclass(frozen=True)
class Outcome:
    """What came of a plan; `cpu` is the load process's own share of one core."""

    came: list[Came]
    cpu: float


def raw(
    method: str, path: str, body: str = "", *, cookie: str = "", content_type: str = "", **more: str
) -> str:
    """A request on a connection of its own; further headers by name, underscores as hyphens."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in more.items()]
    if cookie:
        lines += [f"Cookie: {cookie}", f"X-CSRFToken: {CSRF}"]
    if method == "POST":
        lines.append(f"Content-Type: {content_type or 'application/json'}")
        lines.append(f"Content-Length: {len(body.encode())}")
    return "\r\n".join([*lines, "", body])


def run(port: int, plan: list[Planned]) -> Outcome:
    """Let a process of its own do the plan against a port of this machine."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.load"],
        input=json.dumps({"port": port, "plan": [asdict(one) for one in plan]}),
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    return Outcome([Came(*one) for one in answer["came"]], answer["cpu"])


async def _do(port: int, plan: list[Planned]) -> list[Came]:
    start = time.perf_counter() + 0.2
    return await asyncio.gather(*[_one(port, one, start + one.at) for one in plan])


async def _one(port: int, planned: Planned, due: float) -> Came:
    await asyncio.sleep(due - time.perf_counter())
    status = 0
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(planned.request.encode("latin-1"))
                answer = await reader.read(-1)
                status = int(answer[9:12] or 0)
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):
        status = 0
    return Came(planned.kind, time.perf_counter() - due, status)


def main() -> None:
    """Do the plan."""
    given = json.loads(sys.stdin.read())
    plan = [Planned(**one) for one in given["plan"]]
    if len(plan) > REQUESTS_MAX or max(one.at for one in plan) > SECONDS_MAX:
        sys.exit(f"At most {REQUESTS_MAX} requests in {SECONDS_MAX:.0f} seconds.")
    began = time.perf_counter()
    came = asyncio.run(_do(given["port"], plan))
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = (used.ru_utime + used.ru_stime) / (time.perf_counter() - began)
    answer = {"came": [[one.kind, one.seconds, one.status] for one in came], "cpu": cpu}
    print(json.dumps(answer))  # noqa: T201


if __name__ == "__main__":
    main()
