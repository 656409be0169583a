"""How a pool of threads that use the database comes to its end."""

import threading
from concurrent.futures import ThreadPoolExecutor

from django.db import connections


def end_threads(pool: ThreadPoolExecutor, size: int) -> None:
    """Wait for the work under way, close the connections of all `size` threads, end the threads.

    Only its own thread can close a connection; dropped open, PostgreSQL keeps its other end.
    """
    together = threading.Barrier(size)

    def leave() -> None:
        connections.close_all()
        together.wait()  # so that no thread does it twice

    for _ in range(size):
        pool.submit(leave)
    pool.shutdown(wait=True)
