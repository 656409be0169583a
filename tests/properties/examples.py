"""One database for many examples: what an example writes is undone."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction


@contextmanager
def undone() -> Iterator[None]:
    """Take back everything that is written inside."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
