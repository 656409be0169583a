"""Accounts by allauth: log in by e-mail, sign-up closed, a second factor."""

import base64
import hashlib
import logging
import secrets
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter, get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

log = logging.getLogger("midsync_portal.accounts")
# How long a code of an authenticator app could be given once more.
CODE_SECONDS = 30 * (2 * settings.MFA_TOTP_TOLERANCE + 1)


class PortalAccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Nobody signs up by themselves; `add_customer` makes accounts."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Closed."""
        return False


class PortalMFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """Second factors lie encrypted in the database: a copy of it lets nobody in."""

    def encrypt(self, text: str) -> str:
        """By the first of SECOND_FACTOR_KEYS."""
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """By whichever of SECOND_FACTOR_KEYS fits; where none does, a secret that nobody knows."""
        try:
            return _cipher().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            log.error("a second factor is lost: none of SECOND_FACTOR_KEYS decrypts it")
            return base64.b32encode(secrets.token_bytes(20)).decode()


def _cipher() -> MultiFernet:
    return MultiFernet(
        Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"second factor:" + key.encode()).digest()))
        for key in settings.SECOND_FACTOR_KEYS
    )


class OnlyOnce:
    """A code counts once: allauth remembers a used one for 30 seconds, but takes it for longer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["code"]  # type: ignore[attr-defined]  # of the form beside it
        field.widget.attrs |= {"inputmode": "numeric", "autofocus": True}

    def clean_code(self) -> str:
        """The code. Raises ValidationError where it is wrong, or was given before."""
        code: str = super().clean_code()  # type: ignore[misc]  # of the form beside it
        factor: Any = self.authenticator  # type: ignore[attr-defined]
        if factor.type == Authenticator.Type.TOTP and not cache.add(
            f"second-factor:{factor.pk}:{code.strip()}", 1, timeout=CODE_SECONDS
        ):
            raise get_adapter().validation_error("incorrect_code")
        return code


class CodeForm(OnlyOnce, AuthenticateForm):  # type: ignore[misc]  # allauth has no types
    """The code at log-in."""


class CodeAgainForm(OnlyOnce, ReauthenticateForm):  # type: ignore[misc]  # allauth has no types
    """The code of somebody who is logged in."""


class NamedKey:
    """Its name has a label that can be translated."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = gettext_lazy("Name")  # type: ignore[attr-defined]


class AddKeyForm(NamedKey, AddWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    """A new security key."""


class EditKeyForm(NamedKey, EditWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    """The name of a security key."""
