"""What every request gets: private pages, a log-in wall, sessions that end, the active team."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django_htmx.http import HttpResponseClientRedirect

from .people import SESSION_CUSTOMER, TEAM_FIELD, TEAM_HEADER, choose_customer, team_number

GetResponse = Callable[[HttpRequest], HttpResponseBase]

NO_POWERFUL_FEATURES = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "usb",
    )
)
SESSION_BEGAN = "began_at"
SESSION_SEEN = "seen_at"
SEEN_EVERY = {True: 60, False: 24 * 3600}  # seconds between two writes, for staff and others


def private_pages(get_response: GetResponse) -> GetResponse:
    """No answer is kept by a browser or proxy unless the view says otherwise."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "no-store, private"
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response["Permissions-Policy"] = NO_POWERFUL_FEATURES
        return response

    return middleware


def possible_session(get_response: GetResponse) -> GetResponse:
    """Pass over a session cookie that can be none: looking for NUL is an error in PostgreSQL."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if not is_session_key(request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")):
            request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
        return get_response(request)

    return middleware


def is_session_key(text: str) -> bool:
    """Whether a cookie's text may be the key of a session."""
    return text.isascii() and text.isalnum() and len(text) <= 40


def sessions_end(get_response: GetResponse) -> GetResponse:
    """Log out who was idle or logged in too long; staff sooner than others.

    A page of support that follows a task fetches itself with `X-Follows`: nobody is at work then.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith("/callbacks/"):
            return get_response(request)  # no session there: a made-up cookie costs no query
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            now, session = int(time.time()), request.session
            idle, longest = (
                (settings.STAFF_SESSION_IDLE, settings.STAFF_SESSION_MAX_AGE)
                if request.user.is_staff
                else (settings.SESSION_COOKIE_AGE, settings.SESSION_MAX_AGE)
            )
            began = session.get(SESSION_BEGAN, now)
            seen = session.get(SESSION_SEEN, now)
            if now - began > longest or now - seen > idle:
                logout(request)
            elif SESSION_BEGAN not in session or (
                now - seen > SEEN_EVERY[request.user.is_staff]
                and "X-Follows" not in request.headers
            ):
                session[SESSION_BEGAN], session[SESSION_SEEN] = began, now
        return get_response(request)

    return middleware


class PortalLoginRequired(LoginRequiredMiddleware):
    """Everything is closed to strangers; htmx is sent to the log-in page as a whole page."""

    def process_view(
        self, request: HttpRequest, view_func: Any, view_args: Any, view_kwargs: Any
    ) -> Any:
        """Ask who it is only where it matters: a made-up session costs no query elsewhere."""
        if not getattr(view_func, "login_required", True):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)

    def handle_no_permission(  # type: ignore[override]  # htmx is not redirected by a 302
        self, request: HttpRequest, view_func: Any
    ) -> HttpResponseBase:
        """Redirect to the log-in page; from there one comes back to the page one was on."""
        if getattr(request, "htmx", None):
            page = _page_at(request, request.headers.get("HX-Current-URL", ""))
            login = redirect_to_login(page, resolve_url(settings.LOGIN_URL))
            return HttpResponseClientRedirect(login["Location"])
        page = request.get_full_path()
        if request.method not in ("GET", "HEAD"):  # what was to be done is not done by going there
            page = _page_at(request, request.headers.get("Referer", ""))
        return redirect_to_login(page, resolve_url(settings.LOGIN_URL))


def _page_at(request: HttpRequest, page: str) -> str:
    """The path of the page that sent a request; the studio where it is not ours."""
    if not url_has_allowed_host_and_scheme(page, {request.get_host()}):
        return resolve_url(settings.LOGIN_REDIRECT_URL)
    parts = urlsplit(page)
    return parts.path + (f"?{parts.query}" if parts.query else "")


class ActiveCustomer:
    """Set `request.customer` (the active team or None) and `request.memberships`.

    That is the team of the page that asks; of a fresh page, the one that was chosen last. One
    query, and none for callbacks and the admin.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Nobody's request, until a view is known that belongs to a team."""
        request.customer, request.memberships = None, []  # type: ignore[attr-defined]
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        """Choose the team for every view behind the log-in wall. A page of a team that one has
        left is drawn anew for another one, and does nothing.
        """
        match = request.resolver_match
        if not getattr(view, "login_required", True) or (match and match.app_name == "admin"):
            return None
        if not request.user.is_authenticated:
            return None
        named = _team_named(request)
        wanted = request.session.get(SESSION_CUSTOMER) if named is None else named
        customer, memberships = choose_customer(request.user, wanted)
        if named is not None and (customer is None or customer.pk != named):
            messages.error(request, gettext("You do not belong to that team. Nothing was done."))
            studio = resolve_url(settings.LOGIN_REDIRECT_URL)
            if getattr(request, "htmx", None):
                return HttpResponseClientRedirect(studio)
            return redirect(studio)
        request.customer, request.memberships = customer, memberships  # type: ignore[attr-defined]
        return None


def _team_named(request: HttpRequest) -> int | None:
    """The team of the page that this comes from; None where it says none."""
    named = request.headers.get(TEAM_HEADER) or None
    for sent in (request.POST, request.GET):
        named = sent.get(TEAM_FIELD) if named is None else named
    return None if named is None else team_number(named)
