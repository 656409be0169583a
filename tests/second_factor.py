"""The second factor of the tests' staff: a secret that the tests know, and the codes of it."""

import time

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.test import Client

from midsync_portal.demo import SECOND_FACTOR, code_now

_used: set[tuple[str, ...]] = set()


def set_up(user) -> Authenticator:
    """The authenticator app of a person."""
    return Authenticator.objects.get_or_create(
        user=user,
        type=Authenticator.Type.TOTP,
        defaults={"data": {"secret": get_adapter().encrypt(SECOND_FACTOR)}},
    )[0]


def fresh_code(*whose: str) -> str:
    """A code that is valid now and was not given there before in this run: each counts once."""
    steps = (code_now(now=time.time() + offset) for offset in (0, -30, 30))
    code = next(code for code in steps if (*whose, code) not in _used)
    _used.add((*whose, code))
    return code


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
