"""Promise 13 as a matrix from the URLconf: every URL that names a row × everybody it is not for.

What is foreign answers as what never existed: the same status, the same headers that matter, the
same bytes. A URL that is added later is in the matrix by itself.
"""

import re
from urllib.parse import unquote
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from midsync_portal.callback_urls import callback_token
from midsync_portal.models import Task
from tests.conftest import make_user

pytestmark = pytest.mark.django_db

NEVER = 987_654_321
METHODS = ["get", "head", "post", "put", "delete", "options"]
# Answers by these say nothing about a row: the token in the URL is the way in.
BY_TOKEN = "callbacks/"


def routes(resolver=None, prefix=""):
    """Every route of the URLconf that has a placeholder."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, route)
        elif isinstance(pattern, URLPattern) and "<" in route and "(?P" not in route:
            yield route


ROUTES = sorted(set(routes()))


def filled(route, task, key, public_id):
    """The path of a route for one row: by task number, by primary key, with a right token."""
    path = re.sub(r"<uuids?:\w+>", str(public_id), route)
    path = re.sub(r"<\w+:token>", callback_token(public_id), path)
    return "/" + re.sub(r"<[^>]+>", str(key), path)


def told(answer):
    """What an answer tells, with its own path taken out."""
    path = answer.request["PATH_INFO"]
    body = answer.content.decode().replace(path, "…")
    place = unquote(answer.headers.get("Location", "")).replace(path, "…")
    headers = {
        name: answer.headers.get(name) for name in ("Content-Type", "Cache-Control", "Allow")
    }
    return answer.status_code, place, headers, body


@pytest.mark.parametrize("who", ["stranger", "ben", "without a team", "support"])
@pytest.mark.parametrize("route", [route for route in ROUTES if not route.startswith(BY_TOKEN)])
def test_promise_13_what_is_anas_and_what_never_existed_answer_the_same(
    request, make_task, client, who, route
):
    task, never = make_task(midsync_task_id="ms-1", prompt="a secret fox"), uuid4()
    is_admin = route.startswith("admin/")
    if who == "ben":
        client.force_login(request.getfixturevalue("ben"))
    elif who == "without a team":
        client.force_login(make_user("dora@nowhere.example"))
    elif who == "support":
        if is_admin:
            return  # support may read it: that is what the admin is for
        client.force_login(request.getfixturevalue("tess"))
    for method in METHODS:
        send = getattr(client, method)
        foreign = send(filled(route, task, task.pk, task.public_id))
        missing = send(filled(route, task, NEVER, never))
        assert told(foreign) == told(missing), method
        assert foreign.status_code in (302, 403, 404, 405), (method, foreign.status_code)
        assert b"secret fox" not in foreign.content
    assert Task.objects.get().status == task.status


def test_the_matrix_holds_the_pages_of_a_task():
    pages = {route for route in ROUTES if route.startswith("tasks/<")}
    assert {f"tasks/<uuid:public_id>/{end}" for end in ("", "row/", "check/")} <= pages
    assert len(ROUTES) > 20


def test_promise_13_a_right_token_for_a_task_that_never_existed_answers_alike(make_task):
    answers = set()
    for public_id in (make_task().public_id, uuid4()):
        path = f"/callbacks/{public_id}/{callback_token(public_id)}/"
        answer = Client().post(path, b"{}", content_type="application/json")
        answers.add((answer.status_code, answer.content))
    assert len(answers) == 1
