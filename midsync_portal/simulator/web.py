"""The simulator as a WSGI application: which URL leads where."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from . import api, control
from .engine import Simulator
from .wire import Answer, Request, error_answer, file_answer

TYPES = {"webm": "video/webm", "jpg": "image/jpeg"}

#: Method, path, name. What is in brackets is handed on.
ROUTES = (
    ("GET", r"/unified-video/models", "models"),
    ("POST", r"/unified-video/quote", "quote"),
    ("POST", r"/unified-video/generate", "generate"),
    ("GET", r"/unified-video/([^/]+)/status", "status"),
    ("GET", r"/v1/usage/logs", "usage-logs"),
    ("GET", r"/v1/usage/summary", "usage-summary"),
    ("GET", r"/media/([A-Za-z0-9_-]+\.(?:webm|jpg))", "media"),
    ("GET", r"/healthz", "health"),
    ("GET", r"/", "control"),
    ("GET", r"/simulator/list", "control-list"),
    ("GET", r"/simulator\.css", "control-css"),
    ("GET", r"/simulator/ledger\.json", "ledger"),
    ("POST", r"/simulator/settings", "settings"),
    ("POST", r"/simulator/advance", "advance"),
    ("POST", r"/simulator/tasks/([^/]+)/(finish|fail|call)", "act"),
)


class WsgiApp:
    """Answers requests to one simulator. Raises ConnectionDropped where no answer is due."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        try:
            answer = self.answer(Request.of(environ))
        except ValueError:
            answer = error_answer(413, "too_large", "The body is too large.")
        start_response(answer.status_line, answer.all_headers())
        return [] if environ["REQUEST_METHOD"] == "HEAD" else answer.pieces()

    def answer(self, request: Request) -> Answer:
        """The answer to a request."""
        method = "GET" if request.method == "HEAD" else request.method
        found = [
            (allowed, name, match.groups())
            for allowed, path, name in ROUTES
            if (match := re.fullmatch(path, request.path))
        ]
        if not found:
            return error_answer(404, "not_found", "There is no such address.")
        for allowed, name, values in found:
            if allowed == method:
                return self._view(request, name, *values)
        allow = ", ".join(allowed for allowed, _, _ in found)
        return error_answer(405, "method_not_allowed", "Not with this method.", Allow=allow)

    def _view(self, request: Request, name: str, *values: str) -> Answer:
        simulator = self._simulator
        if request.path.startswith(("/unified-video/", "/v1/")):
            return api.guarded(simulator, request, lambda: self._api(request, name, *values))
        if request.method == "POST" and not control.is_same_origin(request):
            return error_answer(403, "cross_site", "Only the control page may do this.")
        match name:
            case "media":
                return self._media(request, values[0])
            case "health":
                return Answer(200, b"ok", {"Content-Type": "text/plain"})
            case "control-list":
                return control.listing(simulator)
            case "control-css":
                return control.stylesheet()
            case "ledger":
                return control.ledger(simulator)
            case "settings":
                return control.change_settings(simulator, request)
            case "advance":
                return control.advance(simulator, request)
            case "act":
                return control.act(simulator, *values)
        return control.page(simulator)

    def _api(self, request: Request, name: str, *values: str) -> Answer:
        simulator = self._simulator
        match name:
            case "models":
                return api.models(simulator)
            case "quote":
                return api.quote(simulator, request)
            case "generate":
                return api.generate(simulator, request)
            case "status":
                return api.status(simulator, values[0])
            case "usage-logs":
                return api.usage_logs(simulator, request)
        return api.usage_summary(simulator, request)

    def _media(self, request: Request, name: str) -> Answer:
        try:
            path = self._simulator.file(name)
            expires = float(request.query.get("expires", "inf"))
        except (LookupError, ValueError):
            return error_answer(404, "not_found", "There is no such file.")
        if expires <= self._simulator.clock.now():
            return error_answer(403, "expired", "This link has expired.")
        content_type = TYPES[name.rpartition(".")[2]]
        return file_answer(path, content_type, request.headers.get("range", ""))
