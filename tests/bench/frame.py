"""What every measurement shares: figures of a plan, the machine, a table and JSON."""

import json
import math
import os
import platform
import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from statistics import median

from .load import Outcome

LOAD_CPU_MAX = 0.8  # of a core; above it the load process measures itself


@dataclass
class Figures:
    """One measurement: milliseconds, and the number of answers that were not as they should be."""

    name: str
    count: int
    p50: float
    p95: float
    p99: float
    worst: float
    errors: int
    limit_of: str = "p95"
    limit: float = math.inf
    is_right: bool = True  # what is beside the times: all rows as they should be
    load_cpu: float = 0.0
    notes: dict[str, object] = field(default_factory=dict)

    @property
    def is_met(self) -> bool:
        """Whether the limit holds, nothing went wrong and all is right afterwards."""
        return getattr(self, self.limit_of) <= self.limit and not self.errors and self.is_right

    @property
    def target(self) -> str:
        """The limit in words."""
        return "" if self.limit == math.inf else f"{self.limit_of} <= {self.limit:.0f}"

    @property
    def is_void(self) -> bool:
        """Whether the load process was too busy to be believed."""
        return self.load_cpu > LOAD_CPU_MAX


def figures(name: str, outcome: Outcome, kind: str, expected: Iterable[int] = (200,)) -> Figures:
    """The figures of one kind of request in what came of a plan."""
    came = [one for one in outcome.came if one.kind == kind]
    times = sorted(1000 * one.seconds for one in came)
    errors = sum(one.status not in expected for one in came)
    shares = [percentile(times, share) for share in (0.5, 0.95, 0.99)]
    wrong = Counter(one.status for one in came if one.status not in expected)
    notes: dict[str, object] = {"wrong": dict(wrong)} if wrong else {}  # 0: no answer
    return Figures(name, len(came), *shares, times[-1], errors, load_cpu=outcome.cpu, notes=notes)


def percentile(times: list[float], share: float) -> float:
    """The time that this share of the sorted times does not exceed."""
    return times[max(0, math.ceil(share * len(times)) - 1)]


def middle(runs: list[Figures]) -> Figures:
    """The medians of several runs of one measurement; the worst time and the errors of all."""
    first = runs[0]
    values = {name: median(getattr(one, name) for one in runs) for name in ("p50", "p95", "p99")}
    return Figures(
        first.name,
        first.count,
        **values,
        worst=max(one.worst for one in runs),
        errors=sum(one.errors for one in runs),
        limit_of=first.limit_of,
        limit=first.limit,
        is_right=all(one.is_right for one in runs),
        load_cpu=max(one.load_cpu for one in runs),
        notes={"runs": [one.notes for one in runs]},
    )


def machine() -> dict[str, object]:
    """On what this was measured, and how busy it was at the end."""
    return {
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "load_average": os.getloadavg(),
    }


def show(rows: list[Figures], *, seed: int, command: str) -> bool:
    """Print table and JSON; True where every target is met by a measurement that counts."""
    head = f"{'':44}{'count':>7}{'p50':>9}{'p95':>9}{'p99':>9}{'worst':>9}{'errors':>8}  "
    print(head + "target (ms)")  # noqa: T201
    for one in rows:
        times = "".join(f"{value:9.1f}" for value in (one.p50, one.p95, one.p99, one.worst))
        verdict = "VOID: the load was too busy" if one.is_void else "" if one.is_met else "MISSED"
        print(f"{one.name:44}{one.count:7}{times}{one.errors:8}  {one.target} {verdict}")  # noqa: T201
    facts = {"command": command, "seed": seed, "machine": machine()}
    print(json.dumps(facts | {"figures": [_rounded(one) for one in rows]}))  # noqa: T201
    return all(one.is_met and not one.is_void for one in rows)


def _rounded(one: Figures) -> dict[str, object]:
    facts = asdict(one) | {"is_met": one.is_met, "is_void": one.is_void}
    del facts["limit_of"], facts["limit"]
    return {
        name: round(value, 2) if isinstance(value, float) else value
        for name, value in facts.items()
    }
