"""What is done with several tasks of a list at once; nothing here orders anything."""

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from midsync_portal.comparison import MODELS_MAX
from midsync_portal.videos.archive import VIDEOS_MAX

from .requests import PortalRequest, tasks_of_theirs


@require_safe
def tasks_chosen(request: PortalRequest) -> HttpResponse:
    """Leads to the studio with the settings of `?task=`; `?do=together`: to several at once."""
    numbers = _numbers_of_theirs(request)
    if request.GET.get("do") == "together":
        if 2 <= len(numbers) <= MODELS_MAX:
            return redirect("compare-results", numbers)
        said = gettext("Choose two to four tasks to see them side by side.")
        return _back_to_the_list(request, said)
    if len(numbers) == 1:
        return redirect(f"{reverse('task-new')}?{urlencode({'from': numbers[0]})}")
    return _back_to_the_list(request, gettext("Choose one task to use its settings again."))


@require_safe
def tasks_download(request: PortalRequest) -> HttpResponse:
    """Why there is no zip: `videos.archive` answers where there is one."""
    numbers = _numbers_of_theirs(request)
    if not numbers:
        said = gettext("Choose the tasks whose videos you want to download.")
    elif len(numbers) > VIDEOS_MAX:
        said = gettext("At most %(count)d videos can be downloaded at once.") % {
            "count": VIDEOS_MAX
        }
    else:
        said = gettext("There is no saved copy of any of the chosen videos yet.")
    return _back_to_the_list(request, said)


def _numbers_of_theirs(request: PortalRequest) -> list[UUID]:
    """The tasks of the query, each once; if even one is no team's of theirs, none exists."""
    try:
        numbers = list(dict.fromkeys(map(UUID, request.GET.getlist("task")[: 2 * VIDEOS_MAX])))
    except ValueError:
        raise Http404 from None
    theirs = tasks_of_theirs(request).filter(public_id__in=numbers)
    if request.customer is None or theirs.count() != len(numbers):
        raise Http404
    return numbers


def _back_to_the_list(request: PortalRequest, said: str) -> HttpResponse:
    messages.warning(request, said)
    came_from = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(
        came_from, {request.get_host()}, require_https=request.is_secure()
    )
    address = reverse("task-list")
    return redirect(came_from if is_ours and f"{address}?" in came_from else address)
