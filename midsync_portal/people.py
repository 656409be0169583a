"""Who somebody is at work for, how accounts are made, and what the groups of staff may do.

*support* reads everything of the portal and uses the verbs; *operator* may all that and operates:
sending, the catalogue, the limits of teams, the health page. Only a superuser changes people.
Nobody edits or deletes tasks, money, evidence or history, whatever their rights: the admin's
classes forbid it.
"""

from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group, Permission
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q

from .models import Customer, Membership, User

SUPPORT_GROUP = "support"
OPERATOR_GROUP = "operator"
OPERATE = "midsync_portal.operate"  # what the group of operators may beside looking
SESSION_CUSTOMER = "customer_id"
# A page works for the team it was drawn for, whichever is chosen in another tab meanwhile: it says
# so in each form and address (field) and in whatever htmx asks (header).
TEAM_FIELD = "portal_team"
TEAM_HEADER = "X-Portal-Team"
# The tables are seen; only the words for failures are edited.
SUPPORTS = Q(codename__startswith="view_") | Q(
    codename__in=["add_failurebucket", "change_failurebucket"]
)


class EmailTaken(Exception):
    """Somebody has an account with this address already."""


def choose_customer(user: User, wanted_id: int | None) -> tuple[Customer | None, list[Membership]]:
    """The active team of a user: the wanted one if a member, else the first; and all of them."""
    memberships = list(
        Membership.objects.filter(user=user).select_related("customer").order_by("pk")
    )
    teams = {membership.customer_id: membership.customer for membership in memberships}
    chosen = teams.get(wanted_id or 0)
    return chosen or next(iter(teams.values()), None), memberships


def team_number(text: str) -> int:
    """The number of a team that somebody sent; 0, which is nobody's, for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0


def add_customer(email: str, name: str, password: str) -> Customer:
    """A customer with one member, its owner, who can log in at once.

    Raises ValidationError for a bad address, EmailTaken.
    """
    with transaction.atomic():
        user = _add_user(email, password)
        customer = Customer.objects.create(name=name)
        Membership.objects.create(user=user, customer=customer, role=Membership.Role.OWNER)
    return customer


def add_support(email: str, name: str, password: str, operator: bool = False) -> User:
    """A support person, or an operator. The admin asks them for a second factor first.

    Raises ValidationError for a bad address, EmailTaken.
    """
    with transaction.atomic():
        user = _add_user(email, password, name=name, is_staff=True)
        user.groups.add(operator_group() if operator else support_group())
    return user


def has_another_account(email: str, user: User) -> bool:
    """Whether somebody other than this user has the address, verified or not, in any case."""
    used = User.objects.filter(email__iexact=email).exclude(pk=user.pk)
    noted = EmailAddress.objects.filter(email__iexact=email).exclude(user=user)
    return bool(used.exists() or noted.exists())


def take_address_along(user: User) -> None:
    """Let somebody log in, and get mail, by the address of now and by no other."""
    EmailAddress.objects.filter(user=user).delete()
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)


def support_group() -> Group:
    """The group of support people: may see (not change) the portal's tables, and use the verbs."""
    return _group(SUPPORT_GROUP, SUPPORTS)


def operator_group() -> Group:
    """The group of operators: as support, and they operate."""
    return _group(OPERATOR_GROUP, SUPPORTS | Q(codename="operate"))


def make_groups(**signal: Any) -> None:
    """Both groups with exactly their rights, after every `migrate`."""
    support_group()
    operator_group()


def may_operate(user: Any) -> bool:
    """Whether somebody of the staff may operate the portal."""
    return bool(user.is_active and user.has_perm(OPERATE))


def _group(name: str, rights: Q) -> Group:
    group, _ = Group.objects.get_or_create(name=name)
    group.permissions.set(
        Permission.objects.filter(rights, content_type__app_label="midsync_portal")
    )
    return group


def _add_user(email: str, password: str, name: str = "", is_staff: bool = False) -> User:
    email = email.strip().lower()
    validate_email(email)
    if User.objects.filter(email__iexact=email).exists():
        raise EmailTaken(email)
    user = User.objects.create_user(email, password, name=name, is_staff=is_staff)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user
