"""Fills an empty database for a run; prints JSON: the cookie, and task numbers with their paths.

Usage: python -m tests.bench.live.seed TASKS
"""

import json
import sys
from datetime import timedelta
from uuid import uuid4

import django


def main(count: int) -> None:
    """One customer with that many tasks in queue."""
    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.test import Client
    from django.utils import timezone

    from midsync_portal.callback_urls import callback_url
    from midsync_portal.models import Customer, Membership, Task, User
    from midsync_portal.serving.__main__ import collect_static_files

    collect_static_files()
    call_command("migrate", interactive=False, verbosity=0)
    user = User.objects.create_user("ana@alder.example", "correct horse battery")
    customer = Customer.objects.create(name="Alder Films")
    Membership.objects.create(user=user, customer=customer)
    browser = Client()
    browser.force_login(user)
    now = timezone.now()
    tasks = [
        Task(
            customer=customer,
            ordered_by=user,
            submit_key=uuid4(),
            video_model="kling-2.5-turbo",
            prompt=f"a red fox in the snow, take {number}",
            parameters={"duration": 5, "aspectRatio": "16:9"},
            request_body="{}",
            body_hash="x",
            status="running",
            midsync_task_id=f"ms-{number}",
            points_quoted=35,
            points_charged=35,
            sent_at=now,
            accepted_at=now,
            next_check_at=now + timedelta(hours=12),
        )
        for number in range(count)
    ]
    Task.objects.bulk_create(tasks, batch_size=500)
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME]
    numbers = [[str(task.public_id), callback_url(task.public_id)] for task in tasks]
    sys.stdout.write(json.dumps([f"{cookie.key}={cookie.value}", numbers]) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
