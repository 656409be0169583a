"""The callback URL of a task: its path carries a signed token, so nothing secret is stored.

The token is an HMAC-SHA256 of the task's public id. The first of CALLBACK_SIGNING_KEYS signs,
all of them verify, so that URLs in flight survive a rotation and a new SECRET_KEY.
"""

from uuid import UUID

from django.conf import settings
from django.core.signing import Signer
from django.urls import reverse
from django.utils.crypto import constant_time_compare

SALT = "midsync_portal.callback"


def callback_token(public_id: UUID, key: str | None = None) -> str:
    """The token of a task: 43 URL-safe characters."""
    signer = Signer(key=key or settings.CALLBACK_SIGNING_KEYS[0], salt=SALT)
    return signer.signature(str(public_id))


def token_is_valid(public_id: UUID, token: str) -> bool:
    """Whether one of our keys made this token for this task; constant time, no query."""
    return any(
        [
            constant_time_compare(callback_token(public_id, key), token)
            for key in settings.CALLBACK_SIGNING_KEYS
        ]
    )


def callback_url(public_id: UUID) -> str:
    """Where MidSync posts the result of this task."""
    path = reverse("callback-receive", args=[public_id, callback_token(public_id)])
    return settings.PORTAL_URL + path
