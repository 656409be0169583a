"""A web process shows that it lives, and writes its counts down; a thread of its own."""

import logging
import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from django.db import Error, connection
from django.utils import timezone

from midsync_portal.models import WebHeartbeat

from .tallies import EVERY, tallies

log = logging.getLogger("midsync_portal.figures")


class Beats:
    """Every ten seconds: this process's row, with its live streams, and its counts."""

    def __init__(self, streams: Callable[[], int]) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self._streams = streams
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="beats", daemon=True)
        self._started_at = timezone.now()

    def start(self) -> None:
        """Begin; the first time is in ten seconds."""
        self._thread.start()

    def finish(self) -> None:
        """Write down what is left, and take the row away."""
        if self._thread.is_alive():
            self._ending.set()
            self._thread.join(EVERY)

    def _go_on(self) -> None:
        while not self._ending.wait(EVERY):
            self.beat()
            connection.close()
        tallies.write_down()
        with suppress(Error):
            WebHeartbeat.objects.filter(name=self.name).delete()
        connection.close()

    def beat(self) -> None:
        """Once; a database that is away is no reason to stop."""
        now = timezone.now()
        try:
            WebHeartbeat.objects.update_or_create(
                name=self.name,
                defaults={
                    "started_at": self._started_at,
                    "beat_at": now,
                    "streams": self._streams(),
                },
            )
            WebHeartbeat.objects.filter(beat_at__lt=now - timedelta(days=1)).delete()
            tallies.write_down()
        except Error as problem:
            log.warning("no heartbeat could be written: %s", type(problem).__name__)
