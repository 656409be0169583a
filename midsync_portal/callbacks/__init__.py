"""MidSync's door and its inbox: store first, then apply, then answer 200.

What was answered with 200 is in the database; what could not be applied stays there with its
reason and the worker, or support, takes it from there.
"""

from .door import receive_account_callback, receive_callback
from .inbox import process_due_delivery
from .orphans import match_orphans
from .replays import preview, replay
from .retention import prune_deliveries, tidy_inbox

__all__ = [
    "match_orphans",
    "preview",
    "process_due_delivery",
    "prune_deliveries",
    "receive_account_callback",
    "receive_callback",
    "replay",
    "tidy_inbox",
]
