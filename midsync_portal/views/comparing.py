"""Comparing: the same prompt on two to four models, ordered by one press, side by side."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from midsync_portal import drafts, submission
from midsync_portal.canonical import body_hash
from midsync_portal.catalog import VideoModel, get_catalog
from midsync_portal.comparison import (
    MODELS_MAX,
    MODELS_MIN,
    Column,
    shared_form,
    shared_from,
)
from midsync_portal.forms import GenerationForm
from midsync_portal.models import Customer, Quote, Task
from midsync_portal.points import counted
from midsync_portal.starting_prices import offers

from .drafting import uuid_or_none
from .prices import Price, price_before_asking, price_of
from .requests import PortalRequest, tasks_of_theirs, work_for_team_of
from .tasks import columns_url


@dataclass
class Place:
    """One column of the page: a model, its key, and what has become of it.

    `task` where there is one; else `price`, and `problem` says why there is none yet. `again`:
    the same was ordered a moment ago, as `earlier`.
    """

    column: Column
    submit_key: UUID
    price: Price
    quote_key: UUID | None = None
    task: Task | None = None
    problem: str = ""
    earlier: Task | None = None
    again: bool = False

    @property
    def video_model(self) -> VideoModel:
        """The model of the column."""
        return self.column.video_model

    @property
    def can_order(self) -> bool:
        """Whether an order can be tried."""
        return self.task is None and self.price.can_submit


@require_http_methods(["GET", "HEAD", "POST"])
def compare(request: PortalRequest) -> HttpResponse:
    """Choose models, see what each makes of it and its price; then order all by one press."""
    customer = request.customer
    models = get_catalog(customer).models if customer else ()
    if customer is None or not models:
        if request.method == "POST":
            raise Http404
        return render(request, "tasks/new.html")
    if request.method != "POST":
        draft = drafts.draft_of(request.user, customer)
        texts = draft.form if draft else {}
        form = shared_form(models, shared_from(texts), mends=True)
        return _choose(request, models, form, texts.get("model", []))
    named = list(dict.fromkeys(request.POST.getlist("models")))
    if "change" in request.POST:
        form = shared_form(models, request.POST, mends=True)
        return _choose(request, models, form, named)
    if "generate" in request.POST and (tasks := _made_already(request, customer, named)):
        return _to_results(tasks)
    form = shared_form(models, request.POST)
    chosen = [model for model in models if model.id in named]
    problem = _what_is_wrong(len(named), len(chosen))
    if problem or not form.is_valid():
        return _choose(request, models, form, named, problem, status=422)
    if "generate" in request.POST:
        return _order(request, customer, form, chosen)
    _keep_prompt(request, customer, form)
    return _quotes(request, customer, form, chosen)


@require_safe
def compare_results(request: PortalRequest, public_ids: Sequence[UUID]) -> HttpResponse:
    """Tasks next to each other, in the order of the address."""
    found = tasks_of_theirs(request).in_bulk(public_ids, field_name="public_id")
    if len(found) != len(public_ids) or len({one.customer_id for one in found.values()}) != 1:
        raise Http404
    tasks = [found[public_id] for public_id in public_ids]
    work_for_team_of(request, tasks[0])
    return render(request, "compare/results.html", _results(tasks))


def _what_is_wrong(named: int, offered: int) -> str:
    """Why these models cannot be compared; empty where they can."""
    if offered < named:
        return gettext("One of these models cannot be ordered. Please choose again.")
    if not MODELS_MIN <= named <= MODELS_MAX:
        return gettext("Please choose two, three or four models.")
    return ""


def _choose(
    request: PortalRequest,
    models: Sequence[VideoModel],
    form: GenerationForm,
    chosen: Sequence[str],
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    """Step one: the models and what they share."""
    context = {"offers": offers(models), "chosen": chosen, "form": form, "problem": problem}
    return render(request, "compare/choose.html", context, status=status)


def _quotes(
    request: PortalRequest, customer: Customer, form: GenerationForm, models: Sequence[VideoModel]
) -> HttpResponse:
    """Step two: each column with its own price, asked at the same time, and a key of its own."""
    columns = [Column(model, form) for model in models]
    places = [Place(one, uuid4(), price_before_asking(one.form)) for one in columns]
    _ask_prices(customer, places)
    are_all_fit = all(place.can_order for place in places)
    context = {"places": places, "form": form, "total": _total(places), "is_fit": are_all_fit}
    return render(request, "compare/quotes.html", context, status=200 if are_all_fit else 422)


def _ask_prices(customer: Customer, places: Sequence[Place]) -> None:
    asked = [place for place in places if place.price.can_submit]
    answers = submission.quotes_for(customer, [place.column.form.body() for place in asked])
    for place, answer in zip(asked, answers, strict=True):
        if isinstance(answer, Quote):
            place.price = price_of(answer)
            place.quote_key = answer.public_id
        else:
            place.price = Price(False, hint=answer.message, is_bad=True)


def _order(
    request: PortalRequest, customer: Customer, form: GenerationForm, models: Sequence[VideoModel]
) -> HttpResponse:
    """Order what has no task yet, or the column `only` alone; then show what has become of all.

    The page's keys make this the same press however often it arrives.
    """
    places = [_place_sent(request, customer, Column(model, form)) for model in models]
    made = _tasks_made(customer, (place.submit_key for place in places))
    only = request.POST.get("only", "")
    for place in places:
        place.task = made.get(place.submit_key)
        if place.task is None and not place.price.can_submit:
            place.problem = place.price.hint
    tried = [
        place
        for place in places
        if place.column.form.is_valid() and only in ("", place.video_model.id)
    ]
    outcomes = submission.order_all(customer, request.user, [_order_of(one) for one in tried])
    for place, outcome in zip(tried, outcomes, strict=True):
        _take(place, outcome)
    tasks = [place.task for place in places if place.task]
    for place in places:
        if place.task is None and not place.problem:
            place.problem = gettext("This one was not ordered yet.")
    if len(tasks) == len(places):
        return _to_results(tasks)
    context = _results(tasks) | {"form": form, "places": places}
    return render(request, "compare/results.html", context, status=200 if tasks else 422)


def _made_already(request: PortalRequest, customer: Customer, named: Sequence[str]) -> list[Task]:
    """The tasks of a page of which every column has made one; empty where one is missing."""
    keys = [uuid_or_none(request.POST.get(f"submit_key-{name}", "")) for name in named]
    made = _tasks_made(customer, keys)
    return [made[key] for key in keys if key] if keys and made.keys() >= set(keys) else []


def _tasks_made(customer: Customer, keys: Iterable[UUID | None]) -> dict[UUID, Task]:
    known = [key for key in keys if key]
    return {
        task.submit_key: task
        for task in Task.objects.for_customer(customer).filter(submit_key__in=known)
    }


def _to_results(tasks: Sequence[Task]) -> HttpResponse:
    numbers = [task.public_id for task in tasks]
    return redirect(reverse("compare-results", args=[numbers]))


def _place_sent(request: PortalRequest, customer: Customer, column: Column) -> Place:
    """A column as the page's form says: its key, the price that was seen, "again"."""
    name = column.video_model.id
    key = uuid_or_none(request.POST.get(f"submit_key-{name}", ""))
    if key is None:  # not from our page, which always draws one
        raise Http404
    seen = uuid_or_none(request.POST.get(f"quote_key-{name}", ""))
    price = price_before_asking(column.form)
    told = Quote.objects.filter(customer=customer, public_id=seen).first() if seen else None
    if price.can_submit and told and told.body_hash == body_hash(column.form.body()):
        price = price_of(told)
    again = request.POST.get("again", "") == name
    return Place(column, key, price, seen, again=again)


