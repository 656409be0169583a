"""The portal's tables for a measurement: a line of JSON in, a line of JSON out."""

import json
import sys
import uuid
from collections import Counter
from datetime import timedelta
from urllib.parse import urlencode

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from midsync_portal import submission  # noqa: E402
from midsync_portal.callback_urls import callback_url  # noqa: E402
from midsync_portal.models import Customer, Membership, Task, User  # noqa: E402
from tests.bench.load import CSRF  # noqa: E402
from tests.ordering import order  # noqa: E402


def person() -> str:
    """Make a customer with one person; the Cookie header of a browser that is logged in."""
    user = User.objects.create_user(f"{uuid.uuid4().hex}@alder.example", "correct horse battery")
    customer = Customer.objects.create(name="Alder Films")
    Membership.objects.create(user=user, customer=customer)
    browser = Client()
    browser.force_login(user)
    session = browser.cookies[settings.SESSION_COOKIE_NAME].value
    return f"{settings.SESSION_COOKIE_NAME}={session}; {settings.CSRF_COOKIE_NAME}={CSRF}"


def queued(count: int, prefix: str) -> list[list[str]]:
    """Make queued tasks; of each its number, MidSync's id and the path of its callback URL."""
    member = Membership.objects.latest("pk")
    now = timezone.now()
    made = Task.objects.bulk_create(
        Task(
            customer=member.customer,
            ordered_by=member.user,
            submit_key=uuid.uuid4(),
            video_model="kling-2.5-turbo",
            prompt="a fox",
            request_body="{}",
            body_hash="x",
            status="queued",
            sent_at=now,
            accepted_at=now,
            next_check_at=now + timedelta(hours=1),
            midsync_task_id=f"{prefix}-{number}",
        )
        for number in range(count)
    )
    return [
        [
            str(task.public_id),
            task.midsync_task_id,
            callback_url(task.public_id).removeprefix(settings.PORTAL_URL),
        ]
        for task in made
    ]


def form(prompt: str) -> str:
    """The body of a form that orders this, quoted a moment ago; add a submit_key."""
    fields = {"prompt": prompt, "duration": "5"}
    submission.quote_for(Membership.objects.latest("pk").customer, _body(fields))
    return urlencode({"model": "kling-2.5-turbo", **fields, "again": "1"})


def _body(fields: dict[str, str]) -> dict[str, object]:
    filled = order("kling-2.5-turbo", **fields)
    assert filled.is_valid(), filled.errors
    return filled.body()


def statuses(prefix: str = "") -> dict[str, int]:
    """How many tasks stand in each status; only those whose id at MidSync begins so."""
    tasks = Task.objects.filter(midsync_task_id__startswith=prefix)
    return dict(Counter(tasks.values_list("status", flat=True)))


def main() -> None:
    """Answer until the input ends."""
    known = {"person": person, "queued": queued, "form": form, "statuses": statuses}
    for line in sys.stdin:
        name, *values = json.loads(line)
        print(json.dumps(known[name](*values)), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
