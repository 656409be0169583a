"""Asks for support's pages in this process, on tables that are filled: JSON out."""

import json
import random
import sys
import time
from collections.abc import Iterator

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.urls import reverse  # noqa: E402

from midsync_portal.models import Task  # noqa: E402
from midsync_portal.people import add_support  # noqa: E402
from tests import second_factor  # noqa: E402

WORDS = (
    "fox",
    "red fox",
    "a",
    "the",
    "4k",
    "動画",
    "狐",
    "スローモーション",
    "影片",
    "紅色狐狸 慢動作",
    "okapi",
    "琵琶",
    "zeppelin volcano",
    "theremin",
    "xyzzy",
    "take 399",
    "whether the heather",
    "\u202e" + "動" * 5_000,
    " ".join("abcdefgh"[number % 8] * 4 for number in range(3_000)),
)
REPEATS = 10


def pages() -> Iterator[tuple[str, str, dict[str, str]]]:
    """What is asked for: the kind, the path, the query."""
    search, newest = reverse("admin:support_search"), Task.objects.order_by("-pk")[0].pk
    chance = random.Random(7)  # noqa: S311
    for _ in range(20):
        number = chance.randrange(1, newest + 1)
        yield "id", search, {"q": f"ms-{number}"}
        yield "id", search, {"q": f"pv-{number}"}
        public_id = str(Task.objects.get(pk=number).public_id)
        yield "id", search, {"q": f"https://portal.example/tasks/{public_id}/"}
        yield "record", reverse("admin:midsync_portal_task_change", args=[number]), {}
    for number in (1, 2, 3, 500, 1_999):
        yield "e-mail", search, {"q": f"person-{number}@customer-{number}.example"}
    for term in WORDS:
        yield "words", search, {"q": term}
    yield "first page", reverse("admin:index"), {}
    yield "list", reverse("admin:midsync_portal_task_changelist"), {}


def main() -> None:
    """Log in, ask, print."""
    settings.ALLOWED_HOSTS = ["testserver"]
    support = add_support("bench@support.example", "Bench", "correct horse battery")
    browser = Client()
    second_factor.force_login(browser, support)
    browser.get(reverse("admin:midsync_portal_user_changelist"))  # templates, URLs, permissions
    found: dict[str, dict[str, list[float]]] = {}
    wanted = list(pages())
    for kind, path, query in wanted:
        times = found.setdefault(kind, {"first": [], "warm": [], "queries": []})
        with CaptureQueriesContext(connection) as caught:
            times["first"].append(_milliseconds(browser, path, query))
        times["queries"].append(len(caught))
        for _ in range(REPEATS):
            times["warm"].append(_milliseconds(browser, path, query))
        if kind == "words":
            slow = f"{times['first'][-1]:7.1f} first {times['warm'][-1]:7.1f} warm"
            print(slow, query["q"][:40], file=sys.stderr)  # noqa: T201
    print(json.dumps(found))  # noqa: T201


def _milliseconds(browser: Client, path: str, query: dict[str, str]) -> float:
    began = time.perf_counter()
    answer = browser.get(path, query)
    took = 1000 * (time.perf_counter() - began)
    assert answer.status_code in (200, 302), (path, answer.status_code)
    return took


if __name__ == "__main__":
    main()
