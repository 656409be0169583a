"""What can go differently: chosen by words in the prompt, or for all orders on the control page.

``a fox in the snow [slow] [twice]`` takes long and then calls back twice. Words may be combined.
"""

import re
from enum import StrEnum


class Scenario(StrEnum):
    """One way in which an order can go; its value is the word in square brackets."""

    REFUSE = "refuse"
    NO_POINTS = "no-points"
    UNAUTHORISED = "unauthorised"
    FORBIDDEN = "forbidden"
    RATE_LIMITED = "rate-limited"
    BUSY = "busy"
    TOO_MANY = "too-many"
    MAINTENANCE = "maintenance"
    HTML = "html"
    SAYS_NO = "says-no"
    HTTP_400 = "http-400"
    HTTP_404 = "http-404"
    HTTP_405 = "http-405"
    HTTP_408 = "http-408"
    HTTP_409 = "http-409"
    HTTP_413 = "http-413"
    HTTP_415 = "http-415"
    RESET = "reset"
    QUOTE_DOWN = "quote-down"

    HANG = "hang"
    LATE_ANSWER = "late-answer"
    LOST_ANSWER = "lost-answer"
    RESET_CHARGED = "reset-charged"
    CUT_ANSWER = "cut-answer"
    SERVER_ERROR = "server-error"
    REDIRECT = "redirect"
    NOT_JSON = "not-json"
    NO_ID = "no-id"
    HUGE_ANSWER = "huge-answer"
    GZIP_BOMB = "gzip-bomb"
    BUSY_CHARGED = "busy-charged"
    REFUSE_CHARGED = "refuse-charged"
    DRIP = "drip"
    SURPRISE_PRICE = "surprise-price"
    KEY_REVOKED = "key-revoked"

    STATUS_UNKNOWN_WORD = "status-unknown-word"
    STATUS_NUMBER = "status-number"
    STATUS_NOT_FOUND = "status-404"
    STATUS_FAILS_FIRST = "status-fails-first"
    STATUS_DOWN = "status-down"

    FAIL = "fail"
    HOSTILE_REASON = "hostile-reason"
    CANCEL = "cancel"
    SLOW = "slow"
    NO_URL = "no-url"
    EXPIRED_LINK = "expired-link"

    SILENT = "silent"
    EARLY = "early"
    TWICE = "twice"
    TWENTY_AT_ONCE = "twenty-at-once"
    THOUSAND = "thousand"
    OUT_OF_ORDER = "out-of-order"
    REVERSED = "reversed"
    DAYS_LATE = "days-late"
    FAIL_THEN_READY = "fail-then-ready"
    READY_THEN_FAIL = "ready-then-fail"
    UNKNOWN_WORD = "unknown-word"
    ACCOUNT_TOO = "account-too"
    ACCOUNT_ONLY = "account-only"

    EMPTY_CALLBACK = "empty-callback"
    CHUNKED = "chunked"
    WRONG_TYPE = "wrong-type"
    UTF_16 = "utf-16"
    NUL = "nul"
    SURROGATE = "surrogate"
    NAN = "nan"
    LONG_NUMBER = "long-number"
    DEEP = "deep-nesting"
    DUPLICATE_KEYS = "duplicate-keys"
    LIST = "list"
    TWO_MEGABYTES = "two-megabytes"
    FOREIGN_ID = "foreign-id"
    BAD_TOKEN = "bad-token"  # noqa: S105 - a word for the prompt


