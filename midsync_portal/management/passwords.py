"""Where a command takes a new account's password from."""

import os
from getpass import getpass

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError


def weakness_of(password: str) -> str:
    """What is weak about a password, in sentences; empty where nothing is.

    Whoever runs a command may choose a weak password all the same; people cannot choose one for
    themselves on the site.
    """
    try:
        validate_password(password)
    except ValidationError as error:
        return " ".join(error.messages)
    return ""


def read_password() -> str:
    """PORTAL_PASSWORD, else asked for twice. Raises CommandError where the two differ."""
    if given := os.environ.get("PORTAL_PASSWORD"):
        return given
    try:
        password = getpass("Password: ")
        if password != getpass("Once more: "):
            raise CommandError("The two passwords differ.")
    except (EOFError, KeyboardInterrupt):
        raise CommandError("No password: give one in PORTAL_PASSWORD.") from None
    return password
