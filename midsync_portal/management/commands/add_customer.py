"""Make a customer who can log in."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from midsync_portal.management.passwords import read_password, weakness_of
from midsync_portal.people import EmailTaken, add_customer


class Command(BaseCommand):
    """A customer with one member, its owner; the password is PORTAL_PASSWORD or asked for."""

    help = "Make a customer whose owner can log in by e-mail at once."

    def add_arguments(self, parser: CommandParser) -> None:
        """The owner's address and the customer's name."""
        parser.add_argument("email")
        parser.add_argument("--name", required=True, help="the customer's (team's) name")

    def handle(self, *args: Any, email: str, name: str, **options: Any) -> None:
        """Make them, or say in one sentence why not."""
        password = read_password()
        try:
            customer = add_customer(email, name, password)
        except EmailTaken:
            raise CommandError(f"{email} has an account already.") from None
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self.stdout.write(f"{email.lower()} can log in and order for {customer.name}.")
        if weakness := weakness_of(password):
            self.stderr.write(f"The password was set, but it is weak: {weakness}")
