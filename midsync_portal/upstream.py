"""The one client of MidSync that this process uses, made from the settings."""

import logging
from functools import lru_cache, partial

from django.conf import settings

from . import gate
from .figures import count
from .midsync.client import MidSyncClient
from .midsync.errors import MidSyncError, MidSyncNotSent, MidSyncUnavailable
from .models import Task

log = logging.getLogger("midsync_portal.upstream")


@lru_cache(maxsize=1)
def get_client() -> MidSyncClient:
    """The client; threads share it."""
    return MidSyncClient(
        settings.MIDSYNC_BASE_URL,
        settings.MIDSYNC_API_KEY,
        connect_timeout=settings.MIDSYNC_CONNECT_TIMEOUT,
        read_timeout=settings.MIDSYNC_READ_TIMEOUT,
        generate_timeout=settings.MIDSYNC_GENERATE_TIMEOUT,
        response_max=settings.MIDSYNC_RESPONSE_MAX,
        numbers_as_strings=frozenset(settings.MIDSYNC_NUMBERS_AS_STRINGS),
        told=partial(count, "midsync"),
    )


def probe() -> None:
    """Ask MidSync one small question, once, to learn whether it is back; charges nothing.

    The status of the newest task that it knows, else its list of models. Any answer counts, also
    a refusal. Call it only after `gate.claim_probe()`.
    """
    known = Task.objects.exclude(midsync_task_id="").order_by("-pk")
    newest = known.values_list("midsync_task_id", flat=True).first()
    gate.owe()
    client = get_client()
    client.begin_anew()
    try:
        if newest:
            client.get_status(newest, may_repeat=_never)
        else:
            client.list_models(may_repeat=_never)
    except (MidSyncNotSent, MidSyncUnavailable) as error:
        log.warning("MidSync is still away: %s", error)
        return
    except MidSyncError as error:
        log.info("the probe was answered: %s", error)
    gate.close_breaker()


def _never() -> bool:
    return False