def _order_of(place: Place) -> submission.Order:
    body = place.column.form.body()
    return submission.Order(body, place.submit_key, place.quote_key, place.again)


def _take(place: Place, outcome: Task | submission.NotOrdered) -> None:
    """Put what has become of an order into its column, in words."""
    place.again = False
    match outcome:
        case Task():
            place.task = outcome
        case submission.NeedsConfirmation():
            place.price, place.quote_key = price_of(outcome.quote), outcome.quote.public_id
            place.problem = _price_asked_about(outcome.quote, outcome.told)
        case submission.OrderedBefore():
            place.earlier, place.again = outcome.task, True
            place.problem = gettext(
                "You ordered exactly this a moment ago. Nothing was ordered a second time."
            )
        case submission.QuoteRefused():
            said = gettext(
                "MidSync does not accept these settings: %(reason)s Nothing was charged."
            )
            place.problem = said % {"reason": outcome.message}
        case _:
            place.problem = outcome.message


def _price_asked_about(quote: Quote, told: Quote | None) -> str:
    if quote.points is None:
        return gettext(
            "MidSync cannot name a price right now. Nothing was ordered yet; if you order it all "
            "the same, its price is shown afterwards."
        )
    if told is None or told.points is None:
        said = gettext("This costs %(new)s. Nothing was ordered yet.")
    else:
        said = gettext("The price has changed from %(old)s to %(new)s. Nothing was ordered yet.")
    return said % {"new": counted(quote.points), "old": counted(told.points if told else None)}


def _total(places: Sequence[Place]) -> str:
    """The button's words: for how many points all columns are ordered, as far as it is known."""
    known = [place.price.points for place in places if place.price.points is not None]
    if not known:
        return gettext("Generate all; prices are shown afterwards")
    said = gettext("Generate all for %(points)s")
    if unknown := len(places) - len(known):
        said = ngettext(
            "Generate all for %(points)s and one price shown afterwards",
            "Generate all for %(points)s and %(count)s prices shown afterwards",
            unknown,
        )
    return said % {"points": counted(sum(known, Decimal(0))), "count": len(places) - len(known)}


def _results(tasks: Sequence[Task]) -> dict[str, Any]:
    """The page of results: a column for each task, what was quoted in all, the stream."""
    quoted = [task.points_quoted for task in tasks]
    known = [points for points in quoted if points is not None]
    prompts = {task.prompt for task in tasks}
    return {
        "places": [{"task": task} for task in tasks],
        "prompt": prompts.pop() if len(prompts) == 1 else "",
        "quoted": sum(known, Decimal(0)) if known and len(known) == len(tasks) else None,
        "stream_url": columns_url(tasks) if tasks else "",
    }


def _keep_prompt(request: PortalRequest, customer: Customer, form: GenerationForm) -> None:
    """The studio goes on with the prompt that was written here."""
    draft = drafts.draft_of(request.user, customer)
    texts = dict(draft.form) if draft else {}
    drafts.keep_draft(request.user, customer, texts | {"prompt": [form.typed["prompt"]]})
