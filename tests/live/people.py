"""Browsers that people are logged in with, rows as they look, and what happens to tasks."""

from django.test import Client

from midsync_portal.models.status import Status


def browser_of(user) -> Client:
    """A browser that this person is logged in with."""
    browser = Client()
    browser.force_login(user)
    return browser


def row(task, status: str) -> str:
    """How a row begins that shows the task in this status."""
    return f'data-task="{task.public_id}" data-status="{status}"'


def run_on(task, progress: int = 10) -> None:
    """MidSync says that it has begun."""
    assert task.move_to(Status.RUNNING, "callback", progress=progress)
