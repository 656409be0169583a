"""Asks for pages of two lists in this process, in turn, on tables that are filled: JSON out."""

import json
import math
import time

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from midsync_portal.models import Task, User  # noqa: E402

from . import BIG, SMALL  # noqa: E402

LIST = "/tasks/"
REPEATS = 60
# What is asked for; {half}: the number of the task in the middle, {last}: of one near the end.
PAGES = {
    "first page": "",
    "deep page, half": "?before={half}",
    "deep page, near the end": "?before={last}",
    "deep page, upwards": "?after={half}",
    "status": "?status=failed",
    "status, deep": "?status=succeeded&before={half}",
    "mine": "?mine=1",
    "days": "?since=2020-01-01&until=2100-01-01",
    "points": "?least=30&most=40",
    "points, few": "?least=50&most=60",
    "words, frequent": "?q=slow+motion",
    "words, Japanese": "?q=%E3%82%B9%E3%83%AD%E3%83%BC",
    "words, rare": "?q=%E7%90%B5%E7%90%B6",
    "words, none": "?q=xyzzy",
    "words, status, points": "?q=take&status=failed&least=10",
    "words, status, few": "?q=fox&status=failed",
}


def main() -> None:
    """Log in, ask, print."""
    settings.ALLOWED_HOSTS = ["testserver"]
    lists = {"small": SMALL, "big": BIG}
    browsers = {name: _browser_of(pk) for name, pk in lists.items()}
    places = {name: _places(pk) for name, pk in lists.items()}
    found = {}
    for page, query in PAGES.items():
        paths = {name: LIST + query.format(**places[name]) for name in lists}
        figures: dict[str, float] = {}
        for name, browser in browsers.items():
            with CaptureQueriesContext(connection) as caught:
                body = browser.get(paths[name]).content
            figures[f"{name} queries"] = len(caught)
            figures[f"{name} rows"] = body.count(b'class="task-row"')
        times: dict[str, list[float]] = {name: [] for name in lists}
        for _ in range(REPEATS):
            for name, browser in browsers.items():
                times[name].append(_milliseconds(browser, paths[name]))
        found[page] = figures | {name: _p95(each) for name, each in times.items()}
    print(json.dumps(found))  # noqa: T201


def _browser_of(person: int) -> Client:
    browser = Client()
    browser.force_login(User.objects.get(pk=person))
    browser.get(LIST)  # the session, templates, URLs
    return browser


def _places(customer: int) -> dict[str, str]:
    tasks = Task.objects.filter(customer=customer).newest_first()
    numbers, count = tasks.values_list("public_id", flat=True), tasks.count()
    return {"half": str(numbers[count // 2]), "last": str(numbers[count - count // 20])}


def _milliseconds(browser: Client, path: str) -> float:
    began = time.perf_counter()
    answer = browser.get(path)
    took = 1000 * (time.perf_counter() - began)
    assert answer.status_code == 200, (path, answer.status_code)
    return took


def _p95(times: list[float]) -> float:
    return sorted(times)[math.ceil(0.95 * len(times)) - 1]


if __name__ == "__main__":
    main()
