"""Who stands behind a session, and which tasks they may watch; needs the database."""

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.signals import user_logged_out
from django.contrib.sessions.models import Session
from django.dispatch import receiver
from django.http import HttpRequest, parse_cookie
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from midsync_portal.middleware import SESSION_BEGAN, SESSION_SEEN, is_session_key
from midsync_portal.models import Membership, Task, User
from midsync_portal.people import SESSION_CUSTOMER
from midsync_portal.second_factor import factors_given, holders

from .wakeups import announce_end


class NotLoggedIn(Exception):
    """There is no session, or it has ended."""


class NoSuchTask(Exception):
    """One of the tasks does not exist, or is not theirs to watch."""


@dataclass(frozen=True)
class Visitor:
    """A person behind a session: the active customer, and all whose tasks they may see."""

    user: int
    customer: int | None
    customers: frozenset[int]
    is_support: bool = False  # may look at everybody's tasks, in the admin

    def may_keep(self, user: int, customer: int | None, as_support: bool) -> bool:
        """Whether a stream that this user opened for this customer, or as support, may go on."""
        if as_support:
            return self.user == user and self.is_support
        return self.user == user and (customer is None or customer in self.customers)


def session_key_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The session's key from a request's headers; empty where there is none."""
    for name, value in headers:
        if name == b"cookie":
            key = parse_cookie(value.decode("latin-1")).get(settings.SESSION_COOKIE_NAME, "")
            if is_session_key(key):
                return key
    return ""


def read_visitors(session_keys: Collection[str]) -> dict[str, Visitor]:
    """Who stands behind these sessions; those that have ended are left out."""
    sessions = {
        session.session_key: session.get_decoded()
        for session in Session.objects.filter(
            session_key__in=session_keys, expire_date__gt=timezone.now()
        )
        if session.session_key
    }
    user_ids = {int(data[SESSION_KEY]) for data in sessions.values() if SESSION_KEY in data}
    users = User.objects.filter(is_active=True).in_bulk(user_ids)
    customers: dict[int, list[int]] = {user_id: [] for user_id in users}
    for user_id, customer_id in (
        Membership.objects.filter(user__in=users)
        .order_by("pk")
        .values_list("user_id", "customer_id")
    ):
        customers[user_id].append(customer_id)
    visitors = {}
    held = holders(set().union(*(factors_given(data) for data in sessions.values())))
    for key, data in sessions.items():
        user = users.get(int(data.get(SESSION_KEY, 0)))
        if user is None or not _is_genuine(user, data) or _is_over(user, data):
            continue
        own = customers[user.pk]
        chosen = data.get(SESSION_CUSTOMER)
        active = chosen if chosen in own else next(iter(own), None)
        gave_second = any((user.pk, factor) in held for factor in factors_given(data))
        is_support = user.is_staff and gave_second and user.has_perm("midsync_portal.view_task")
        visitors[key] = Visitor(user.pk, active, frozenset(own), is_support)
    return visitors


def _is_over(user: User, session: dict[str, Any]) -> bool:
    """Whether the next request would log out, as `middleware.sessions_end` does."""
    now = int(time.time())
    idle, longest = (
        (settings.STAFF_SESSION_IDLE, settings.STAFF_SESSION_MAX_AGE)
        if user.is_staff
        else (settings.SESSION_COOKIE_AGE, settings.SESSION_MAX_AGE)
    )
    return bool(
        now - session.get(SESSION_BEGAN, now) > longest
        or now - session.get(SESSION_SEEN, now) > idle
    )


def _is_genuine(user: User, session: dict[str, Any]) -> bool:
    """Whether the session was made with the password of today, as Django asks of a request."""
    if session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return False
    stamp = str(session.get(HASH_SESSION_KEY, ""))
    stamps = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(stamp, each) for each in stamps)


def admit(
    session_key: str,
    tasks: Collection[UUID],
    as_support: bool = False,
    team: int | None = None,
    any_team: bool = False,
) -> tuple[Visitor, dict[UUID, int]]:
    """The visitor of a session, at work for the customer `team` (else the active one); the keys of
    the tasks they want to watch.

    Raises NotLoggedIn, or NoSuchTask if they do not belong to the team, or even one of the tasks
    does not: to any of their teams, with `any_team`, for what is answered at once. Support may
    watch any task, and nobody else may ask as support.
    """
    visitor = read_visitors([session_key]).get(session_key) if session_key else None
    if visitor is None:
        raise NotLoggedIn
    if as_support and not visitor.is_support:
        raise NoSuchTask
    if team is not None:
        if team not in visitor.customers:
            raise NoSuchTask
        visitor = replace(visitor, customer=team)
    if not tasks:
        return visitor, {}
    theirs = Task.objects.filter(public_id__in=tasks)
    if not as_support:
        active = {visitor.customer or 0}  # nobody's are 0's
        theirs = theirs.filter(customer__in=visitor.customers if any_team else active)
    found = dict(theirs.values_list("public_id", "pk"))
    if len(found) != len(set(tasks)):
        raise NoSuchTask
    return visitor, found


def end_sessions(user: User, but: str | None = None) -> None:
    """End every session of a person, and its streams at once, except for the session `but`."""
    ended = [
        session.session_key
        for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator()
        if session.session_key != but and session.get_decoded().get(SESSION_KEY) == str(user.pk)
    ]
    Session.objects.filter(pk__in=ended).delete()
    for key in ended:
        announce_end(key)


@receiver(user_logged_out)
def streams_end_at_log_out(request: HttpRequest, **signal: Any) -> None:
    """End the streams of a session in every process, at once; heartbeats would do it later."""
    if request.session.session_key:
        announce_end(request.session.session_key)
