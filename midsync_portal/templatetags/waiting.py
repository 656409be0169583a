"""How long a task takes, for its row and page; asks the database once a minute and process."""

from django import template

from midsync_portal.models import Task
from midsync_portal.waiting import Span, Wait, wait_of

register = template.Library()
IN_MINUTES = 600  # seconds from which minutes are enough


@register.filter
def wait(task: Task) -> Wait | None:
    """Where an accepted task stands in time."""
    return wait_of(task)


@register.filter
def figures(span: Span) -> str:
    """70–140, in the unit of `in_minutes`; one figure where both are the same."""
    low, high = (round(one / 60) for one in span) if span[1] >= IN_MINUTES else span
    return str(high) if low == high else f"{low}–{high}"


@register.filter
def in_minutes(seconds: int) -> bool:
    """Whether a length of time is told in minutes."""
    return seconds >= IN_MINUTES
