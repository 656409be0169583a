"""Which language a request speaks: as chosen, else as the browser says; the admin is English.

A cookie holds the choice. Who is logged in has it with the account, too: it comes along to
another device at log-in, and e-mails are written in it.
"""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from .models import User


class PortalLocale(LocaleMiddleware):
    """Speaks the visitor's language for one request."""

    def process_request(self, request: HttpRequest) -> None:
        """Speak it."""
        if request.path_info.startswith("/admin/"):
            translation.activate(settings.LANGUAGE_CODE)
            request.LANGUAGE_CODE = settings.LANGUAGE_CODE
        else:
            super().process_request(request)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> Any:
        """Say which one it was; give this browser the choice that its person made elsewhere."""
        if kept := getattr(request, "language_kept", ""):
            response.set_cookie(
                settings.LANGUAGE_COOKIE_NAME,
                kept,
                max_age=settings.LANGUAGE_COOKIE_AGE,
                secure=settings.LANGUAGE_COOKIE_SECURE,
                httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
                samesite="Lax",
            )
        return super().process_response(request, response)


@login_not_required
@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Speak the language that was chosen from now on, on every device of this person."""
    answer: HttpResponse = set_language(request)
    chosen = answer.cookies.get(settings.LANGUAGE_COOKIE_NAME)
    if chosen and request.user.is_authenticated:
        User.objects.filter(pk=request.user.pk).update(language=chosen.value)
    return answer


@receiver(user_logged_in)
def take_along(request: HttpRequest, user: User, **signal: Any) -> None:
    """At log-in a browser without a choice takes the account's; an account without one learns."""
    here = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    known = dict(settings.LANGUAGES)
    if here in known and here != user.language:
        User.objects.filter(pk=user.pk).update(language=here)
    elif not here and user.language in known:
        request.language_kept = user.language  # type: ignore[attr-defined]  # for the answer
