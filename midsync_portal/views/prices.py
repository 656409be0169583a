"""What stands by the Generate button: a price, or why there is none yet."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.utils.translation import gettext, gettext_lazy

from midsync_portal import submission
from midsync_portal.forms import GenerationForm
from midsync_portal.models import Customer, Quote

ON_SUBMIT = gettext_lazy("Price shown after submit")


@dataclass(frozen=True)
class Price:
    """`points` where MidSync named them, else `hint`; `asks`: the browser asks at once."""

    can_submit: bool = True
    points: Decimal | None = None
    hint: str = ""
    is_bad: bool = False
    asks: bool = False
    quote_key: UUID | None = None
    status: int = 200


def price_before_asking(form: GenerationForm) -> Price:
    """What can be said about the price of a form without asking MidSync."""
    if form.is_valid():
        return Price(asks=True)
    for name, sentences in form.errors.items():
        if sentences:
            return Price(False, hint=_with_label(form, name, sentences[0]), is_bad=True, status=422)
    if form.form_errors:
        return Price(False, hint=form.form_errors[0], is_bad=True, status=422)
    if form.missing == [gettext("Prompt")]:
        return Price(False, hint=gettext("Write a prompt to see the price"))
    if form.missing:
        said = gettext("To see the price, fill in: %(fields)s")
        return Price(False, hint=said % {"fields": ", ".join(form.missing)})
    said = gettext("Something in the settings does not fit")
    return Price(False, hint=said, is_bad=True, status=422)


def price_now(customer: Customer, form: GenerationForm) -> Price:
    """The price that MidSync names now; it is not asked about what is known not to work."""
    said = price_before_asking(form)
    if not said.can_submit:
        return said
    try:
        return price_of(submission.quote_for(customer, form.body()))
    except submission.QuoteRefused as refused:
        form.add_error(refused.field, refused.message)
        hint = _with_label(form, refused.field or "", refused.message)
        return Price(False, hint=hint, is_bad=True, status=422)
    except submission.TooMany as busy:
        return Price(hint=busy.message, status=429)


def price_of(quote: Quote) -> Price:
    """A quote as the page shows it."""
    hint = str(ON_SUBMIT) if quote.points is None else ""
    return Price(points=quote.points, hint=hint, quote_key=quote.public_id)


def _with_label(form: GenerationForm, name: str, sentence: str) -> str:
    label = next((shown.label for shown in form.fields_shown if shown.name == name), "")
    said = gettext("%(label)s: %(sentence)s")
    return said % {"label": label, "sentence": sentence} if label else sentence
