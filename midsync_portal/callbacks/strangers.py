"""Who knocks without a valid token or signature: nothing is kept of them but a few log lines."""

import logging
import threading
import time
from collections import Counter
from ipaddress import IPv6Address

from django.conf import settings
from django.http import HttpRequest

log = logging.getLogger("midsync_portal.callbacks")

ADDRESSES_MAX = 1000  # counted one by one; all further ones of that minute count as one


class Strangers:
    """Counts refused callbacks per address and minute, in memory: no query, and bounded."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._minute = 0
        self._refused: Counter[str] = Counter()

    def note(self, request: HttpRequest, why: str) -> None:
        """Log a refusal, at most CALLBACK_BAD_TOKEN_RATE a minute and address."""
        address = _network(request.META.get("REMOTE_ADDR", ""))
        minute = int(time.monotonic() // 60)
        with self._guard:
            if minute != self._minute:
                self._minute = minute
                self._refused.clear()
            if address not in self._refused and len(self._refused) >= ADDRESSES_MAX:
                address = "many others"
            self._refused[address] += 1
            count = self._refused[address]
        if count <= settings.CALLBACK_BAD_TOKEN_RATE:
            log.warning("callback from %s refused: %s", address, why)
        elif count == settings.CALLBACK_BAD_TOKEN_RATE + 1:
            log.warning("callbacks from %s refused: no more lines this minute", address)


def _network(address: str) -> str:
    """The address; of IPv6 the part that one customer of a provider cannot choose."""
    if ":" not in address:
        return address
    try:
        whole = IPv6Address(address.partition("%")[0]).exploded
    except ValueError:
        return "an odd address"
    return whole[:19] + "::/64"


strangers = Strangers()
