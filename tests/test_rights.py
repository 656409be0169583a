"""Who may open what: every URL of the URLconf × everybody, one table.

A URL that is added later fails here until it has its line.
"""

import re
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.contenttypes.models import ContentType
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from midsync_portal.callback_urls import callback_token
from midsync_portal.models import (
    CallbackDelivery,
    CatalogCopy,
    Customer,
    MidSyncGate,
    ModelOffer,
    Quote,
    Reconciliation,
    TaskEvent,
    User,
    WorkerHeartbeat,
)
from tests.second_factor import set_up

pytestmark = pytest.mark.django_db

# a stranger, Ana whose rows they are, Ben, support without a second factor, support, operator,
# superuser. L: to the log-in page, D: to the admin's door, F: forbidden, M: there is no such
# thing, -: an answer.
WHO = ("stranger", "ana", "ben", "half", "tess", "olga", "sam")
EVERYBODY, MEMBERS, OWN = "- - - - - - -", "L - - - - - -", "L - M M M M M"
# GET to what is there for POST only.
POSTED = "L M M M M M M"
SEEN, OPERATED, SUPERUSERS, NOBODYS = (
    "L D D D - - -",
    "L D D D F - -",
    "L D D D F F -",
    "L D D D F F F",
)
# Django's own views of a model: seen by support, and changed by nobody.
READ_ONLY = {"": SEEN, "add/": NOBODYS, "history/": SEEN, "delete/": NOBODYS, "change/": SEEN}
# Added and changed by superusers; deleted by nobody.
KEPT = READ_ONLY | {"add/": SUPERUSERS}
# Read by support, decided by operators.
DECIDED = READ_ONLY | {"add/": OPERATED, "delete/": OPERATED}
# Nothing for support and operators.
HIDDEN = dict.fromkeys(READ_ONLY, SUPERUSERS)

