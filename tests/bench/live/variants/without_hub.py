"""The portal's ASGI application whose changes are announced by somebody else than its hub."""

from collections.abc import Callable
from functools import partial
from typing import Any

from midsync_portal.asgi import Portal
from midsync_portal.serving.types import Receive, Scope, Send


class WithoutHub(Portal):
    """As the portal, but `publish(public_id, row)` is called with each changed row after its
    commit; `door`, if there is one, answers the paths under `/events/`.
    """

    def __init__(self, publish: Callable[[str, str], None], door: Any = None) -> None:
        super().__init__()
        _announce_by(publish)
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._door and scope["type"] == "http" and scope["path"].startswith("/events/"):
            await self._door(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def _announce_by(publish: Callable[[str, str], None]) -> None:
    from django.db import transaction
    from django.template.loader import render_to_string

    from midsync_portal.live import carrying
    from midsync_portal.live.hub import Hub
    from midsync_portal.models import tasks

    def announce(task: Any, event: int = 0, is_new: bool = False) -> None:
        transaction.on_commit(partial(tell, task), robust=True)

    def tell(task: Any) -> None:
        publish(str(task.public_id), render_to_string("tasks/_row.html", {"task": task}))

    async def nothing(self: Hub) -> None:
        """No source, no reading, no heartbeat."""

    tasks.announce_change = carrying.announce_row = announce
    Hub.start = nothing  # type: ignore[method-assign]
