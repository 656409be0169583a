"""One stream: what it watches, and the newest message of each thing that it has not sent yet."""

import asyncio
from collections.abc import Callable, Mapping

from midsync_portal.serving.types import Send

from .rendering import Fragment, message
from .wakeups import digest_of

Key = tuple[int, str]  # a task and a fragment of it

SEND_SECONDS = 30.0  # for one message; who takes longer is taken for dead
END_SECONDS = 1.0  # for what is under way when the stream has to end
# An event and not a comment: a page that hears none for too long connects anew.
HEARTBEAT = message("1", event="beat")


class Subscriber:
    """A stream of one person.

    Holds at most one message for each thing it watches, always the newest: a slow reader costs
    no memory and still gets the final state. Lives on the event loop only.
    """

    __slots__ = (
        "_ending",
        "_is_sending",
        "_limit",
        "_pending",
        "_sent",
        "_wake",
        "_write",
        "as_support",
        "counts_from",
        "customer",
        "digest",
        "language",
        "session",
        "unannounced",
        "unseen",
        "user",
        "wants_new",
        "watched",
    )

    def __init__(
        self,
        *,
        session: str,
        user: int,
        customer: int | None,
        language: str = "en",
        wants_new: bool = False,
        as_support: bool = False,
        counts_from: int | None = None,
        write: Callable[[bytes], bool] | None = None,
    ) -> None:
        """`counts_from`: newer tasks than this one are counted, not put on top (0: any task).

        `write` sends a message at once, or says False where it has to wait for `pump`.
        """
        self.session = session
        self.digest = digest_of(session)
        self.user = user
        self.customer = customer
        self.language = language
        self.wants_new = wants_new
        self.as_support = as_support
        self.counts_from = counts_from
        self.unseen: set[int] = set()  # new tasks that the page only counts
        self.watched: dict[int, tuple[str, ...]] = {}  # fragments by task
        self.unannounced: set[int] = set()  # tasks whose row is not on the page yet
        self._pending: dict[Key, bytes] = {}
        self._sent: dict[Key, int] = {}
        self._ending: bytes | None = None
        self._write = write or _never
        self._is_sending = False
        self._wake = asyncio.Event()
        self._limit: asyncio.Timeout | None = None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will be sent."""
        return self._ending is not None

    def fragments_of(self, task: int) -> list[Fragment]:
        """What has to be rendered of a task for this stream."""
        names = self.watched.get(task, ())
        if task in self.unannounced:
            names = (*names, "new_row")
        return [(name, self.language) for name in names]

    def offer(self, task: int, frames: Mapping[Fragment, bytes]) -> None:
        """Take the task as it is now; what was sent just like that is not sent again."""
        for fragment in self.watched.get(task, ()):
            is_new_row = fragment == "row" and task in self.unannounced
            frame = frames.get(("new_row" if is_new_row else fragment, self.language))
            if frame is None:
                continue
            key = (task, fragment)
            if self._sent.get(key) == hash(frame):
                self._pending.pop(key, None)
            else:
                self._pending[key] = frame
        if self._pending:
            self._send_soon()

    def tell(self, what: str, frame: bytes) -> None:
        """Send this once, however often it is told before it goes out."""
        self._pending[0, what] = frame
        self._send_soon()

    def _send_soon(self) -> None:
        """Send what is there at once, where the line is free; else `pump` does.

        Never past it: what it has in hand is older than what came meanwhile.
        """
        is_free = not self._is_sending and not self.has_ended
        if is_free and self._write(self._body()):
            self._forget_pending()
        else:
            self._wake.set()

    def beat(self) -> None:
        """Show that the line is up, unless something else is about to."""
        if not self._pending:
            self.tell("beat", HEARTBEAT)

    def end(self, last_message: bytes = b"") -> None:
        """Send what is left and this last message, and end; soon, even if the peer is dead."""
        if self._ending is None:
            self._ending = last_message
            self._wake.set()
            if self._limit is not None and not self._limit.expired():
                soon = asyncio.get_running_loop().time() + END_SECONDS
                self._limit.reschedule(min(soon, self._limit.when() or soon))

    async def pump(self, send: Send) -> None:
        """Send what comes until the end. Raises TimeoutError for a peer that does not read."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            is_last = self._ending is not None
            body = self._body() + (self._ending or b"")
            self._forget_pending()
            if not body and not is_last:
                continue
            seconds = END_SECONDS if is_last else SEND_SECONDS
            self._is_sending = True
            try:
                async with asyncio.timeout(seconds) as self._limit:
                    await send(
                        {"type": "http.response.body", "body": body, "more_body": not is_last}
                    )
            finally:
                self._limit = None
                self._is_sending = False
            if is_last:
                return

    def _body(self) -> bytes:
        messages = self._pending.values()
        return next(iter(messages)) if len(messages) == 1 else b"".join(messages)

    def _forget_pending(self) -> None:
        """It is on its way."""
        for key, frame in self._pending.items():
            if key[0]:
                self._sent[key] = hash(frame)
        if self.unannounced:
            self.unannounced.difference_update(task for task, _ in self._pending)
        self._pending.clear()


def _never(body: bytes) -> bool:
    """Another server than ours, or a test: everything goes by `pump`."""
    return False
