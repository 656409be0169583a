"""Who watches what in one process."""

from collections.abc import Collection, Mapping

from .rendering import Fragment
from .subscriber import Subscriber


class Audience:
    """The streams of a process, by what they watch. Lives on the event loop, but for `wanted_of`.

    What has to be rendered of a task is asked several times for each change, so it is kept; else
    a task that hundreds of pages show would be counted through each time.
    """

    def __init__(self) -> None:
        self.streams: set[Subscriber] = set()
        self.overseers: set[Subscriber] = set()  # of support; hear of any change
        self._by_user: dict[int, list[Subscriber]] = {}  # in the order of their coming
        self._by_customer: dict[int, set[Subscriber]] = {}  # who wants to hear of new tasks
        self._watchers: dict[int, set[Subscriber]] = {}  # by task
        self._wanted: dict[int, frozenset[Fragment]] = {}  # by task

    def add(self, stream: Subscriber, watched: Mapping[int, tuple[str, ...]]) -> None:
        """Take a stream in, with the fragments that it shows of each task."""
        self._by_user.setdefault(stream.user, []).append(stream)
        self.streams.add(stream)
        for task, fragments in watched.items():
            self.watch(stream, task, fragments)
        if stream.wants_new and stream.as_support:
            self.overseers.add(stream)
        elif stream.wants_new and stream.customer is not None:
            self._by_customer.setdefault(stream.customer, set()).add(stream)

    def remove(self, stream: Subscriber) -> list[int]:
        """Forget a stream, known or not: the tasks that nobody watches any more."""
        if stream not in self.streams:
            return []
        self.streams.discard(stream)
        self.overseers.discard(stream)
        self._by_user[stream.user].remove(stream)
        if not self._by_user[stream.user]:
            del self._by_user[stream.user]
        if stream.customer is not None:
            _discard(self._by_customer, stream.customer, stream)
        for task in stream.watched:
            _discard(self._watchers, task, stream)
            self._wanted.pop(task, None)
        return [task for task in stream.watched if task not in self._watchers]

    def watch(self, stream: Subscriber, task: int, fragments: tuple[str, ...]) -> None:
        """A stream shows these fragments of a task from now on."""
        stream.watched[task] = fragments
        self._watchers.setdefault(task, set()).add(stream)
        self._wanted.pop(task, None)

    def streams_of(self, user: int) -> list[Subscriber]:
        """All streams of a person, the oldest first."""
        return self._by_user.get(user, [])

    def expecting(self, customer: int) -> Collection[Subscriber]:
        """Who wants to hear of this customer's new tasks."""
        return self._by_customer.get(customer, ())

    def all_expecting(self) -> set[Subscriber]:
        """Who wants to hear of anybody's new tasks."""
        return set().union(*self._by_customer.values())

    @property
    def tasks(self) -> Collection[int]:
        """All tasks that somebody watches."""
        return self._watchers.keys()

    def watchers_of(self, task: int) -> Collection[Subscriber]:
        """Who shows something of a task."""
        return self._watchers.get(task, ())

    def wanted_of(self, task: int) -> frozenset[Fragment]:
        """What has to be rendered of a task; other threads may ask, too."""
        kept = self._wanted.get(task)
        return self._reckoned(task) if kept is None else kept

    def keep_wanted(self, task: int) -> frozenset[Fragment]:
        """As `wanted_of`, which then need not be reckoned until somebody comes or leaves."""
        wanted = self.wanted_of(task)
        # A new row is announced once; then it is a row as any other.
        if wanted and not any(name == "new_row" for name, _ in wanted):
            self._wanted[task] = wanted
        return wanted

    def _reckoned(self, task: int) -> frozenset[Fragment]:
        watchers = tuple(self.watchers_of(task))  # at once: the loop may be changing it
        return frozenset(each for stream in watchers for each in stream.fragments_of(task))


def _discard(index: dict[int, set[Subscriber]], key: int, stream: Subscriber) -> None:
    streams = index.get(key)
    if streams is not None:
        streams.discard(stream)
        if not streams:
            del index[key]