#: What each scenario does, in one sentence, by the part of the work that it spoils.
GROUPS: dict[str, dict[Scenario, str]] = {
    "Not taken, nothing charged": {
        Scenario.REFUSE: "Generate is refused with 422 and a reason at the prompt.",
        Scenario.NO_POINTS: "Generate answers 402: not enough points.",
        Scenario.UNAUTHORISED: "Generate answers 401 as if the key were wrong.",
        Scenario.FORBIDDEN: "Generate answers 403 as if the key were not allowed to do this.",
        Scenario.RATE_LIMITED: "The first attempt gets 429 with Retry-After; the next is accepted.",
        Scenario.BUSY: "The first attempt gets 429 without Retry-After; the next is accepted.",
        Scenario.TOO_MANY: "Every attempt gets 429 with Retry-After.",
        Scenario.MAINTENANCE: "Generate answers 503 with Retry-After.",
        Scenario.HTML: "Generate answers 502 with a proxy's HTML page.",
        Scenario.SAYS_NO: "Generate answers 200, and in it that it was no success.",
        Scenario.HTTP_400: "Generate answers 400: a bad request.",
        Scenario.HTTP_404: "Generate answers 404: no such address.",
        Scenario.HTTP_405: "Generate answers 405: not with this method.",
        Scenario.HTTP_408: "Generate answers 408: the request took too long.",
        Scenario.HTTP_409: "Generate answers 409: a conflict.",
        Scenario.HTTP_413: "Generate answers 413: too large.",
        Scenario.HTTP_415: "Generate answers 415: no such type.",
        Scenario.RESET: "The connection is reset before generate does anything.",
        Scenario.QUOTE_DOWN: "Quote answers 503; generate works and charges.",
    },
    "Charged, but the answer goes wrong": {
        Scenario.HANG: "Generate charges, then never answers.",
        Scenario.LATE_ANSWER: "Generate charges and answers after 90 seconds.",
        Scenario.LOST_ANSWER: "Generate charges, then the connection drops without an answer.",
        Scenario.RESET_CHARGED: "Generate charges, then the connection is reset.",
        Scenario.CUT_ANSWER: "Generate charges; the connection drops in the middle of the answer.",
        Scenario.SERVER_ERROR: "Generate charges, then answers 500.",
        Scenario.REDIRECT: "Generate charges, then answers 307 to itself: who follows pays twice.",
        Scenario.NOT_JSON: "Generate charges; its answer is 200 and no JSON.",
        Scenario.NO_ID: "Generate charges; its answer is a success without a task id.",
        Scenario.HUGE_ANSWER: "Generate charges; its answer has 10 MB.",
        Scenario.GZIP_BOMB: "Generate charges; its answer unpacks to 100 MB.",
        Scenario.BUSY_CHARGED: "Generate charges, then answers 429 with the task's id.",
        Scenario.REFUSE_CHARGED: "Generate charges, then refuses with 422; the video is made.",
        Scenario.DRIP: "Generate charges; its answer arrives a few bytes at a time.",
        Scenario.SURPRISE_PRICE: "Generate charges a quarter more than was quoted.",
        Scenario.KEY_REVOKED: "After this order every call gets 401, until the outage is ended.",
    },
    "The status endpoint": {
        Scenario.STATUS_UNKNOWN_WORD: "Status says a word that nobody documented, for ever.",
        Scenario.STATUS_NUMBER: "Status says a number that nobody documented, for ever.",
        Scenario.STATUS_NOT_FOUND: "The first two look-ups get 404.",
        Scenario.STATUS_FAILS_FIRST: "The first look-up after the end says failed, later: ready.",
        Scenario.STATUS_DOWN: "Status answers 500, for ever.",
    },
    "The video": {
        Scenario.FAIL: "The video fails half-way, with a reason; the points stay charged.",
        Scenario.HOSTILE_REASON: "The video fails, and the reason is full of markup.",
        Scenario.CANCEL: "The video is reported as cancelled half-way.",
        Scenario.SLOW: "The video takes ten times as long.",
        Scenario.NO_URL: "Success is reported without the address of the video.",
        Scenario.EXPIRED_LINK: "Callbacks name a link that has expired; status names a fresh one.",
    },
    "When callbacks come": {
        Scenario.SILENT: "No callback is ever sent; only the status endpoint knows.",
        Scenario.EARLY: "The video is ready at once: the callback comes before generate's answer.",
        Scenario.TWICE: "Every callback is sent twice.",
        Scenario.TWENTY_AT_ONCE: "The final callback is sent twenty times at the same moment.",
        Scenario.THOUSAND: "The final callback is sent a thousand times, one after the other.",
        Scenario.OUT_OF_ORDER: "After the final callback a late one says: in progress.",
        Scenario.REVERSED: "First the final callback comes, then in progress, then submitted.",
        Scenario.DAYS_LATE: "The callback comes four days after the end.",
        Scenario.FAIL_THEN_READY: "A callback says failed, the next one that the video is ready.",
        Scenario.READY_THEN_FAIL: "A callback says that the video is ready, the next one failed.",
        Scenario.UNKNOWN_WORD: "A callback half-way carries a word that nobody documented.",
        Scenario.ACCOUNT_TOO: "Callbacks come by the URL of the whole account, too.",
        Scenario.ACCOUNT_ONLY: "Callbacks come by the URL of the whole account, and only there.",
    },
    "What callbacks carry": {
        Scenario.EMPTY_CALLBACK: "Callbacks are empty.",
        Scenario.CHUNKED: "Callbacks are sent in chunks, without a length.",
        Scenario.WRONG_TYPE: "Callbacks call themselves an image.",
        Scenario.UTF_16: "Callbacks are written in UTF-16.",
        Scenario.NUL: "Callbacks hold NUL characters.",
        Scenario.SURROGATE: "Callbacks hold half a character, which is no valid text.",
        Scenario.NAN: "Callbacks hold NaN and Infinity.",
        Scenario.LONG_NUMBER: "Callbacks hold a number of 5,000 digits.",
        Scenario.DEEP: "Callbacks are 100,000 opening brackets.",
        Scenario.DUPLICATE_KEYS: "Callbacks name each field twice, nonsense first.",
        Scenario.LIST: "Callbacks are a list with the message in it.",
        Scenario.TWO_MEGABYTES: "Callbacks have 2 MB.",
        Scenario.FOREIGN_ID: "Callbacks name the id of another task.",
        Scenario.BAD_TOKEN: "Callbacks go to an address whose token is wrong.",
    },
}
SENTENCES = {
    scenario: sentence for group in GROUPS.values() for scenario, sentence in group.items()
}

#: Answers that refuse the call before anything is charged. These can also be chosen as an outage
#: that strikes every endpoint.
OUTAGES = (
    Scenario.UNAUTHORISED,
    Scenario.FORBIDDEN,
    Scenario.TOO_MANY,
    Scenario.MAINTENANCE,
    Scenario.HTML,
    Scenario.RESET,
    Scenario.HANG,
)

WORD = re.compile(r"\[([a-z][a-z0-9-]*)\]", re.IGNORECASE)


def words_in(text: str) -> list[str]:
    """The words in square brackets, lower case, in their order."""
    return [word.lower() for word in WORD.findall(text)]


def scenarios_in(text: str) -> frozenset[Scenario]:
    """The scenarios that ``text`` asks for; words that name none are left alone."""
    known = {scenario.value: scenario for scenario in Scenario}
    return frozenset(known[word] for word in words_in(text) if word in known)


def without_words(text: str) -> str:
    """``text`` as people want to see it in the video: without the words in square brackets."""
    return " ".join(WORD.sub(" ", text).split())
