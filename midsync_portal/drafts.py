"""Drafts: what is typed into the order form survives reload, log-out and another device.

A draft is written by the requests that the form makes anyway (fields, price, order), so it is as
old as the last price. What is typed between the last request and an expired log-in is kept by the
browser (app.js). Two tabs of one person share one draft: the last request wins.
"""

from collections.abc import Mapping

from django.http import QueryDict
from django.utils import timezone

from .catalog.reserved import NOT_KEPT
from .models import Customer, Draft, User

Texts = Mapping[str, list[str]]


def keep_draft(user: User, customer: Customer, texts: Texts) -> None:
    """Remember the fields as they were sent, by name. One read, and one write if they changed.

    A form that was filled from another task does not bury what stood there before.
    """
    form = {name: list(values) for name, values in texts.items() if name not in NOT_KEPT}
    draft = draft_of(user, customer)
    earlier = draft.earlier if draft else {}
    source = form.get("based_on", [])
    if draft and any(source) and source != draft.form.get("based_on"):
        earlier = draft.form if is_worth_keeping(draft.form) else earlier
    if draft is None or (draft.form, draft.earlier) != (form, earlier):
        _write(user, customer, form, earlier)


def empty_draft(user: User, customer: Customer) -> None:
    """Begin anew; what stood there can be brought back."""
    draft = draft_of(user, customer)
    if draft and is_worth_keeping(draft.form):
        _write(user, customer, {}, draft.form)


def bring_back(user: User, customer: Customer) -> None:
    """Swap the draft with what stood in the form before it."""
    draft = draft_of(user, customer)
    if draft and draft.earlier:
        _write(user, customer, draft.earlier, draft.form)


def _write(user: User, customer: Customer, form: Texts, earlier: Texts) -> None:
    draft = Draft(
        user=user, customer=customer, form=form, earlier=earlier, updated_at=timezone.now()
    )
    Draft.objects.bulk_create(
        [draft],
        update_conflicts=True,
        unique_fields=["user", "customer"],
        update_fields=["form", "earlier", "updated_at"],
    )


def draft_of(user: User, customer: Customer) -> Draft | None:
    """The person's draft for this customer, if there is one."""
    return Draft.objects.filter(user=user, customer=customer).first()


def as_sent(texts: Texts) -> QueryDict:
    """The fields of a draft as if the browser had just sent them."""
    data = QueryDict(mutable=True)
    for name, values in texts.items():
        data.setlist(name, values)
    return data


def is_worth_keeping(texts: Texts) -> bool:
    """Whether somebody has written something: a prompt, a shot, an image."""
    return any(
        text.strip()
        for name, values in texts.items()
        if "prompt" in name.lower() or name == "images"
        for text in values
    )
