"""What callbacks tell about the end of a generation: in which order, how late, how often."""

from .scenarios import Scenario
from .store import Generation

DAYS_LATE = 4


def words_at_the_end(generation: Generation, status: str) -> list[str]:
    """What is told once a generation has ended, in this order."""
    scenarios = generation.scenarios
    words = [status]
    if Scenario.FAIL_THEN_READY in scenarios:
        words.insert(0, "failed")
    if Scenario.READY_THEN_FAIL in scenarios:
        words.append("failed")
    if scenarios & {Scenario.OUT_OF_ORDER, Scenario.REVERSED}:
        words.append("processing")
    if Scenario.REVERSED in scenarios:
        words.append("submitted")
    return words


def lateness(generation: Generation) -> float:
    """Seconds from the end of the work to the first word about it."""
    return DAYS_LATE * 86_400.0 if Scenario.DAYS_LATE in generation.scenarios else 0.0


def copies(generation: Generation, is_end: bool) -> int:
    """How often one message is sent."""
    if is_end and Scenario.THOUSAND in generation.scenarios:
        return 1000
    if is_end and Scenario.TWENTY_AT_ONCE in generation.scenarios:
        return 20
    return 2 if Scenario.TWICE in generation.scenarios else 1
