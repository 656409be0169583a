"""Rows by django-eventstream: a channel per task, the row is sent after the commit."""

import django
from django.core.asgi import get_asgi_application

django.setup()

from django_eventstream import send_event  # noqa: E402

from .without_hub import WithoutHub  # noqa: E402


def publish(public_id: str, row: str) -> None:
    """Send a row to those who watch it."""
    send_event(f"task-{public_id}", "message", row, json_encode=False)


application = WithoutHub(publish, get_asgi_application())