RIGHTS = {
    "": MEMBERS,
    "parameters/": MEMBERS,
    "quote/": MEMBERS,
    "compare/": MEMBERS,
    "compare/<uuids:public_ids>/": OWN,
    "tasks/": MEMBERS,
    "tasks/totals/": "L - - M M M M",  # of one's team
    "tasks/export/": "L - - M M M M",
    "tasks/chosen/": "L - - M M M M",
    "tasks/download/": "L - - M M M M",
    "tasks/<uuid:public_id>/": OWN,
    "tasks/<uuid:public_id>/row/": OWN,
    "tasks/<uuid:public_id>/check/": MEMBERS,  # 405: its POST is in test_matrix.py
    "tasks/<uuid:public_id>/video/": POSTED,  # no video is kept; test_video_door.py
    "tasks/<uuid:public_id>/poster/": POSTED,
    "team/": MEMBERS,
    "callbacks/": "M M M M M M M",  # MidSync does not sign here
    "callbacks/<uuid:public_id>/<str:token>/": EVERYBODY,  # the token is the way in
    "csp-report/": EVERYBODY,
    "language/": EVERYBODY,
    "notifications/": MEMBERS,
    "accounts/login/": EVERYBODY,
    "accounts/logout/": EVERYBODY,
    "accounts/inactive/": EVERYBODY,
    "accounts/signup/": EVERYBODY,
    "accounts/reauthenticate/": MEMBERS,
    "accounts/email/": MEMBERS,
    "accounts/confirm-email/": EVERYBODY,
    "accounts/password/change/": MEMBERS,
    "accounts/password/set/": MEMBERS,
    "accounts/password/reset/": EVERYBODY,
    "accounts/password/reset/done/": EVERYBODY,
    "accounts/password/reset/key/done/": EVERYBODY,
    "accounts/login/code/confirm/": EVERYBODY,
    r"accounts/^confirm-email/(?P<key>[-:\w]+)/$": EVERYBODY,
    r"accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": EVERYBODY,
    "accounts/2fa/": MEMBERS,
    "accounts/2fa/authenticate/": EVERYBODY,
    "accounts/2fa/reauthenticate/": MEMBERS,
    "accounts/2fa/totp/activate/": MEMBERS,
    "accounts/2fa/totp/deactivate/": "L M M - - - -",  # who has one
    "accounts/2fa/recovery-codes/": "L M M - M M M",  # who has any; half a log-in gives its own
    "accounts/2fa/recovery-codes/generate/": MEMBERS,
    "accounts/2fa/recovery-codes/download/": "L M M - M M M",
    "accounts/2fa/webauthn/": MEMBERS,
    "accounts/2fa/webauthn/add/": MEMBERS,
    "accounts/2fa/webauthn/reauthenticate/": MEMBERS,
    "accounts/2fa/webauthn/keys/<int:pk>/remove/": MEMBERS,  # the password first
    "accounts/2fa/webauthn/keys/<int:pk>/edit/": MEMBERS,
    "admin/": SEEN,
    "admin/login/": "L F F - - - -",
    "metrics": "M M M M M M M",  # without METRICS_TOKEN; test_figures.py
    "admin/catalog/": OPERATED,
    "admin/health/": OPERATED,
    "admin/health/now/": OPERATED,
    "admin/logout/": MEMBERS,
    "admin/password_change/": SEEN,
    "admin/password_change/done/": SEEN,
    "admin/autocomplete/": NOBODYS,  # without a field
    "admin/jsi18n/": SEEN,
    "admin/r/<path:content_type_id>/<path:object_id>/": "L D D D M M M",
    "admin/midsync_portal/callbackdelivery/<int:object_id>/replay/": SEEN,
    "admin/midsync_portal/task/search/": SEEN,
    "admin/midsync_portal/reconciliation/compare/": SEEN,
    "admin/midsync_portal/reconciliation/<int:object_id>/csv/": SEEN,
    "admin/midsync_portal/task/<int:object_id>/as-customer/": SEEN,  # 405: test_record.py
    "admin/midsync_portal/user/<id>/password/": SUPERUSERS,
    r"admin/^(?P<app_label>account|midsync_portal|mfa)/$": SEEN,
    r"admin/(?P<url>.*)$": "L D D D M M M",
}
MODELS = {
    "midsync_portal/task": READ_ONLY,
    "midsync_portal/taskevent": READ_ONLY,
    "midsync_portal/quote": READ_ONLY,
    # Changed by support, too: test_failures.py.
    "midsync_portal/failurebucket": READ_ONLY | {"add/": SEEN},
    "midsync_portal/callbackdelivery": READ_ONLY,
    "midsync_portal/midsyncgate": READ_ONLY,
    "midsync_portal/workerheartbeat": READ_ONLY,
    "midsync_portal/catalogcopy": READ_ONLY,
    "midsync_portal/modeloffer": DECIDED,
    "midsync_portal/reconciliation": READ_ONLY,
    "midsync_portal/usagefinding": READ_ONLY,
    "midsync_portal/user": READ_ONLY,  # and changed, by superusers: test_admin.py
    "midsync_portal/customer": KEPT,
    "account/emailaddress": HIDDEN,
    "mfa/authenticator": HIDDEN | {"add/": NOBODYS},
}
for model, rights in MODELS.items():
    for ending, line in rights.items():
        key = "<path:object_id>/" if ending not in ("", "add/") else ""
        RIGHTS[f"admin/{model}/{key}{ending}"] = line
    RIGHTS[f"admin/{model}/<path:object_id>/"] = SEEN  # leads to the page of the row


