"""Points in words: amounts, what was quoted and charged, and how the two differ.

Pure: reads the task, asks nobody. A refund is never spoken of: MidSync reports none.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from django.utils.translation import gettext, ngettext

from .models import Task
from .models.status import Status


def points_text(points: Decimal | None) -> str:
    """Points as people write them: 48, 48.5, 1,234.25; empty where unknown."""
    return "" if points is None else f"{_plain(points):,f}"


def points_plain(points: Decimal | None) -> str:
    """Points for machines: a plain decimal with a point; empty where unknown."""
    return "" if points is None else f"{_plain(points):f}"


def unit_text(points: Decimal) -> str:
    """The unit of so many points, where the figure stands by itself: point, points."""
    return ngettext("point", "points", 1 if points == 1 else 2)


def counted(points: Decimal | None) -> str:
    """Points with their unit: 1 point, 48 points."""
    few = 1 if points == 1 else 2
    return ngettext("%(points)s point", "%(points)s points", few) % {"points": points_text(points)}


def _plain(points: Decimal) -> Decimal:
    points = Decimal(points)
    return points.quantize(Decimal(1)) if points == points.to_integral() else points.normalize()


class Charge(Enum):
    """What is known of a task's charge."""

    KNOWN = "known"
    NONE = "none"  # nothing was charged, for sure
    UNKNOWN = "unknown"  # perhaps
    OPEN = "open"  # MidSync has it, and has not said yet


def charge_of(task: Task) -> Charge:
    """What is known of the charge, from the facts of the task alone."""
    if task.points_charged is not None:
        return Charge.KNOWN if task.points_charged else Charge.NONE
    if task.waits_unsent or (task.status == Status.REJECTED and not task.charge_unknown):
        return Charge.NONE
    if task.is_final or task.status == Status.UNCONFIRMED:
        return Charge.UNKNOWN
    return Charge.OPEN


def charge_sentence(task: Task) -> str:
    """Whether and how many points this task has cost, in one sentence; empty where it is open."""
    match charge_of(task):
        case Charge.KNOWN:
            few = 1 if task.points_charged == 1 else 2
            said = ngettext("%(points)s was charged.", "%(points)s were charged.", few)
            return said % {"points": counted(task.points_charged)}
        case Charge.NONE:
            return gettext("Nothing was charged.")
        case Charge.UNKNOWN:
            return gettext("We don't know yet whether points were charged.")
        case Charge.OPEN:
            return ""


@dataclass(frozen=True)
class Receipt:
    """Quoted and charged side by side, each in words; `as_quoted`: the promise was kept."""

    quoted: str
    charged: str  # empty where MidSync has not said yet
    difference: str = ""
    as_quoted: bool = False

    def __str__(self) -> str:
        """On one line."""
        line = " · ".join(filter(None, [self.quoted, self.charged]))
        if self.as_quoted:
            return f"{line} ✓"
        return f"{line}: {self.difference}" if self.difference else line


def receipt_of(task: Task) -> Receipt:
    """What the customer was promised and what it came to."""
    quoted = (
        gettext("No price was quoted")
        if task.points_quoted is None
        else gettext("Quoted %(points)s") % {"points": points_text(task.points_quoted)}
    )
    match charge_of(task):
        case Charge.OPEN:
            return Receipt(quoted, "")
        case Charge.UNKNOWN:
            return Receipt(quoted, gettext("Charge not known"))
        case Charge.NONE if task.points_charged is None or task.points_quoted:
            return Receipt(quoted, gettext("Not charged"))
    charged = gettext("Charged %(points)s") % {"points": points_text(task.points_charged)}
    if not task.charge_differs:
        return Receipt(quoted, charged, as_quoted=task.points_quoted is not None)
    apart = counted(abs(task.points_difference))
    more = gettext("%(points)s more than quoted")
    less = gettext("%(points)s less than quoted")
    return Receipt(
        quoted, charged, (more if task.points_difference > 0 else less) % {"points": apart}
    )
