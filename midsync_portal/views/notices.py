"""How a person wants to hear that a task has ended."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_http_methods

from midsync_portal.models import User

from .requests import PortalRequest


@require_http_methods(["GET", "HEAD", "POST"])
def notices(request: PortalRequest) -> HttpResponse:
    """The choices; POST turns the e-mail `on` or `off`."""
    if request.method != "POST":
        return render(request, "account/notices.html")
    wanted = request.POST.get("email")
    if wanted in ("on", "off"):
        person = User.objects.filter(pk=request.user.pk)
        person.update(tells_by_email=wanted == "on")
        # The e-mail speaks as this page does, where no language was ever chosen.
        person.filter(language="").update(language=get_language() or "")
        messages.success(request, gettext("Saved."))
    return redirect("notices")
