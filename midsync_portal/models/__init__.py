"""The tables of the portal, one file per subject."""

from .callbacks import CallbackDelivery
from .catalog import CatalogCopy, ModelOffer
from .drafts import Draft
from .events import TaskEvent
from .failures import FailureBucket
from .mails import EndMail
from .operations import MidSyncGate, Tally, WebHeartbeat, WorkerHeartbeat
from .people import Customer, Membership, User
from .prices import StartingPrice
from .quotes import Quote
from .search import PromptGrams
from .tasks import Task
from .usage import Reconciliation, UsageFinding

__all__ = [
    "CallbackDelivery",
    "CatalogCopy",
    "Customer",
    "Draft",
    "EndMail",
    "FailureBucket",
    "Membership",
    "MidSyncGate",
    "ModelOffer",
    "PromptGrams",
    "Quote",
    "Reconciliation",
    "StartingPrice",
    "Tally",
    "Task",
    "TaskEvent",
    "UsageFinding",
    "User",
    "WebHeartbeat",
    "WorkerHeartbeat",
]
