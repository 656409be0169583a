"""Static files as they are served, compressed and named by their content.

On a slow line each file more is a way there and back. So customers' pages load one script, and a
first page carries the styles; from the second on they come from the browser's cache. Both are put
together by collectstatic; in development browsers load the parts.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast
from urllib.parse import quote

from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.files.base import ContentFile
from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import cached_property
from django.utils.safestring import SafeString, mark_safe
from whitenoise.storage import CompressedManifestStaticFilesStorage

STYLES = "css/portal.css"
STYLES_KEPT = "portal_styles"  # a cookie
IMPORT = re.compile(r'@import url\("([\w.-]+)"\);')
DRAWING = re.compile(r'url\("\.\./(img/[\w.-]+\.svg)"\)')
SCRIPT = "js/portal.js"
#: What it is made of, in this order; each part is complete in itself.
SCRIPT_PARTS = ("django_htmx/htmx-2.min.js", "js/app.js", "js/live.js", "js/ends.js")
#: What only people read: comments of the styles, lines of comment in a script, and indentation.
UNREAD_STYLES = re.compile(r"/\*.*?\*/|^\s+", re.DOTALL | re.MULTILINE)
UNREAD_SCRIPT = re.compile(r"^\s*//.*\n|^[ \t]+", re.MULTILINE)


class StaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """WhiteNoise's storage, which also makes STYLES and SCRIPT."""

    def post_process(
        self, paths: Mapping[str, Any], dry_run: bool = False, **options: Any
    ) -> Iterator[Any]:
        """Bundle, then hash and compress; ``paths`` says where each collected file comes from."""
        bundles = {} if dry_run else _bundles(paths)
        for name, text in bundles.items():
            self.delete(name)
            self.save(name, ContentFile(text.encode()))
        bundled = {name: (self, name) for name in bundles}
        yield from super().post_process({**paths, **bundled}, dry_run, **options)

    @cached_property
    def styles(self) -> SafeString:
        """The text of STYLES; it is ours, and nobody's words are in it."""
        with self.open(self.stored_name(STYLES)) as file:
            text: str = file.read().decode()
        return mark_safe(text)  # noqa: S308


def styles_text(request: HttpRequest) -> str:
    """What a page carries in a ``style``: all styles, where this browser has not kept their file.

    Empty for others, and where nothing was put together. app.js has the file kept and says so in
    a cookie: its address.
    """
    is_bundled = isinstance(staticfiles_storage, StaticFiles)
    if not is_bundled or request.COOKIES.get(STYLES_KEPT) == staticfiles_storage.url(STYLES):
        return ""
    return cast(StaticFiles, staticfiles_storage).styles


def script_urls(request: HttpRequest) -> list[str]:
    """Addresses of what this page of customers runs; the parts where nothing was put together."""
    is_bundled = isinstance(staticfiles_storage, StaticFiles)
    urls = [staticfiles_storage.url(name) for name in ((SCRIPT,) if is_bundled else SCRIPT_PARTS)]
    request.script_urls = urls  # type: ignore[attr-defined]
    return urls


def scripts_ahead(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Name a page's scripts in the head of its answer (RFC 8288): the browser asks for them before
    it reads the page, and before the page's pictures; a proxy may send the line ahead (RFC 8297).
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        urls = getattr(request, "script_urls", ())
        if urls and response.status_code != 500:  # whose page took the place of one that broke
            response["Link"] = ", ".join(f"<{url}>; rel=preload; as=script" for url in urls)
        return response

    return middleware


def _bundles(paths: Mapping[str, Any]) -> dict[str, str]:
    """Names and texts of what can be made; KeyError where the styles name what is not there."""
    found = {}
    if STYLES in paths:
        folder = STYLES.rpartition("/")[0]
        text = IMPORT.sub(lambda one: _text(paths, f"{folder}/{one[1]}"), _text(paths, STYLES))
        text = UNREAD_STYLES.sub("", text)
        found[STYLES] = DRAWING.sub(lambda one: _drawing(_text(paths, one[1])), text)
    if paths.keys() >= set(SCRIPT_PARTS):
        parts = (UNREAD_SCRIPT.sub("", _text(paths, name)) for name in SCRIPT_PARTS)
        found[SCRIPT] = "\n;\n".join(parts)
    return found


def _drawing(svg: str) -> str:
    """A drawing as a part of the stylesheet that shows it."""
    return f'url("data:image/svg+xml,{quote(svg.strip(), safe=" /:=,;()-")}")'


def _text(paths: Mapping[str, Any], name: str) -> str:
    storage, path = paths[name]
    with storage.open(path) as file:
        text: str = file.read().decode()
    return text
