"""The measured figures as tables of Markdown: every mechanism, and the portal by its targets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

COLUMNS = [
    (
        "sent → row p50 / p95 / p99 ms",
        "steady",
        ("sent_to_row_p50", "sent_to_row_p95", "sent_to_row_p99"),
    ),
    ("answered → row p50 / p99 ms", "steady", ("answered_to_row_p50", "answered_to_row_p99")),
    ("CPU s per 1,000", "steady", ("cpu_s_per_1000",)),
    ("one row, many watchers: CPU s per 1,000", "crowd", ("cpu_s_per_1000",)),
    ("KB per idle stream", "idle", ("rss_kb_per_stream",)),
    ("threads", "idle", ("threads",)),
    ("lost: steady", "steady", ("lost",)),
    ("half dropped", "half dropped", ("lost",)),
    ("worker killed", "worker killed", ("lost",)),
    ("callbacks/s with p95 < 25 ms", "busiest", ("callbacks_per_second",)),
    ("errors of 32 callers", "locked", ("errors",)),
    ("SIGTERM s", "stop", ("seconds",)),
    ("load's own CPU", "steady", ("own_cpu",)),
]


def table(report: dict[str, Any]) -> str:
    """One line per mechanism."""
    heads = ["mechanism", *(head for head, _, _ in COLUMNS)]
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    for mechanism, seen in report["results"].items():
        cells = [_cell(seen.get(name), figures) for _, name, figures in COLUMNS]
        lines.append(f"| {' | '.join([mechanism, *cells])} |")
    about = f"{report['size']} size, {report['machine']}, {report['seconds']} s"
    about += f", load average {report['load'][0]:.1f}"
    return about + "\n\n" + "\n".join(lines) + "\n"


def _cell(seen: dict[str, Any] | None, figures: tuple[str, ...]) -> str:
    if seen is None:
        return "–"
    return " / ".join(_number(seen.get(figure)) for figure in figures)


def _number(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:.0f}" if value == int(value) or value >= 100 else f"{value:.2f}"


# --- Targets ----------------------------------------------------------------------------------

Results = dict[str, dict[str, dict[str, Any]]]
LOST = ("steady", "crowd", "half dropped", "worker killed", "locked")


@dataclass(frozen=True)
class Target:
    """One promise of the live rows: a figure of the portal, alone or against another's."""

    what: str
    scenario: str
    figure: str
    limits: dict[str, float]  # by database
    against: str = ""  # the beginning of another mechanism's name
    is_least: bool = False


def _both(limit: float) -> dict[str, float]:
    return {"sqlite": limit, "postgres": limit}


EVENTSTREAM, POLLING, NCHAN = "django-eventstream", "htmx polling", "nchan"
TARGETS = [
    Target("answered → row, p50 ms", "steady", "answered_to_row_p50", _both(2.5)),
    Target("answered → row, p99 ms", "steady", "answered_to_row_p99", _both(10)),
    Target(
        "sent → row, p50",
        "steady",
        "sent_to_row_p50",
        {"sqlite": 1.0, "postgres": 1.4},
        EVENTSTREAM,
    ),
    Target(
        "sent → row, p95",
        "steady",
        "sent_to_row_p95",
        {"sqlite": 1.0, "postgres": 1.25},
        EVENTSTREAM,
    ),
    Target("sent → row, p95", "steady", "sent_to_row_p95", _both(1 / 150), POLLING),
    Target("CPU per update", "steady", "cpu_s_per_1000", _both(0.9), EVENTSTREAM),
    Target("CPU per update, one row, many", "crowd", "cpu_s_per_1000", _both(0.35), EVENTSTREAM),
    Target("memory per idle stream", "idle", "rss_kb_per_stream", _both(0.4), EVENTSTREAM),
    Target("memory per idle stream", "idle", "rss_kb_per_stream", _both(2), NCHAN),
    Target("callbacks/s with p95 < 25 ms", "busiest", "callbacks_per_second", _both(250), "", True),
    Target("no 200 for 32 callers at once", "locked", "errors", _both(0)),
    Target("SIGTERM with all streams, s", "stop", "seconds", _both(2)),
]


def targets(results: Results) -> str:
    """The portal with two processes against each target, database by database."""
    lines = ["| what | target | SQLite | PostgreSQL |", "| --- | --- | --- | --- |"]
    for target in TARGETS:
        sign = "≥" if target.is_least else "≤"
        limits = " / ".join(
            f"{sign} {limit:.3g}" for limit in dict.fromkeys(target.limits.values())
        )
        what = f"{target.what}, against {target.against}" if target.against else target.what
        unit = " ×" if target.against else ""
        cells = [_verdict(results, target, database) for database in ("sqlite", "postgres")]
        lines.append(f"| {what} | {limits}{unit} | {' | '.join(cells)} |")
    lost = [
        _judged(sum(seen[name].get("lost", 0) for name in LOST if name in seen), lambda n: n == 0)
        if (seen := results.get(portal_on(database)))
        else "–"
        for database in ("sqlite", "postgres")
    ]
    lines.append(f"| final states lost, all runs | 0 | {' | '.join(lost)} |")
    return "\n".join(lines) + "\n"


def portal_on(database: str, processes: int = 2) -> str:
    """The portal's name in the results."""
    return f"portal, {database}, {processes} worker{'s' * (processes > 1)}"


def _verdict(results: Results, target: Target, database: str) -> str:
    own = results.get(portal_on(database), {}).get(target.scenario, {}).get(target.figure)
    limit = target.limits[database]
    if own is None:
        return "–"
    if not target.against:
        return _judged(own, lambda value: value >= limit if target.is_least else value <= limit)
    other = _peer(results, target, database)
    if not other:
        return "–"
    return _judged(own / other, lambda value: value <= limit)


def _peer(results: Results, target: Target, database: str) -> float | None:
    """The other's figure, on the same database and with as many processes if it was measured so."""
    names = sorted(
        (name for name in results if name.startswith(target.against)),
        key=lambda name: (database not in name, "2 workers" not in name),
    )
    for name in names:
        figure: float | None = results[name].get(target.scenario, {}).get(target.figure)
        if figure is not None:
            return figure
    return None


def _judged(value: float, is_met: Callable[[float], bool]) -> str:
    shown = f"{value:.3g}"
    return f"{shown} met" if is_met(value) else f"{shown} **not met**"
