"""Rows that nobody needs any more go: prices of long ago, sessions that have ended."""

from datetime import timedelta
from typing import Any

from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils import timezone

from .models import Quote

AT_ONCE = 500  # rows per transaction
QUOTES_KEPT = timedelta(days=30)  # so long a task's record shows those around its order


def prune() -> None:
    """What the worker does every few seconds; costs two look-ups where nothing is to be done."""
    prune_quotes()
    prune_sessions()


def prune_quotes() -> int:
    """Delete prices that were asked for long ago; says how many. A task has its own price."""
    before, pruned = timezone.now() - QUOTES_KEPT, 0
    quotes = Quote.objects.order_by("pk")  # by time as well, and by an index
    while (oldest := quotes.first()) and oldest.created_at < before:
        upto = quotes.filter(pk__lt=oldest.pk + AT_ONCE, created_at__lt=before)
        pruned += upto.delete()[0]
    return pruned


def prune_sessions() -> int:
    """Delete sessions that have ended by themselves; says how many."""
    return delete_in_parts(Session.objects.filter(expire_date__lt=timezone.now()))


def delete_in_parts(rows: QuerySet[Any]) -> int:
    """Delete rows in their order, so many at once that nobody has to wait long; says how many."""
    deleted = 0
    while chosen := list(rows.values_list("pk", flat=True)[:AT_ONCE]):
        rows.model._default_manager.filter(pk__in=chosen).delete()
        deleted += len(chosen)
    return deleted
