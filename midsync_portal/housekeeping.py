"""What nobody needs any more goes: prices of long ago, sessions that have ended."""

from datetime import timedelta

from django.contrib.sessions.models import Session
from django.utils import timezone

from .callbacks import tidy_inbox
from .models import Quote

AT_ONCE = 500  # rows per statement
QUOTES_KEPT = timedelta(days=30)  # so long a task's record shows those around its order


def tidy() -> None:
    """What the worker does every few seconds; costs a look-up each where nothing is to be done."""
    tidy_inbox()
    prune_quotes()
    prune_sessions()


def prune_quotes() -> int:
    """Delete prices that were asked for long ago; says how many. No task needs them: each has its
    own price.
    """
    before, pruned = timezone.now() - QUOTES_KEPT, 0
    while True:
        oldest = Quote.objects.order_by("pk").values_list("pk", "created_at")[:AT_ONCE]
        chosen = [pk for pk, created_at in oldest if created_at < before]
        Quote.objects.filter(pk__in=chosen).delete()
        pruned += len(chosen)
        if len(chosen) < AT_ONCE:
            return pruned


def prune_sessions() -> int:
    """Delete sessions that have ended by themselves; says how many."""
    ended, pruned = Session.objects.filter(expire_date__lt=timezone.now()), 0
    while chosen := list(ended.values_list("pk", flat=True)[:AT_ONCE]):
        Session.objects.filter(pk__in=chosen).delete()
        pruned += len(chosen)
    return pruned
