"""Somebody has lost their phone or key, and their recovery codes, too."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand, CommandError, CommandParser

from midsync_portal.models import User


class Command(BaseCommand):
    """Removes a person's second factors; at the next log-in they set up a new one.

    A superuser can do the same in the admin. Make sure first who it is that asks.
    """

    help = "Remove the second factors of somebody who has lost them."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose."""
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        """Remove them and say how many there were."""
        user = User.objects.filter(email__iexact=email.strip()).first()
        if user is None:
            raise CommandError(f"Nobody has the address {email}.")
        removed, _ = Authenticator.objects.filter(user=user).delete()
        self.stdout.write(f"{removed} second factors of {user.email} are removed.")
