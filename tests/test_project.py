"""The project as a whole: migrations, closed doors, documented settings, secrets in logs."""

import logging
import re
from io import StringIO
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from midsync_portal.callback_urls import callback_url
from midsync_portal.checks import simulator_and_midsync_never_mix
from midsync_portal.logs import SecretsFilter
from midsync_portal.models import MidSyncGate

ROOT = Path(__file__).resolve().parent.parent
OPEN_TO_STRANGERS = re.compile(
    r"^(callbacks/|csp-report/|accounts/(login|logout|signup|password/reset|confirm-email|"
    r"inactive|reauthenticate|login/code)|admin/login/|admin/jsi18n/)"
)


def every_url(resolver=None, prefix=""):
    """All paths of the URLconf with their placeholders filled in."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from every_url(pattern, route)
        elif isinstance(pattern, URLPattern):
            path = re.sub(r"<uuid:\w+>", str(uuid4()), route)
            path = re.sub(r"<(?:int:)?\w*id\w*>", "1", path)
            path = re.sub(r"<[^>]+>", "1", path).replace("^", "").replace("$", "")
            if "(?P" not in path and "(" not in path:
                yield path


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", "--check", "--dry-run", stdout=StringIO())


@pytest.mark.django_db
def test_every_url_is_closed_to_strangers(client):
    paths = sorted(set(every_url()))
    assert len(paths) > 40
    for path in paths:
        if OPEN_TO_STRANGERS.match(path):
            continue
        answer = client.get("/" + path)
        if answer.status_code == 302:
            assert "/accounts/login/" in answer["Location"], path
        else:
            assert answer.status_code in (404, 405), (path, answer.status_code)


@pytest.mark.django_db
def test_every_post_without_a_token_is_refused(ana):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ana)
    for path in sorted(set(every_url())):
        if path.startswith(("callbacks/", "csp-report/")):
            continue
        answer = strict.post("/" + path)
        assert answer.status_code in (403, 404, 405, 302), (path, answer.status_code)
        assert answer.status_code != 302 or "login" in answer["Location"], path


@pytest.mark.django_db
def test_what_is_foreign_and_what_never_existed_are_the_same_bytes(client, ben, make_task):
    task = make_task()
    client.force_login(ben)
    for path in ("", "row/"):
        foreign = client.get(f"/tasks/{task.public_id}/{path}")
        never = client.get(f"/tasks/{uuid4()}/{path}")
        assert foreign.status_code == never.status_code == 404
        assert foreign.content == never.content
    foreign = client.post(f"/tasks/{task.public_id}/check/")
    never = client.post(f"/tasks/{uuid4()}/check/")
    assert (foreign.status_code, foreign.content) == (404, never.content)


def test_every_setting_is_documented_and_every_documented_setting_is_read():
    read = set()
    for path in (ROOT / "midsync_portal").rglob("*.py"):
        if "simulator" in path.parts:
            read |= set(re.findall(r"SIMULATOR_[A-Z_]+[A-Z]", path.read_text()))
        else:
            calls = r"env\.\w+\(\s*\"([A-Z_0-9]+)\"|environ\.get\(\"([A-Z_]+)\""
            read |= {a or b for a, b in re.findall(calls, path.read_text())}
    documented = set(
        re.findall(r"^#?([A-Z][A-Z_0-9]+)=", (ROOT / ".env.example").read_text(), re.M)
    )
    read -= {"DJANGO_SETTINGS_MODULE"}
    assert read - documented == set()
    assert documented - read == set()


@pytest.mark.django_db
@pytest.mark.parametrize(("was", "now"), [(True, False), (False, True)])
def test_a_simulators_tasks_and_real_ones_never_mix_in_one_database(settings, was, now):
    MidSyncGate.objects.create(pk=1, is_simulated=was)
    settings.MIDSYNC_IS_SIMULATED = now
    (error,) = simulator_and_midsync_never_mix(None, databases=["default"])
    assert error.id == "portal.E001"
    settings.MIDSYNC_IS_SIMULATED = was
    assert simulator_and_midsync_never_mix(None, databases=["default"]) == []


def test_no_key_and_no_token_reaches_a_log(settings):
    lines = StringIO()
    handler = logging.StreamHandler(lines)
    handler.addFilter(SecretsFilter())
    log = logging.getLogger("tests.secrets")
    log.addHandler(handler)
    log.propagate = False
    url = callback_url(uuid4())
    token = url.rstrip("/").rsplit("/", 1)[1]
    log.warning("asked with %s at %s", settings.MIDSYNC_API_KEY, url)
    try:
        raise ValueError(f"bad key {settings.MIDSYNC_API_KEY} at {url}")
    except ValueError:
        log.exception("it broke")
    written = lines.getvalue()
    assert "it broke" in written
    assert "ValueError" in written
    assert settings.MIDSYNC_API_KEY not in written
    assert token not in written
    log.removeHandler(handler)
