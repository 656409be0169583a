"""`/readyz`: whether this process can serve and the portal as a whole can work.

Strangers may ask, so it says words only, and asks the database at most once a second, however
many ask. It answers within a few seconds even where the database hangs.
"""

import asyncio
import json
import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

from midsync_portal.operations import NOT_READY, readiness_words

from .answers import answer
from .types import Send

log = logging.getLogger("midsync_portal.serving")

ANSWERS_WITHIN = 3.0  # seconds
ASKS_EVERY = 1.0  # seconds
DATABASE_SECONDS = 2


class Readiness:
    """Answers `/readyz` from one thread of its own; a look that hangs holds up nobody else."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "readyz")
        self._look: Future[list[str]] | None = None
        self._began = 0.0

    async def __call__(self, send: Send) -> None:
        """503 with the reasons where the portal is not ready, else 200, also when degraded."""
        await say(send, await self._words())

    async def _words(self) -> list[str]:
        now = time.monotonic()
        if self._look is None or (self._look.done() and now - self._began >= ASKS_EVERY):
            self._began = now
            self._look = self._thread.submit(_look)
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                return await asyncio.shield(asyncio.wrap_future(self._look))
        except TimeoutError:
            return ["database"]

    def finish(self) -> None:
        """Look no more."""
        self._thread.shutdown(wait=False, cancel_futures=True)


async def say(send: Send, words: list[str]) -> None:
    """The words as JSON: `status` is ready, degraded or not ready; `reasons` says why."""
    is_ready = not NOT_READY & set(words)
    status = ("degraded" if words else "ready") if is_ready else "not ready"
    text = json.dumps({"status": status, "reasons": words})
    await answer(send, 200 if is_ready else 503, text, content_type="application/json")


def _look() -> list[str]:
    """Ask the database on a connection of its own that gives up early."""
    connection: Any = connections[DEFAULT_DB_ALIAS]
    try:
        connection.settings_dict = _impatient(connection)
        return readiness_words()
    except Exception:  # whatever it is, the database cannot be used
        log.warning("the database does not answer /readyz", exc_info=True)
        return ["database"]
    finally:
        connection.close()


def _impatient(connection: Any) -> dict[str, Any]:
    """The settings of a connection, with timeouts of seconds; nobody else's are changed."""
    options = dict(connection.settings_dict["OPTIONS"])
    if connection.vendor == "postgresql":
        limit = DATABASE_SECONDS * 1000
        options |= {
            "connect_timeout": DATABASE_SECONDS,
            "tcp_user_timeout": limit,
            "options": f"-c statement_timeout={limit} -c lock_timeout={limit}",
        }
    else:
        options["timeout"] = DATABASE_SECONDS
    return {**connection.settings_dict, "OPTIONS": options}
