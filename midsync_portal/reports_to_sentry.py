"""Errors reported to Sentry, where SENTRY_DSN is set: where it broke, and nothing of anybody's.

No prompts, bodies, cookies, headers, addresses or values of variables; secrets are cut out of
what is left.
"""

import json
from typing import Any

from django.conf import settings

from .logs import without_secrets

# What Sentry's library may collect by itself: variables hold prompts, queries hold everything.
NOTHING: Any = {
    "user_info": False,
    "cookies": {"mode": "off"},
    "http_headers": {"request": {"mode": "off"}, "response": {"mode": "off"}},
    "http_bodies": [],
    "url_query_params": {"mode": "off"},
    "database_query_data": False,
    "queues": False,
    "stack_frame_variables": False,
    "frame_context_lines": 0,
}
Event = Any  # Sentry's own types change from version to version


def begin(**options: Any) -> None:
    """Report from now on; does nothing without SENTRY_DSN. `options` replace the wire in tests."""
    if not settings.SENTRY_DSN:
        return
    import sentry_sdk  # a tenth of the time that a process takes to start

    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        environment=settings.SENTRY_ENVIRONMENT,
        data_collection=NOTHING,
        max_breadcrumbs=0,  # they hold queries and requests
        traces_sample_rate=0,
        before_send=only_where_it_broke,
        **options,
    )


def only_where_it_broke(event: Event, hint: Event) -> Event:
    """The event without what came from a browser or from MidSync, and without secrets."""
    for name in ("user", "breadcrumbs", "extra", "modules"):
        event.pop(name, None)
    request = event.pop("request", None) or {}
    if request:
        event["request"] = {"method": request.get("method"), "url": _path(request.get("url"))}
    return _cleaned(json.loads(json.dumps(event, default=str)))


def _cleaned(value: Any) -> Any:
    """The same, without secrets in any text."""
    match value:
        case str():
            return without_secrets(value)
        case dict():
            return {_cleaned(name): _cleaned(each) for name, each in value.items()}
        case list():
            return [_cleaned(each) for each in value]
    return value


def _path(url: str | None) -> str:
    """A URL without its query."""
    return (url or "").partition("?")[0]
