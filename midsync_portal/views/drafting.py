"""How the order form begins: with the person's draft, a task's settings, or a model."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext

from midsync_portal import drafts
from midsync_portal.catalog import get_catalog
from midsync_portal.catalog.names import model_name
from midsync_portal.forms import Dropped, GenerationForm
from midsync_portal.models import Customer, Task

from .requests import PortalRequest, tasks_of_theirs, work_for_team_of


@dataclass(frozen=True)
class Beginning:
    """What the form says of where its contents come from.

    `based_on` is the task whose settings it began with, `dropped` what the model does not take
    any more, `has_earlier` whether something can be brought back.
    """

    based_on: Task | None = None
    dropped: Sequence[Dropped] = ()
    has_earlier: bool = False


def source_of(request: PortalRequest) -> Task | None:
    """The task `?from=` whose settings a fresh page begins with; the page is for its team."""
    if not (number := request.GET.get("from", "")):
        return None
    task: Task = get_object_or_404(tasks_of_theirs(request), public_id=uuid_or_none(number))
    work_for_team_of(request, task)
    return task


def opened_form(request: PortalRequest, source: Task | None) -> tuple[GenerationForm, Beginning]:
    """The form of a fresh page: of the source, else of the draft, for the model `?model=`.

    A draft that was begun with that very task goes on instead.
    """
    if request.customer is None:
        raise ValueError("nobody to order for")
    draft = drafts.draft_of(request.user, request.customer)
    texts = draft.form if draft else {}
    has_earlier = bool(draft and draft.earlier)
    if source and texts.get("based_on") != [str(source.public_id)]:
        return _form_of_task(request, source), Beginning(based_on=source)
    return _form_of_draft(request, texts, request.GET.get("model", ""), has_earlier)


def begun_anew(request: PortalRequest, what: str) -> tuple[GenerationForm, Beginning]:
    """The form emptied ("1") or with what stood there before ("undo"), as a button asked."""
    if request.customer is None:
        raise ValueError("nobody to order for")
    if what == "undo":
        drafts.bring_back(request.user, request.customer)
    else:
        drafts.empty_draft(request.user, request.customer)
    draft = drafts.draft_of(request.user, request.customer)
    wanted = "" if what == "undo" else request.POST.get("model", "")
    texts, has_earlier = (draft.form, bool(draft.earlier)) if draft else ({}, False)
    return _form_of_draft(request, texts, wanted, has_earlier)


def beginning_sent(request: PortalRequest) -> Beginning:
    """What a form that was sent says of where it comes from."""
    if request.customer is None:
        return Beginning()
    draft = drafts.draft_of(request.user, request.customer)
    return Beginning(
        based_on=task_named(request.customer, request.POST.get("based_on", "")),
        has_earlier=bool(draft and draft.earlier),
    )


def keep_draft(request: PortalRequest, form: GenerationForm) -> None:
    """Remember what was sent for the next visit."""
    if request.customer:
        drafts.keep_draft(request.user, request.customer, form.sent)


def draft_was_ordered(request: PortalRequest, form: GenerationForm) -> None:
    """Leave the settings for the next video, as the page does; it is based on no task any more."""
    if request.customer:
        texts = {name: texts for name, texts in form.sent.items() if name != "based_on"}
        drafts.keep_draft(request.user, request.customer, texts)


def task_named(customer: Customer, number: str) -> Task | None:
    """The customer's task of that number; None where it is none of theirs."""
    public_id = uuid_or_none(number)
    if public_id is None:
        return None
    return Task.objects.for_customer(customer).filter(public_id=public_id).first()


def uuid_or_none(text: str) -> UUID | None:
    """A UUID that somebody sent; None for anything else."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _form_of_task(request: PortalRequest, task: Task) -> GenerationForm:
    catalog = get_catalog(request.customer)
    video_model = catalog.get(task.video_model)
    if video_model is None:
        _say_not_offered(request, task.video_model)
    return GenerationForm(video_model or catalog.default, initial=json.loads(task.request_body))


def _form_of_draft(
    request: PortalRequest, texts: drafts.Texts, wanted: str, has_earlier: bool
) -> tuple[GenerationForm, Beginning]:
    catalog = get_catalog(request.customer)
    drafted = (texts.get("model") or [""])[-1]
    video_model = catalog.get(wanted or drafted)
    if video_model is None and (wanted or drafted):
        _say_not_offered(request, wanted or drafted)
    video_model = video_model or catalog.get(drafted) or catalog.default
    if not texts:
        return GenerationForm(video_model), Beginning(has_earlier=has_earlier)
    data = drafts.as_sent(texts)
    data["model"] = video_model.id
    form = GenerationForm(video_model, data, editing=True, mends=True)
    is_chosen_anew = video_model.id != drafted and catalog.get(drafted) is not None
    source = (texts.get("based_on") or [""])[-1]
    return form, Beginning(
        based_on=task_named(request.customer, source) if request.customer else None,
        dropped=() if is_chosen_anew else form.dropped,
        has_earlier=has_earlier,
    )


def _say_not_offered(request: PortalRequest, video_model: str) -> None:
    name = model_name(video_model[:60])
    said = gettext("%(model)s cannot be ordered at present.") % {"model": name}
    messages.warning(request, said)