def routes(resolver=None, prefix=""):
    """Every route of the URLconf."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, route)
        elif isinstance(pattern, URLPattern):
            yield route


def test_every_url_has_its_line_and_no_line_is_left_over():
    assert set(routes()) - RIGHTS.keys() == set()
    assert RIGHTS.keys() - set(routes()) == set()


@pytest.fixture
def rows(make_task, ana, tess):
    """One row of every table that the admin shows, by its model; and Ana's task."""
    task = make_task()
    now = timezone.now()
    night = Reconciliation.objects.create(from_at=now - timedelta(days=1), to_at=now)
    copy, _ = CatalogCopy.objects.get_or_create(pk=1, defaults={"raw": "{}", "fetched_at": now})
    return {
        "task": task,
        "taskevent": task.record(TaskEvent.Kind.CREATED, "customer") or task.events.first(),
        "quote": Quote.objects.create(
            customer=task.customer, video_model=task.video_model, body_hash=task.body_hash
        ),
        "callbackdelivery": CallbackDelivery.objects.create(
            task=task, body=b"{}", body_size=2, received_at=now, last_received_at=now, state="done"
        ),
        "midsyncgate": MidSyncGate.objects.create(pk=1),
        "workerheartbeat": WorkerHeartbeat.objects.create(name="a", started_at=now, beat_at=now),
        "catalogcopy": copy,
        "modeloffer": ModelOffer.objects.create(video_model="runway"),
        "reconciliation": night,
        "usagefinding": night.findings.create(kind="ours", task=task),
        "user": ana,
        "customer": Customer.objects.first(),
        "emailaddress": ana.emailaddress_set.first(),
        "authenticator": set_up(tess),
    }


def path_of(route, rows):
    """The path of a route, with the row that its model has here."""
    task = rows["task"]
    if "(?P" in route:
        return {
            "accounts/^c": reverse("account_confirm_email", args=["abc"]),
            "accounts/^p": reverse("account_reset_password_from_key", args=["1", "abc-def"]),
            "admin/^(?P<": "/admin/midsync_portal/",
            "admin/(?P<u": "/admin/nothing/like/it/",
        }[route[:11]]
    model = route.split("/")[2] if route.count("/") > 2 else ""
    path = re.sub("<uuids?:public_ids?>", str(task.public_id), route)
    path = path.replace("<path:content_type_id>", str(ContentType.objects.get_for_model(User).pk))
    path = re.sub(r"<\w+:token>", callback_token(task.public_id), path)
    return "/" + re.sub(r"<[^>]+>", str(rows[model].pk if model in rows else 1), path)


def kind_of(answer):
    """The letter of an answer."""
    place = answer.headers.get("Location", "")
    if answer.status_code == 302 and place.startswith("/accounts/login/?"):
        return "L"
    if answer.status_code == 302 and place.startswith("/admin/login/"):
        return "D"
    return {403: "F", 404: "M"}.get(answer.status_code, "-")


@pytest.mark.parametrize("who", WHO)
def test_everybody_gets_what_the_table_says(request, client, rows, who):
    Authenticator.objects.filter(type="recovery_codes").delete()
    found, expected = {}, {}
    for route, line in RIGHTS.items():
        client.logout()
        if who != "stranger":
            name = "tess" if who == "half" else who
            client.force_login(request.getfixturevalue(name), second_factor=who != "half")
        answer = client.get(path_of(route, rows))
        assert answer.status_code < 500, route
        found[route], expected[route] = kind_of(answer), line.split()[WHO.index(who)]
    wrong = {route: (found[route], expected[route]) for route in RIGHTS}
    assert {route: pair for route, pair in wrong.items() if pair[0] != pair[1]} == {}


def test_nobody_deletes_or_edits_evidence_by_a_post_either(client, rows, sam):
    client.force_login(sam)
    before = {name: type(row).objects.count() for name, row in rows.items()}
    for name in ("task", "taskevent", "quote", "callbackdelivery", "midsyncgate", "catalogcopy"):
        page = f"/admin/midsync_portal/{name}/"
        row = f"{page}{rows[name].pk}/"
        assert client.post(f"{row}delete/", {"post": "yes"}).status_code == 403, name
        assert client.post(f"{row}change/", {"status": "failed"}).status_code == 403, name
        assert client.post(f"{page}add/", {}).status_code == 403, name
        sent = {"action": "delete_selected", "_selected_action": rows[name].pk, "post": "yes"}
        client.post(page, sent)
    assert {name: type(row).objects.count() for name, row in rows.items()} == before
    rows["task"].refresh_from_db()
    assert rows["task"].status == "queued"
