"""Deliveries that fit no task: matched again when a task's ids become known, never by a guess."""

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from midsync_portal.midsync.types import StatusReport
from midsync_portal.models import CallbackDelivery, Task

State = CallbackDelivery.State
IDS_MAX = 10
MATCHES_MAX = 20  # tries of one orphan that seems to fit, and does not
BATCH = 50


def find_task(report: StatusReport) -> Task | None:
    """The one task that MidSync's or the provider's id in a report names.

    None where there is none, where there are several, and where one of both ids is another.
    """
    wanted = report.ids[:IDS_MAX]
    if not wanted:
        return None
    # The blank ones are left out in the words of the indexes.
    named = (Q(midsync_task_id__in=wanted) & ~Q(midsync_task_id="")) | (
        Q(provider_task_id__in=wanted) & ~Q(provider_task_id="")
    )
    found = list(Task.objects.filter(named).order_by("pk")[:2])
    if len(found) != 1:
        return None
    said = {report.midsync_task_id, report.provider_task_id} - {""}
    known = {found[0].midsync_task_id, found[0].provider_task_id} - {""}
    contradicts = len(said) == len(known) == 2 and said != known
    return None if contradicts else found[0]


def link(delivery: CallbackDelivery, report: StatusReport | None) -> Task | None:
    """Give an orphan to the task that it proves to be of, if we know it by now.

    That is the task of the signed URL that it came by, or the one that its ids name. Where the
    task has the same body already, the orphan stays one, and is done.
    """
    if delivery.is_hint or delivery.named_task is None:
        task = find_task(report or _as_kept(delivery))
    else:
        task = Task.objects.filter(public_id=delivery.named_task).first()
    if task is None or delivery.pk is None:
        return task
    row = CallbackDelivery.objects.filter(pk=delivery.pk, task=None)
    try:
        with transaction.atomic():
            row.update(task=task, named_task=task.public_id)
    except IntegrityError:
        delivery.state, delivery.outcome = State.DONE, "its task has the same body already"
        row.update(state=State.DONE, outcome=delivery.outcome, next_try_at=None)
        return None
    delivery.task, delivery.named_task = task, task.public_id
    return task


def match_orphans() -> int:
    """Let the worker take up orphans whose task we know by now; says how many.

    Our own answer to an order may come after the callback that names its id.
    """
    by_url = Task.objects.filter(public_id=OuterRef("named_task"))
    ids = [OuterRef("midsync_task_id"), OuterRef("provider_task_id")]
    by_id = Task.objects.filter(~Q(midsync_task_id=""), midsync_task_id__in=ids)
    by_provider_id = Task.objects.filter(~Q(provider_task_id=""), provider_task_id__in=ids)
    is_named = Q(Q(is_hint=False), Exists(by_url))
    is_named |= Q(Q(is_hint=True), Exists(by_id)) | Q(Q(is_hint=True), Exists(by_provider_id))
    fitting = CallbackDelivery.objects.filter(
        is_named, task=None, state=State.KEPT, tries__lt=MATCHES_MAX
    ).values_list("pk", flat=True)[:BATCH]
    return CallbackDelivery.objects.filter(pk__in=list(fitting), state=State.KEPT).update(
        state=State.NEW, next_try_at=timezone.now()
    )


def _as_kept(delivery: CallbackDelivery) -> StatusReport:
    """The ids of a body of which only the beginning was kept."""
    ids = (delivery.midsync_task_id, delivery.provider_task_id)
    return StatusReport(
        midsync_task_id=ids[0], provider_task_id=ids[1], ids=tuple(filter(None, ids))
    )
