"""Kills while people order: at every named point in turn, and at random."""

import random
import threading
from collections.abc import Callable

from .points import AT_LEAST, POINTS, Control
from .site import WORKERS, Site

OF_A_WORKER = ("H",)
ORDERS_OF_A_SHORT_RUN, ORDERS_PER_RANDOM_KILL = 200, 20
LOOK_EVERY = 0.05  # seconds
ARMED_AT_ONCE = 2  # points of web, which has two processes


class Killer:
    """Arms two points of web and one of the workers at a time, paced by what has been ordered.

    Kills processes and whole groups at random in between.
    """

    def __init__(self, site: Site, control: Control, seed: str, orders: int) -> None:
        self._site, self._control = site, control
        self._random = random.Random(seed)  # noqa: S311 - to be repeated, not secret
        names = [name for name in POINTS if name not in OF_A_WORKER]
        self._of_each = AT_LEAST * max(1, orders // ORDERS_OF_A_SHORT_RUN)
        self._web_points = names * self._of_each
        self._random.shuffle(self._web_points)
        self.random_kills = orders // ORDERS_PER_RANDOM_KILL
        self.at_random = 0

    def run(self, done: Callable[[], float], stop: threading.Event) -> None:
        """Kill until told to stop; `done` says which share of the orders is done, 0 to 1."""
        planned = len(self._web_points)
        armed: set[str] = set()
        armed_before = 0
        while not stop.wait(LOOK_EVERY):
            share = done()
            if self.at_random < self.random_kills * share:
                self._kill_somebody()
            if not any(map(self._control.is_armed, OF_A_WORKER)) and self._lacks("H"):
                self._control.arm("H")
            armed = set(filter(self._control.is_armed, armed))
            if len(armed) == ARMED_AT_ONCE:
                continue
            point = ""
            if armed_before < planned:
                if armed_before <= planned * share * 1.1:
                    point = self._web_points[armed_before]
            elif not armed:  # what was armed, but did not kill, once more
                point = next(filter(self._lacks, self._web_points), "")
            if point and point not in armed:
                self._control.arm(point)
                armed.add(point)
                armed_before += 1
        self._control.disarm()

    def is_content(self) -> bool:
        """Whether every point has been hit often enough."""
        return not any(map(self._lacks, POINTS))

    def _lacks(self, point: str) -> bool:
        return self._control.hits()[point] < self._of_each

    def _kill_somebody(self) -> None:
        self.at_random += 1
        match self._random.choice(("one", "one", "one", "worker", "worker", "web")):
            case "one":
                self._site.kill_one_web_process(self._random.randrange(2))
            case "worker":
                self._site.kill(self._random.choice(WORKERS))
            case "web":
                self._site.kill("web")
