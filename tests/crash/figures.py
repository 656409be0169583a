"""What a run has counted, for tests and for people."""

import random
from collections import Counter
from dataclasses import dataclass, field

from .points import POINTS


@dataclass
class Figures:
    """What a run has counted; `problems` is empty where all promises were kept."""

    database: str
    seed: str
    tasks: int = 0
    charges: int = 0
    callbacks: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    hits: Counter[str] = field(default_factory=Counter)
    roles: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    orphans: int = 0
    moving_after: list[float] = field(default_factory=list)
    doubles_of_the_wrong_sender: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """For people to read."""
        seconds = ", ".join(f"{name} {spent:.0f}" for name, spent in self.seconds.items())
        moving = ", ".join(f"{spent:.1f}" for spent in self.moving_after)
        statuses = ", ".join(f"{name} {count}" for name, count in sorted(self.statuses.items()))
        lines = [
            f"crash run on {self.database}, seed {self.seed}",
            f"tasks {self.tasks} ({statuses}), charges {self.charges}, "
            f"callbacks kept {self.callbacks}",
            f"SIGKILLs {self.kills}",
            f"seconds: {seconds}",
        ]
        if self.hits:
            hits = ", ".join(f"{name} {self.hits[name]}" for name in (*POINTS, "I"))
            lines += [
                f"at points: {hits}; of these {dict(self.roles)}",
                f"due work moving after everything was killed, seconds: {moving}",
                f"charges of forgotten tasks kept as orphans: {self.orphans}",
                f"double charges of the wrong sender: {self.doubles_of_the_wrong_sender}",
            ]
        return [*lines, f"problems: {len(self.problems)}", *self.problems[:20]]


def fresh_seed() -> str:
    """A seed to print."""
    return f"{random.SystemRandom().getrandbits(32):x}"
