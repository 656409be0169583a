"""The people of the demo. Only beside a simulator."""

from contextlib import suppress
from functools import partial
from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from midsync_portal.demo import SECOND_FACTOR
from midsync_portal.models import User
from midsync_portal.people import EmailTaken, add_customer, add_support

CUSTOMER = ("demo@example.com", "Alder Films", "demo-password")
SUPPORT = ("support@example.com", "Sam Support", "support-password")
OPERATOR = ("operator@example.com", "Olga Operator", "operator-password")
PEOPLE = (
    (add_customer, CUSTOMER),
    (add_support, SUPPORT),
    (partial(add_support, operator=True), OPERATOR),
)


class Command(BaseCommand):
    """Makes the demo's customer, support person and operator, once; says how to log in."""

    help = "Make the people of the demo (only beside a simulator)."

    def handle(self, *args: Any, **options: Any) -> None:
        """Make whoever is missing."""
        if not settings.MIDSYNC_IS_SIMULATED:
            raise CommandError("seed_demo is for a portal beside a simulator only.")
        for add, (email, name, password) in PEOPLE:
            with suppress(EmailTaken):
                add(email, name, password)
        for email, _, _ in (SUPPORT, OPERATOR):
            set_up_second_factor(User.objects.get(email=email))
        self.stdout.write(f"customer: {CUSTOMER[0]} / {CUSTOMER[2]}")
        self.stdout.write(f"support:  {SUPPORT[0]} / {SUPPORT[2]}")
        self.stdout.write(f"operator: {OPERATOR[0]} / {OPERATOR[2]}")


def set_up_second_factor(user: User) -> None:
    """Give a person of the demo the known second factor, unless they have set up their own."""
    if not Authenticator.objects.filter(user=user).exists():
        secret = {"secret": get_adapter().encrypt(SECOND_FACTOR)}
        Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data=secret)
        RecoveryCodes.activate(user)
