"""Promise 15 in numbers: how many requests each door gets, the same ones at each run.

An example of hypothesis brings a batch of requests, because a request costs more than drawing it.
10,000 per database: CALLBACKS + QUERIES + FORMS.
"""

from math import ceil
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

BATCH = 20
CALLBACKS, QUERIES, FORMS = 4000, 4000, 2000


def batches(count: float) -> settings:
    """So many examples that at least `count` requests come of them."""
    return settings(
        max_examples=ceil(count / BATCH),
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def many(what: st.SearchStrategy) -> st.SearchStrategy:
    """A batch."""
    return st.lists(what, min_size=BATCH, max_size=BATCH)


class Answers:
    """Counts what was answered, and refuses a 5xx."""

    def __init__(self) -> None:
        self.count = 0

    def take(self, answer: Any) -> None:
        """One answer more. An exception in a view has failed the test before."""
        assert answer.status_code < 500, answer.status_code
        self.count += 1
