"""The only place that can spend points: quote, order, send.

What happens to a task, whatever goes wrong:

- timeout or unreadable answer: UNCONFIRMED, never sent again by itself; a callback, a status
  answer or support settles it
- the same form again (double click, reload, two tabs): `submit_key` is unique, the existing task
  is the answer, nothing is sent twice
- a report overtakes our own answer: applied at once; the answer then only fills in ids and points
- crash before the mark (`sent_at`): unsent, the worker sends it; crash after the mark: the lease
  lapses and the task is UNCONFIRMED
"""

from .limits import LimitReached
from .ordering import (
    FormUsed,
    NeedsConfirmation,
    OrderedBefore,
    OrderingPaused,
    submit,
)
from .pool import finish_sends, send_and_wait
from .quoting import QuoteRefused, TooMany, quote_for
from .sending import send
from .several import NotOrdered, Order, order_all, quotes_for

__all__ = [
    "FormUsed",
    "LimitReached",
    "NeedsConfirmation",
    "NotOrdered",
    "Order",
    "OrderedBefore",
    "OrderingPaused",
    "QuoteRefused",
    "TooMany",
    "finish_sends",
    "order_all",
    "quote_for",
    "quotes_for",
    "send",
    "send_and_wait",
    "submit",
]
