"""The second factor: who has given one in a session, and who has to.

Staff reach no page of the admin without one; customers may set one up and are then asked for it
at every log-in. allauth checks codes and keys, and writes down in the session what was given.
"""

from collections.abc import Mapping
from typing import Any

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added
from django.contrib.auth.views import redirect_to_login
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

from .models import User

TOTP, WEBAUTHN = Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN
# What one needs to give a factor; everything else about factors is for who has given theirs.
DOORS = frozenset({"mfa_authenticate", "mfa_reauthenticate", "mfa_reauthenticate_webauthn"})


def factors_given(session: Mapping[str, Any]) -> set[int]:
    """The keys of the second factors (also recovery codes) that this session was opened with."""
    records = session.get(AUTHENTICATION_METHODS_SESSION_KEY)
    return {
        record["id"]
        for record in (records if isinstance(records, list) else [])
        if record.get("method") == "mfa" and isinstance(record.get("id"), int)
    }


def is_given(request: HttpRequest) -> bool:
    """Whether who asks has given a second factor that is still theirs; one query per request."""
    known: bool | None = getattr(request, "_second_factor_given", None)
    if known is None:
        given = factors_given(request.session)
        mine = Authenticator.objects.filter(user_id=request.user.pk, pk__in=given)
        known = bool(given) and mine.exists()
        request._second_factor_given = known  # type: ignore[attr-defined]  # asked several times
    return known


def holders(factors: set[int]) -> set[tuple[int, int]]:
    """(Key of a user, key of a factor) for those of these factors that still exist."""
    if not factors:
        return set()
    return set(Authenticator.objects.filter(pk__in=factors).values_list("user_id", "pk"))


def door_for(user: User) -> str:
    """The path at which this person gives their second factor; empty where they have none."""
    types = set(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    if TOTP in types:
        return reverse("mfa_reauthenticate")
    return reverse("mfa_reauthenticate_webauthn") if WEBAUTHN in types else ""


class SecondFactorFirst:
    """Who has a second factor changes it only in a session that has given it.

    A session from before it was set up, perhaps a thief's, has not.
    """

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Nothing to do before the view is known."""
        response: HttpResponseBase = self.get_response(request)
        return response

    def process_view(
        self, request: HttpRequest, view: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        """Send them to the door of their factor, and back."""
        name = request.resolver_match.view_name if request.resolver_match else ""
        if not name.startswith("mfa_") or name in DOORS:
            return None
        user = request.user
        if user.is_authenticated and not is_given(request) and (door := door_for(user)):
            return redirect_to_login(request.get_full_path(), door)
        return None


@receiver(authenticator_added)
def setting_up_the_first_is_giving_it(
    request: HttpRequest, user: User, authenticator: Authenticator, **signal: Any
) -> None:
    """Who has just set up their only factor has shown that they hold it."""
    strong = Authenticator.objects.filter(user=user, type__in=[TOTP, WEBAUTHN])
    if authenticator.type in (TOTP, WEBAUTHN) and strong.count() == 1:
        post_authentication(request, authenticator)
