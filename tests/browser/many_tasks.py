"""Fills a portal's tables with the work of a busy week: python -m tests.browser.many_tasks.

COUNT ready tasks of Ana's, every third one in Japanese; each took MidSync 70 to 140 seconds.
"""

from datetime import timedelta
from uuid import uuid4

import django
from django.utils import timezone

COUNT = 60
MODEL, DURATION, POINTS = "kling-2.5-turbo", 5, 48


def fill() -> None:
    """Make them."""
    from midsync_portal.canonical import body_hash, canonical_json
    from midsync_portal.models import Task, User

    ana = User.objects.get(email__startswith="ana@")
    now = timezone.now() - timedelta(days=1)
    tasks = []
    for number in range(COUNT):
        prompt = f"雪の中の狐 {number}" if number % 3 == 0 else f"a red fox, take {number}"
        body = {"model": MODEL, "prompt": prompt, "duration": DURATION}
        sent_at = now - timedelta(hours=number)
        tasks.append(
            Task(
                customer=ana.customers.get(),
                ordered_by=ana,
                submit_key=uuid4(),
                video_model=MODEL,
                prompt=prompt,
                parameters={"duration": DURATION},
                request_body=canonical_json(body),
                body_hash=body_hash(body),
                status="succeeded",
                points_quoted=POINTS,
                points_charged=POINTS,
                midsync_task_id=f"seed-{number}",
                source_url="https://media.example.com/video.mp4",
                created_at=sent_at,
                sent_at=sent_at,
                accepted_at=sent_at,
                finished_at=sent_at + timedelta(seconds=70 if number % 2 else 140),
            )
        )
    Task.objects.bulk_create(tasks)


if __name__ == "__main__":
    django.setup()
    fill()
