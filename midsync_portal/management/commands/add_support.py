"""Make a support person or an operator."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from midsync_portal.management.passwords import read_password, weakness_of
from midsync_portal.people import EmailTaken, add_support


class Command(BaseCommand):
    """Staff of the group "support" or "operator"; the password: PORTAL_PASSWORD or a prompt."""

    help = "Make a support person or an operator who can log in by e-mail at once."

    def add_arguments(self, parser: CommandParser) -> None:
        """The address and the name."""
        parser.add_argument("email")
        parser.add_argument("--name", default="", help="the person's name")
        parser.add_argument("--operator", action="store_true", help="may also operate the portal")

    def handle(self, *args: Any, email: str, name: str, operator: bool, **options: Any) -> None:
        """Make them, or say in one sentence why not."""
        password = read_password()
        try:
            add_support(email, name, password, operator)
        except EmailTaken:
            raise CommandError(f"{email} has an account already.") from None
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self.stdout.write(
            f"{email.lower()} can log in at /admin/ and sets up a second factor there."
        )
        if weakness := weakness_of(password):
            self.stderr.write(f"The password was set, but it is weak: {weakness}")
