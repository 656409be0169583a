"""MidSync over HTTP: ask what can be ordered and what it costs, order, look up.

Reads may be repeated, a generate never. Every call ends within its timeout, raises nothing but
`MidSyncError`, and leaves one log line per request without keys, prompts or bodies.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar
from urllib.parse import quote, urlsplit

import requests
from requests.adapters import BaseAdapter

from . import answers
from .errors import InvalidRequest, MidSyncError, MidSyncNotSent, MidSyncUnavailable, NotFound
from .models_reader import read_models
from .reader.values import read_id
from .text import clean_word
from .transport import Answer, Bearer, Session, exchange
from .types import Generation, ModelList, PriceQuote, StatusReport, UsagePage, UsageSummary
from .usage import read_usage_page, read_usage_summary

logger = logging.getLogger("midsync_portal.midsync")

USER_AGENT = "midsync-portal/1"
_READ_PAUSES = (0.5, 2.0)  # seconds before each repetition of a read
_QUOTE_PAUSES = (0.5,)  # a person waits
_KEY_MIN = 8  # a shorter key is not looked for in answers: it could be any word

_Result = TypeVar("_Result")
_When = date | datetime | str
MayRepeat = Callable[[], bool]
Told = Callable[[str, str, float], None]


def _always() -> bool:
    return True


def _nobody(endpoint: str, outcome: str, milliseconds: float) -> None:
    pass


class MidSyncClient:
    """A client of MidSync that threads may share.

    Timeouts are in seconds and total, the connection and every repetition included; an answer
    of more than `response_max` bytes is not read. `numbers_as_strings` names the video models
    whose numbers MidSync wants as strings. `adapter` replaces the wire, `sleep` and `clock`
    (seconds since 1970) the time, for tests. `may_repeat` of a read is asked before each of its
    repetitions. `told` hears of each request: its endpoint, what came of it ("ok" or the name of
    an error) and how many milliseconds it took.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        connect_timeout: float = 5,
        read_timeout: float = 15,
        generate_timeout: float = 60,
        response_max: int = 262_144,
        numbers_as_strings: frozenset[str] = frozenset(),
        adapter: BaseAdapter | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
        told: Told = _nobody,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise ValueError("The base URL of MidSync must be http(s)://host[:port][/path].")
        if not api_key or not api_key.isascii() or not api_key.isprintable() or " " in api_key:
            raise ValueError("The API key of MidSync must be visible ASCII characters.")
        self.base_url = base_url.rstrip("/")
        self._api_key = api_key
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._generate_timeout = generate_timeout
        self._response_max = response_max
        self._numbers_as_strings = numbers_as_strings
        self._adapter = adapter
        self._sleep = sleep
        self._clock = clock
        self._told = told
        self._of_thread = threading.local()

    def __repr__(self) -> str:
        return f"MidSyncClient({self.base_url!r})"

    def list_models(self, may_repeat: MayRepeat = _always) -> ModelList:
        """What can be ordered now."""

        def read(answer: Answer) -> ModelList:
            payload = answers.read_answer(answer, self._clock())
            return ModelList(read_models(payload), payload)

        request = self._get("/unified-video/models")
        return self._read("models", request, read, may_repeat=may_repeat)

    def quote(self, body: Mapping[str, object], timeout: float | None = None) -> PriceQuote:
        """What a generate with this body would cost; charges nothing.

        Raises `InvalidRequest` (with `field` if recognisable) or `InsufficientPoints` if
        MidSync would not take it.
        """
        request = self._post("/unified-video/quote", body)
        return self._read(
            "quote",
            request,
            lambda answer: answers.read_quote(answer, self._clock()),
            timeout=timeout,
            pauses=_QUOTE_PAUSES,
        )

    def generate(self, body: Mapping[str, object], idempotency_key: str) -> Generation:
        """Order the video: exactly one POST, on a connection of its own, never repeated.

        This charges points. `MidSyncRefused`, `MidSyncMisconfigured` and `MidSyncNotSent` mean
        that nothing was charged; after `MidSyncUnavailable` nobody but MidSync knows.
        """
        request = self._post("/unified-video/generate", body)
        request.headers["Idempotency-Key"] = str(idempotency_key)
        session = self._new_session()
        try:
            return self._once(
                "generate",
                session,
                request,
                lambda answer: answers.read_generation(answer, self._clock()),
                time.monotonic() + self._generate_timeout,
                {"task": clean_word(str(idempotency_key))},
            )
        finally:
            if self._adapter is None:
                session.close()

    def get_status(self, midsync_task_id: str, may_repeat: MayRepeat = _always) -> StatusReport:
        """What MidSync says about a task; `NotFound` may just mean "too early"."""
        if not read_id(midsync_task_id):
            raise NotFound(detail="not an id")
        path = f"/unified-video/{quote(midsync_task_id, safe='')}/status"
        return self._read(
            "status",
            self._get(path),
            lambda answer: answers.read_status(answer, self._clock()),
            may_repeat=may_repeat,
            about={"midsync_task": clean_word(midsync_task_id)},
        )

    def usage_logs(
        self,
        model: str | None = None,
        from_: _When | None = None,
        to: _When | None = None,
        page: int = 1,
        limit: int = 100,
        may_repeat: MayRepeat = _always,
    ) -> UsagePage:
        """One page of the account's usage; also what others did with the same key."""
        query = _query(page=page, limit=limit, model=model, to=to) | _query(**{"from": from_})

        def read(answer: Answer) -> UsagePage:
            return read_usage_page(answers.read_answer(answer, self._clock()), page, limit)

        request = self._get("/v1/usage/logs", query)
        return self._read("usage-logs", request, read, may_repeat=may_repeat)

    def usage_summary(
        self,
        from_: _When | None = None,
        to: _When | None = None,
        group_by: str | None = None,
    ) -> UsageSummary:
        """The account's totals; MidSync may ignore the window."""
        query = _query(to=to, groupBy=group_by) | _query(**{"from": from_})

        def read(answer: Answer) -> UsageSummary:
            return read_usage_summary(answers.read_answer(answer, self._clock()))

        return self._read("usage-summary", self._get("/v1/usage/summary", query), read)

    # How requests are made and sent.

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> requests.Request:
        return requests.Request("GET", self.base_url + path, params=query)

    def _post(self, path: str, body: Mapping[str, object]) -> requests.Request:
        if body.get("model") in self._numbers_as_strings:
            body = {name: _as_strings(value) for name, value in body.items()}
        try:
            content = json.dumps(
                body, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_as_number
            )
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidRequest(detail=f"not JSON: {type(error).__name__}") from error
        headers = {"Content-Type": "application/json"}
        return requests.Request("POST", self.base_url + path, headers=headers, data=content)

    def _new_session(self) -> Session:
        return Session(Bearer(self._api_key), USER_AGENT, self._adapter)

    def begin_anew(self) -> None:
        """Let this thread's next read open a connection: after an outage an idle one may be dead,
        which shows only when something is sent on it.
        """
        if session := self._of_thread.__dict__.pop("session", None):
            session.close()

    def _session(self) -> Session:
        """The session of this thread, so that reads share connections but threads do not."""
        if not hasattr(self._of_thread, "session"):
            self._of_thread.session = self._new_session()
        session: Session = self._of_thread.session
        return session

    def _read(
        self,
        endpoint: str,
        request: requests.Request,
        read: Callable[[Answer], _Result],
        *,
        timeout: float | None = None,
        pauses: tuple[float, ...] = _READ_PAUSES,
        may_repeat: MayRepeat = _always,
        about: Mapping[str, str] | None = None,
    ) -> _Result:
        """Ask, and ask again after a short pause while there is time and no usable answer."""
        deadline = time.monotonic() + (self._read_timeout if timeout is None else timeout)
        for pause in pauses:
            try:
                return self._once(endpoint, self._session(), request, read, deadline, about or {})
            except (MidSyncNotSent, MidSyncUnavailable) as error:
                if time.monotonic() + max(pause, error.retry_after or 0) >= deadline:
                    raise
                if not may_repeat():
                    raise
            self._sleep(pause)
        return self._once(endpoint, self._session(), request, read, deadline, about or {})

    def _once(
        self,
        endpoint: str,
        session: Session,
        request: requests.Request,
        read: Callable[[Answer], _Result],
        deadline: float,
        about: Mapping[str, str],
    ) -> _Result:
        """One request, its answer read and logged; `about` names what it is about."""
        started = time.monotonic()
        http_status: int | None = None
        outcome = "ok"
        try:
            answer = exchange(
                session,
                request,
                connect_timeout=self._connect_timeout,
                deadline=deadline,
                response_max=self._response_max,
            )
            http_status = answer.status
            result = read(self._without_key(answer))
            if isinstance(result, Generation):
                about = {**about, "midsync_task": result.midsync_task_id}
            return result
        except MidSyncError as error:
            outcome = type(error).__name__
            raise
        except Exception as error:  # a flaw of ours; after a generate the money may be gone
            outcome = f"unreadable ({type(error).__name__})"
            raise MidSyncUnavailable(http_status=http_status, detail=outcome) from error
        finally:
            milliseconds = (time.monotonic() - started) * 1000
            self._told(endpoint, outcome.partition(" ")[0], milliseconds)
            logger.log(
                logging.INFO if outcome == "ok" else logging.WARNING,
                "midsync %s http=%s outcome=%s ms=%d%s",
                endpoint,
                http_status or "-",
                outcome,
                milliseconds,
                "".join(f" {name}={value}" for name, value in about.items()),
                extra={
                    "facts": {
                        "call": endpoint,
                        "http": http_status,
                        "outcome": outcome,
                        "ms": round(milliseconds),
                        **about,
                    }
                },
            )

    def _without_key(self, answer: Answer) -> Answer:
        """The answer with our key cut out, should MidSync echo it: answers are kept and shown."""
        if len(self._api_key) < _KEY_MIN:
            return answer
        body = answer.body.replace(self._api_key.encode(), b"[key]")
        return Answer(answer.status, answer.headers, body, answer.flaw)


def _query(**values: object) -> dict[str, str]:
    """Query parameters, those without a value left out, moments as ISO text."""
    return {
        name: value.isoformat() if isinstance(value, date) else str(value)
        for name, value in values.items()
        if value is not None
    }


def _as_number(value: object) -> int | float:
    """A Decimal as a JSON number."""
    if not isinstance(value, Decimal):
        raise TypeError(type(value).__name__)
    return int(value) if value == value.to_integral_value() else float(value)


def _as_strings(value: object) -> object:
    """The value with every number in it as a string."""
    match value:
        case bool():
            return value
        case int() | float() | Decimal():
            return format(Decimal(str(value)).normalize(), "f")
        case list() | tuple():
            return [_as_strings(entry) for entry in value]
        case dict():
            return {name: _as_strings(entry) for name, entry in value.items()}
    return value
