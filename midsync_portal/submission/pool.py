"""The threads that call MidSync for customers: a request waits for its own, but not for ever."""

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for

from django.conf import settings
from django.db import connections

from midsync_portal.models import Task

from .sending import give_connection_back, send

log = logging.getLogger("midsync_portal.submission")

_pool: ThreadPoolExecutor | None = None
_pool_lock = threading.Lock()
_under_way: set[Future[None]] = set()


def send_and_wait(task: Task) -> Task:
    """Send on the pool; wait for MidSync at most SUBMIT_WAIT seconds, then leave it running."""
    send_all_and_wait([task])
    return task


def send_all_and_wait(tasks: Sequence[Task]) -> None:
    """Send at the same time; wait for all of them together at most SUBMIT_WAIT seconds."""
    futures = [future for task in tasks if (future := _send_later(task.pk)) is not None]
    if futures:
        give_connection_back()
        wait_for(futures, timeout=settings.SUBMIT_WAIT)
    for task in tasks:
        task.refresh_from_db()


def _send_later(task_id: int) -> Future[None] | None:
    global _pool
    with _pool_lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(settings.MIDSYNC_GENERATE_CONCURRENCY, "send")
        try:
            future = _pool.submit(_send_in_thread, task_id)
        except RuntimeError:  # the process is stopping: the worker sends it
            return None
        _under_way.add(future)
    future.add_done_callback(_under_way.discard)
    return future


def _send_in_thread(task_id: int) -> None:
    try:
        send(task_id)
    except Exception:
        log.exception("task %s could not be sent", task_id)
    finally:
        connections.close_all()


def finish_sends(timeout: float = 75) -> None:
    """Before the process ends: start no more sends and let those under way finish (seconds)."""
    with _pool_lock:
        pool, under_way = _pool, list(_under_way)
    if pool is not None:
        pool.shutdown(wait=False, cancel_futures=True)
        wait_for(under_way, timeout=timeout)
