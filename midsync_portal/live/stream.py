"""GET /stream/: the one connection of a page, plain ASGI on the event loop.

    /stream/?rows=<uuid>,<uuid>…    rows that the page shows, at most 200
            &detail=<uuid>          the page is this task's: status, video and timeline
            &columns=<uuid>,…       tasks that stand next to each other: row and video
            &list=1                 new tasks of the active customer are wanted on top
            &list=<uuid>            only how many tasks are newer than this one (0: than none)
            &team=<number>          the customer whose page this is, else the active one
            &lang=ja                in the page's language
    /stream/?support=<uuid>,…       tasks on a page of the admin, whoever's: each change is told
            &list=1                 that any task has changed is told, too

Messages are unnamed and hold fragments with `hx-swap-oob`. `event: paused` asks the page to come
back when it is looked at again; when the stream just ends, the browser reconnects by itself.
"""

import asyncio
import contextlib
import random
from dataclasses import dataclass
from functools import partial
from urllib.parse import parse_qsl
from uuid import UUID

from django.conf import settings

from midsync_portal.people import team_number
from midsync_portal.serving.answers import answer
from midsync_portal.serving.body import with_body
from midsync_portal.serving.types import AsgiApp, Receive, Scope, Send

from .access import NoSuchTask, NotLoggedIn, admit, session_key_of
from .hub import Hub, HubClosed
from .rendering import COLUMN, MARK, PAGE, ROW
from .subscriber import Subscriber

ROWS_MAX = 200
QUERY_MAX = 16_384  # bytes; 200 task numbers are half of it
RETRY_MILLISECONDS = (1000, 3000)  # spread, so that a restart does not bring all back at once
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    # No proxy may collect the stream, not even to compress it.
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


class BadQuery(ValueError):
    """The query string is not one that a page of ours asks."""


@dataclass(frozen=True)
class Query:
    """What a page wants to hear of."""

    rows: tuple[UUID, ...]
    detail: UUID | None
    wants_new: bool
    team: int | None = None
    columns: tuple[UUID, ...] = ()
    counts_from: UUID | None = None  # new tasks are only counted: those newer than this one
    counts: bool = False
    support: tuple[UUID, ...] = ()
    as_support: bool = False
    language: str = settings.LANGUAGE_CODE

    @property
    def tasks(self) -> set[UUID]:
        """All tasks that are named."""
        return {
            *self.rows,
            *self.columns,
            *self.support,
            *filter(None, (self.detail, self.counts_from)),
        }


def read_query(query_string: bytes) -> Query:
    """The query of a stream. Raises BadQuery."""
    if len(query_string) > QUERY_MAX:
        raise BadQuery("too long")
    try:
        pairs = parse_qsl(query_string.decode("ascii"), keep_blank_values=True, max_num_fields=5)
        values = dict(pairs)
        if len(values) != len(pairs):
            raise BadQuery("the same twice")
        as_support = "support" in values
        rows, support = _uuids(values.pop("rows", "")), _uuids(values.pop("support", ""))
        columns = _uuids(values.pop("columns", ""))
        detail = values.pop("detail", "")
        news = values.pop("list", "")
        counts_from = UUID(news) if len(news) > 1 else None
        team = values.pop("team", None)
        query = Query(
            rows=rows,
            detail=UUID(detail) if detail else None,
            wants_new=bool(news),
            team=None if team is None else team_number(team),
            columns=columns,
            counts_from=counts_from,
            counts=bool(counts_from) or news == "0",
            support=support,
            as_support=as_support,
            language=values.pop("lang", settings.LANGUAGE_CODE),
        )
    except ValueError as problem:
        raise BadQuery(str(problem)) from None
    if query.language not in dict(settings.LANGUAGES):
        raise BadQuery("not a language of ours")
    if values or len(rows) + len(columns) + len(support) > ROWS_MAX:
        raise BadQuery("too much")
    if as_support and (rows or columns or detail or query.counts or query.team is not None):
        raise BadQuery("a page is a customer's or support's")
    return query


def _uuids(text: str) -> tuple[UUID, ...]:
    return tuple(UUID(each) for each in text.split(",") if each)


class StreamDoor:
    """The ASGI application of the stream."""

    def __init__(self, hub: Hub, not_found: AsgiApp) -> None:
        """`not_found` answers what Django answers for a page that never existed."""
        self._hub = hub
        self._not_found = not_found

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or stream until one side ends it."""
        if scope["method"] != "GET":
            await answer(send, 405, "Only GET.", [(b"allow", b"GET")])
            return
        try:
            query = read_query(scope["query_string"])
            key = session_key_of(scope["headers"])
            if not key:
                raise NotLoggedIn
            visitor, found = await self._hub.at_the_door(
                partial(admit, key, query.tasks, query.as_support, query.team)
            )
        except HubClosed:
            await answer(send, 503, "Please come again.", [(b"retry-after", b"1")])
        except BadQuery:
            await answer(send, 400, "This is not a query of a stream.")
        except NotLoggedIn:
            await answer(send, 401, "Please log in again.")
        except NoSuchTask:
            await self._not_found(*with_body(scope, b"", receive), send)
        else:
            stream = Subscriber(
                session=key,
                user=visitor.user,
                customer=visitor.customer,
                language=query.language,
                wants_new=query.wants_new,
                as_support=query.as_support,
                counts_from=_counts_from(query, found),
                write=scope.get("state", {}).get("write"),
            )
            watched: dict[int, tuple[str, ...]] = dict.fromkeys(
                map(found.__getitem__, query.rows), ROW
            )
            watched.update(dict.fromkeys(map(found.__getitem__, query.columns), COLUMN))
            watched.update(dict.fromkeys(map(found.__getitem__, query.support), MARK))
            if query.detail:
                task = found[query.detail]
                watched[task] = watched.get(task, ()) + PAGE
            await self._serve(stream, watched, scope, receive, send)

    async def _serve(
        self,
        stream: Subscriber,
        watched: dict[int, tuple[str, ...]],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        retry = random.randint(*RETRY_MILLISECONDS)  # noqa: S311 - no secret
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send(
            {
                "type": "http.response.body",
                "body": f"retry: {retry}\n\n".encode(),
                "more_body": True,
            }
        )
        listening = asyncio.create_task(_until_disconnect(receive, stream))
        self._hub.join(stream, watched)
        try:
            await stream.pump(send)
        except TimeoutError:
            # Closing politely would wait for a peer that does not read; so cut the line.
            abort = scope.get("state", {}).get("abort")
            if abort:
                abort()
                await asyncio.sleep(0)  # the server notices before we return
        finally:
            self._hub.leave(stream)
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening


def _counts_from(query: Query, found: dict[UUID, int]) -> int | None:
    if query.counts_from:
        return found[query.counts_from]
    return 0 if query.counts else None


async def _until_disconnect(receive: Receive, stream: Subscriber) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.end()
