"""The second factor of the tests' staff: a secret that the tests know (its codes: codes.py)."""

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.test import Client

from midsync_portal.demo import SECOND_FACTOR


def set_up(user) -> Authenticator:
    """The authenticator app of a person."""
    return Authenticator.objects.get_or_create(
        user=user,
        type=Authenticator.Type.TOTP,
        defaults={"data": {"secret": get_adapter().encrypt(SECOND_FACTOR)}},
    )[0]


def give(browser: Client, user) -> None:
    """The session of this browser was opened with the person's second factor, too."""
    session = browser.session
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "mfa", "id": set_up(user).pk}]
    session.save()


_force_login = Client.force_login


def force_login(self: Client, user, backend=None, *, second_factor: bool = True) -> None:
    """As Django's; staff have given their second factor, too, unless a test says otherwise."""
    _force_login(self, user, backend)
    if user.is_staff and second_factor:
        give(self, user)
