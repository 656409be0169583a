"""One stylesheet and one script for customers; a first page carries the styles."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles.finders import get_finder
from django.core.files.storage import storages
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import reverse

from midsync_portal.static_files import SCRIPT_PARTS, STYLES_KEPT, script_urls, scripts_ahead

LOGIN = reverse("account_login")


@contextmanager
def collected(folder: Path) -> Iterator[Path]:
    """Static files of this folder alone, as production serves them; where they are collected to."""
    with override_settings(
        STATICFILES_DIRS=[folder],
        STATIC_ROOT=folder.parent / "root",
        STATICFILES_FINDERS=["django.contrib.staticfiles.finders.FileSystemFinder"],
        STORAGES=settings.STORAGES
        | {"staticfiles": {"BACKEND": "midsync_portal.static_files.StaticFiles"}},
    ):
        get_finder.cache_clear()
        yield folder.parent / "root"
    get_finder.cache_clear()


def test_one_stylesheet_holds_all_that_customers_need(tmp_path):
    """Collected a second time, too, where only what it imports has changed."""
    source = tmp_path / "source"
    (source / "css").mkdir(parents=True)
    (source / "img").mkdir()
    (source / "css/portal.css").write_text('@import url("a.css");\n@import url("b.css");\n')
    (source / "css/b.css").write_text('/* why */\n  b { background: url("../img/x.svg") }')
    (source / "img/x.svg").write_text('<svg fill="#fff"/>\n')
    with collected(source) as root:
        for color in ("red", "blue"):
            (source / "css/a.css").write_text(f"a {{ color: {color} }}")
            call_command("collectstatic", interactive=False, verbosity=0)
            storage = storages.create_storage(settings.STORAGES["staticfiles"])
            served = (root / storage.stored_name("css/portal.css")).read_text()
            assert f"color: {color}" in served
            assert "@import" not in served
            assert "why" not in served
            assert 'url("data:image/svg+xml,%3Csvg fill=%22%23fff%22/%3E")' in served


def test_one_script_holds_all_that_customers_run(tmp_path):
    for name in SCRIPT_PARTS:
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"// why\n  run('{name}') // no\n\n")
    with collected(tmp_path / "source") as root:
        call_command("collectstatic", interactive=False, verbosity=0)
        (url,) = script_urls(HttpRequest())
        served = (root / url.removeprefix("/static/")).read_text()
        assert [line for line in served.splitlines() if line not in {"", ";"}] == [
            f"run('{name}') // no" for name in SCRIPT_PARTS
        ]


def test_a_page_that_broke_names_no_script():
    def break_off(request):
        script_urls(request)  # its head was drawn
        return HttpResponse(status=500)

    assert not scripts_ahead(break_off)(HttpRequest()).has_header("Link")


@pytest.mark.django_db
def test_a_page_carries_the_styles_until_the_browser_has_kept_their_file(tmp_path, client):
    source = Path(settings.BASE_DIR) / "static"
    shutil.copytree(source, tmp_path / "source")
    for name in SCRIPT_PARTS:
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    with collected(tmp_path / "source"):
        call_command("collectstatic", interactive=False, verbosity=0)
        first = client.get(LOGIN)
        page = first.content.decode()
        nonce, file = re.findall(r'<style nonce="(.+?)" id="styles" data-file="(.+?)">', page)[0]
        assert f"style-src 'self' 'nonce-{nonce}'" in first["Content-Security-Policy"]
        assert "--accent:" in page
        script = re.findall(r'<script src="(.+?)" defer', page)[0]
        assert first["Link"] == f"<{script}>; rel=preload; as=script"
        assert not client.get("/").has_header("Link")  # which only leads to the log-in
        assert '<link rel="expect" href="#said" blocking="render">' in page
        assert page.count('id="said"') == 1
        client.cookies[STYLES_KEPT] = "/static/css/portal.of-last-week.css"
        assert "--accent:" in client.get(LOGIN).content.decode()
        client.cookies[STYLES_KEPT] = file
        again = client.get(LOGIN).content.decode()
        assert "--accent:" not in again
        assert 'rel="expect"' not in again
        assert f'<link rel="stylesheet" href="{file}">' in again
