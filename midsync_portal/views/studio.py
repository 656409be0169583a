"""The studio: the form, what it costs, ordering, and the latest tasks beside it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from csp.decorators import csp_update
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods
from django_htmx.http import trigger_client_event

from midsync_portal import submission
from midsync_portal.catalog import VideoModel, get_catalog
from midsync_portal.catalog.names import model_name
from midsync_portal.forms import GenerationForm
from midsync_portal.models import Quote, Task
from midsync_portal.models.status import Status
from midsync_portal.points import counted, receipt_of
from midsync_portal.starting_prices import offers
from midsync_portal.wording import status_word, task_note

from .drafting import (
    Beginning,
    beginning_sent,
    begun_anew,
    draft_was_ordered,
    keep_draft,
    opened_form,
    source_of,
    task_named,
    uuid_or_none,
)
from .prices import ON_SUBMIT, Price, price_before_asking, price_now, price_of
from .requests import PortalRequest, posted
from .tasks import stream_url

LATEST = 10
View = TypeVar("View", bound=Callable[..., HttpResponse])


@dataclass(frozen=True)
class Problem:
    """Why nothing was ordered, what to do next; `task` to look at, `again`: offer a second one."""

    title: str
    text: str = ""
    task: Task | None = None
    again: bool = False
    status: int = 422


def shows_previews(view: View) -> View:
    """Let the studio, and nothing else, load the pictures whose links the customer types."""
    return cast(View, csp_update({"img-src": ["https:"]})(cast(Any, view)))


@require_http_methods(["GET", "HEAD", "POST"])
@shows_previews
def task_new(request: PortalRequest) -> HttpResponse:
    """The studio, with the model of `?model=` or the settings of the task `?from=`; POST orders."""
    if request.method == "POST":
        return _order(request)
    source = source_of(request)
    if request.customer is None or not get_catalog(request.customer).models:
        return render(request, "tasks/new.html")
    form, beginning = opened_form(request, source)
    return _page(request, form, price_before_asking(form), beginning=beginning)


@posted
@shows_previews
def task_parameters(request: PortalRequest) -> HttpResponse:
    """The fields again, for the model and the values typed so far; or a form begun anew."""
    form = _form_sent(request, editing=True)
    if fresh := request.POST.get("fresh", ""):
        form, beginning = begun_anew(request, fresh)
    else:
        keep_draft(request, form)
        beginning = beginning_sent(request)
    if request.htmx:
        return render(request, "tasks/_parameters.html", _form_context(request, form, beginning))
    return _page(request, form, price_before_asking(form), beginning=beginning)


@posted
@shows_previews
def task_quote(request: PortalRequest) -> HttpResponse:
    """The price of what is typed so far."""
    form = _form_sent(request, editing=True)
    if request.customer is None:
        raise Http404
    keep_draft(request, form)
    price = price_now(request.customer, form)
    if request.htmx:
        return render(request, "tasks/_quote.html", {"price": price}, status=price.status)
    return _page(request, form, price, status=price.status)


def _order(request: PortalRequest) -> HttpResponse:
    """Order what the form says, once, and show what it was charged."""
    if request.customer is None:
        raise Http404
    form = _form_sent(request)
    keep_draft(request, form)
    submit_key = uuid_or_none(request.POST.get("submit_key", ""))
    if not form.is_valid():
        return _not_ordered(request, form, price_before_asking(form))
    if submit_key is None:
        problem = Problem(
            gettext("Please press Generate again"),
            gettext("The form was incomplete. Nothing was sent."),
        )
        return _not_ordered(request, form, price_before_asking(form), problem)
    try:
        task = submission.submit(
            customer=request.customer,
            ordered_by=request.user,
            body=form.body(),
            submit_key=submit_key,
            quote_key=uuid_or_none(request.POST.get("quote_key", "")),
            again=request.POST.get("again") == "1",
            based_on=task_named(request.customer, request.POST.get("based_on", "")),
        )
    except submission.NeedsConfirmation as asked:
        problem = _price_to_confirm(asked.quote, asked.told)
        return _not_ordered(request, form, price_of(asked.quote), problem)
    except submission.OrderedBefore as before:
        problem = Problem(
            gettext("You ordered exactly this a moment ago"),
            gettext("Nothing was ordered a second time."),
            task=before.task,
            again=True,
        )
        return _not_ordered(request, form, _price_kept(before.task), problem)
    except submission.FormUsed as used:
        form = _with_new_key(form)
        problem = Problem(
            gettext("This form has already made a task"),
            gettext(
                "What it says now was not ordered. Press Generate again if you want that, too."
            ),
            task=used.task,
            status=409,
        )
        return _not_ordered(request, form, price_before_asking(form), problem)
    except submission.OrderingPaused as paused:
        problem = Problem(gettext("Not ordered"), paused.message, status=503)
        return _not_ordered(request, form, price_before_asking(form), problem)
    except (submission.LimitReached, submission.TooMany) as limit:
        problem = Problem(gettext("Not ordered"), limit.message, status=429)
        return _not_ordered(request, form, price_before_asking(form), problem)
    except submission.QuoteRefused as refused:
        form.add_error(refused.field, refused.message)
        problem = Problem(
            gettext("MidSync does not accept these settings"), gettext("Nothing was charged.")
        )
        return _not_ordered(request, form, price_before_asking(form), problem)
    return _ordered(request, form, submission.send_and_wait(task))


def _ordered(request: PortalRequest, form: GenerationForm, task: Task) -> HttpResponse:
    """The receipt, the row on top and the form for the next one; a redirect without htmx."""
    draft_was_ordered(request, form)
    if not request.htmx:
        return redirect(task)
    is_refused = task.status == Status.REJECTED
    problem = Problem(gettext("MidSync refused this order"), task_note(task), task=task)
    context = _form_context(request, _with_new_key(form)) | {
        "price": _price_kept(task),
        "problem": problem if is_refused else None,
    }
    answer = render_to_string("tasks/_form.html", context, request)
    answer += render_to_string("tasks/_receipt.html", {"task": task, "oob": True})
    answer += render_to_string("tasks/_new_row.html", {"task": task})
    words = gettext("%(model)s: %(status)s. %(receipt)s") % {
        "model": model_name(task.video_model),
        "status": status_word(task),
        "receipt": receipt_of(task),
    }
    said = {
        "focus": "task-problem-notice" if is_refused else f"task-{task.public_id}",
        "says": words,
    }
    return trigger_client_event(HttpResponse(answer), "ordered", said, after="settle")


def _not_ordered(
    request: PortalRequest, form: GenerationForm, price: Price, problem: Problem | None = None
) -> HttpResponse:
    """The form as it was typed, and why it was not ordered."""
    status = problem.status if problem else 422
    if not request.htmx:
        return _page(request, form, price, status=status, problem=problem)
    context = _form_context(request, form, beginning_sent(request))
    context |= {"price": price, "problem": problem}
    return render(request, "tasks/_form.html", context, status=status)


def _page(
    request: PortalRequest,
    form: GenerationForm,
    price: Price,
    *,
    status: int = 200,
    problem: Problem | None = None,
    beginning: Beginning | None = None,
) -> HttpResponse:
    latest = list(Task.objects.for_customer(request.customer).newest_first()[:LATEST])
    context = _form_context(request, form, beginning or beginning_sent(request)) | {
        "price": price,
        "problem": problem,
        "tasks": latest,
        "page_size": LATEST,
        "stream_url": stream_url(request.customer, latest, news="1") if request.customer else "",
    }
    return render(request, "tasks/new.html", context, status=status)


def _form_context(
    request: PortalRequest, form: GenerationForm, beginning: Beginning | None = None
) -> dict[str, Any]:
    catalog, fields = get_catalog(request.customer), form.fields_shown
    return {
        "form": form,
        "beginning": beginning or Beginning(),
        "catalog": catalog,
        "offers": offers(catalog.models),
        "fields": [shown for shown in fields if not shown.advanced],
        "advanced_fields": [shown for shown in fields if shown.advanced],
    }


def _form_sent(request: PortalRequest, *, editing: bool = False) -> GenerationForm:
    """The form as it was sent; an unknown model is an error at the model, all else is kept."""
    catalog = get_catalog(request.customer)
    if request.customer is None or not catalog.models:
        raise Http404
    video_model: VideoModel | None = catalog.get(request.POST.get("model", ""))
    form = GenerationForm(video_model or catalog.default, request.POST, editing=editing)
    if video_model is None:
        said = gettext("This model cannot be ordered. Please choose another one.")
        form.add_error("model", said)
    return form


def _with_new_key(form: GenerationForm) -> GenerationForm:
    """The same form for another task."""
    return GenerationForm(form.video_model, initial=form.body())


def _price_kept(task: Task) -> Price:
    """The price that a task was ordered for, for the same form once more."""
    return Price(
        points=task.points_quoted, hint="" if task.points_quoted is not None else str(ON_SUBMIT)
    )


def _price_to_confirm(quote: Quote, told: Quote | None) -> Problem:
    """The price is new to the customer: say it and ask."""
    if quote.points is None:
        return Problem(
            gettext("MidSync cannot name a price right now"),
            gettext(
                "Nothing was ordered yet. Press Generate again to order it all the same: "
                "its price is shown after submit."
            ),
        )
    points = {"points": counted(quote.points)}
    ask = gettext("Nothing was ordered yet. Press Generate again to order it for %(points)s.")
    if told is None or told.points is None:
        return Problem(gettext("This costs %(points)s") % points, ask % points)
    changed = gettext("The price has changed from %(before)s to %(now)s")
    prices = {"before": counted(told.points), "now": counted(quote.points)}
    return Problem(changed % prices, ask % points)
