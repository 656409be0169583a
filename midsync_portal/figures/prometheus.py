"""The figures in Prometheus's format. Counters begin with the first count ever, not at a start."""

from collections import defaultdict
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from midsync_portal.models import Tally

from .reading import Health, read_health, read_totals
from .tallies import BOUNDS, LONGER

COUNTERS = (
    ("midsync", "portal_midsync_requests", "Requests to MidSync.", ("endpoint", "outcome")),
    ("callback", "portal_callbacks", "Callbacks at the door.", ("door", "outcome")),
    ("delivery", "portal_deliveries", "Callbacks that were applied.", ("by", "outcome")),
    ("video", "portal_video_fetches", "Tries to save a video.", ("by", "outcome")),
)
SECONDS = "portal_midsync_request_seconds"


class Figures(Collector):
    """All figures, read from the database when they are asked for."""

    def collect(self) -> Iterator[Metric]:
        """Read them. Raises DatabaseError."""
        totals = list(read_totals())
        for kind, name, text, labels in COUNTERS:
            yield _counter(name, text, labels, [one for one in totals if one.kind == kind])
        yield _histogram([one for one in totals if one.kind == "midsync" and one.ms_up_to])
        yield from _gauges(read_health())

    def describe(self) -> Iterator[Metric]:
        """Nothing: names are asked for before anything is read."""
        return iter(())


def _counter(name: str, text: str, labels: tuple[str, ...], tallies: list[Tally]) -> Metric:
    numbers: defaultdict[tuple[str, str], int] = defaultdict(int)
    for tally in tallies:
        numbers[tally.name, tally.outcome] += tally.number
    family = CounterMetricFamily(name, text, labels=labels)
    for values, number in numbers.items():
        family.add_metric(values, number)
    return family


def _histogram(tallies: list[Tally]) -> Metric:
    family = HistogramMetricFamily(SECONDS, "How long MidSync took.", labels=["endpoint"])
    for endpoint in sorted({tally.name for tally in tallies}):
        of_it = [tally for tally in tallies if tally.name == endpoint]
        so_far, buckets = 0, []
        for bound in (*BOUNDS, LONGER):
            so_far += sum(tally.number for tally in of_it if tally.ms_up_to == bound)
            buckets.append(("+Inf" if bound == LONGER else str(bound / 1000), so_far))
        seconds = sum(tally.milliseconds for tally in of_it) / 1000
        family.add_metric([endpoint], buckets, seconds)
    return family


def _gauges(health: Health) -> Iterator[Metric]:
    depth = GaugeMetricFamily("portal_queue_depth", "What waits.", labels=["queue"])
    oldest = GaugeMetricFamily(
        "portal_queue_oldest_due_seconds", "How long the oldest of it is due.", labels=["queue"]
    )
    for queue in health.queues:
        depth.add_metric([queue.name], queue.depth)
        oldest.add_metric([queue.name], queue.oldest or 0)
    yield from (depth, oldest)
    gate = health.gate
    for name, text, value in (
        ("portal_deliveries_dead", "Callbacks that could not be applied.", health.dead),
        ("portal_workers", "Workers that live.", health.workers),
        ("portal_web_processes", "Web processes that live.", health.web),
        ("portal_live_streams", "Open pages that are told of changes.", health.streams),
        ("portal_breaker_open", "1 while MidSync counts as away.", bool(gate and gate.is_away)),
        ("portal_sending_paused", "1 while sending is paused.", bool(gate and gate.paused_at)),
    ):
        yield GaugeMetricFamily(name, text, value=value)
    if health.heartbeat is not None:
        text = "Seconds since the newest heartbeat of a worker."
        yield GaugeMetricFamily("portal_worker_heartbeat_age_seconds", text, value=health.heartbeat)


def exposition() -> bytes:
    """The text that Prometheus reads. Raises DatabaseError."""
    registry = CollectorRegistry()
    registry.register(Figures())
    return generate_latest(registry)
