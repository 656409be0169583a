"""Callbacks as MidSync posts them, for tests of the door and the inbox."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from midsync_portal.callback_urls import callback_url
from midsync_portal.callbacks import process_due_delivery
from midsync_portal.midsync.signature import sign
from midsync_portal.models import CallbackDelivery, Task

VIDEO = "https://cdn.example.com/one.mp4"
READY = {"taskId": "ms-1", "status": "completed", "output": {"url": VIDEO}}


def raw(body: Any) -> bytes:
    """The body as it travels."""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def path_of(public_id: UUID) -> str:
    """The path of a task's callback URL."""
    return callback_url(public_id).removeprefix(settings.PORTAL_URL)


def post(
    task: Task | UUID, body: Any, client: Client | None = None, **headers: str
) -> HttpResponse:
    """Post a body to a task's own URL."""
    public_id = task if isinstance(task, UUID) else task.public_id
    client = client or Client()
    return client.post(
        path_of(public_id), raw(body), content_type="application/json", headers=headers
    )


def signed(body: Any, task_id: str = "ms-1", age: float = 0) -> dict[str, str]:
    """The headers of a body that was signed as the setting says, `age` seconds ago."""
    secret, now = settings.CALLBACK_SIGNATURE_SECRET, time.time() - age
    return sign(settings.CALLBACK_SIGNATURE, secret, raw(body), now, task_id=task_id)


def post_account_wide(body: Any, task_id: str = "ms-1", age: float = 0, **headers: str) -> Any:
    """Post a signed body to the account-wide URL."""
    headers = signed(body, task_id, age) | headers
    return Client().post("/callbacks/", raw(body), content_type="application/json", headers=headers)


def let_worker_try(times: int = 1) -> None:
    """The worker's tries at everything that waits, due or not."""
    for _ in range(times):
        for delivery in CallbackDelivery.objects.open():
            process_due_delivery(delivery)


@contextmanager
def another_holds(task: Task) -> Iterator[None]:
    """Another process holds the task's row (PostgreSQL) or the right to write (SQLite)."""
    known = connection.settings_dict
    if connection.vendor == "postgresql":
        params = {name: known[name.upper()] for name in ("host", "port", "user", "password")}
        with psycopg.connect(dbname=known["NAME"], **params) as other:
            other.execute(
                "SELECT 1 FROM midsync_portal_task WHERE id = %s FOR NO KEY UPDATE", [task.pk]
            )
            yield
            other.rollback()
        return
    other = sqlite3.connect(known["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def once(function: Callable[..., Any], before: Callable[[], None]) -> Callable[..., Any]:
    """The function, with something that happens before its first call."""
    waiting = [before]

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        while waiting:
            waiting.pop()()
        return function(*args, **kwargs)

    return wrapped
