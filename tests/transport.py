"""Lets the real client talk to the simulator without a socket.

``session.mount("https://midsync.test", SimulatorAdapter(simulator))`` hands every request below
that address to the simulator's WSGI application; dropped connections become the exceptions that
``requests`` raises for them.
"""

import io
from contextlib import suppress
from http.client import responses
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPHeaderDict, HTTPResponse

from midsync_portal.simulator.engine import Simulator
from midsync_portal.simulator.web import WsgiApp
from midsync_portal.simulator.wire import ConnectionDropped


class SimulatorAdapter(BaseAdapter):
    """Answers requests from a simulator in this process; ``sent`` keeps every request."""

    def __init__(self, simulator: Simulator) -> None:
        super().__init__()
        self._app = WsgiApp(simulator)
        self.sent: list[requests.PreparedRequest] = []

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """The simulator's answer. Raises what requests raises when a connection fails."""
        self.sent.append(request)
        started: list[tuple[str, list[tuple[str, str]]]] = []
        try:
            pieces = self._app(environ_of(request), lambda *answer: started.append(answer[:2]))
        except ConnectionDropped as dropped:
            if dropped.after:
                raise requests.ReadTimeout("no answer", request=request) from None
            raise requests.ConnectionError("connection dropped", request=request) from None
        body = bytearray()
        # Whoever reads an answer that breaks off notices that it is shorter than announced.
        with suppress(ConnectionDropped):
            for piece in pieces:
                body += piece
        status_line, headers = started[0]
        return self._response(request, int(status_line[:3]), headers, bytes(body))

    def _response(
        self,
        request: requests.PreparedRequest,
        status: int,
        headers: list[tuple[str, str]],
        body: bytes,
    ) -> requests.Response:
        response = requests.Response()
        response.status_code = status
        response.reason = responses[status]
        response.headers = CaseInsensitiveDict(headers)
        response.url = str(request.url)
        response.request = request
        response.encoding = requests.utils.get_encoding_from_headers(response.headers)
        response.raw = HTTPResponse(
            body=io.BytesIO(body),
            headers=HTTPHeaderDict(headers),
            status=status,
            request_method=request.method,
            preload_content=False,
        )
        return response

    def close(self) -> None:
        """Nothing is held open."""


def environ_of(request: requests.PreparedRequest) -> dict[str, Any]:
    """The WSGI environment for a prepared request."""
    parts = urlsplit(str(request.url))
    body = request.body or b""
    content = body.encode() if isinstance(body, str) else body
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": unquote(parts.path, "latin-1"),
        "QUERY_STRING": parts.query,
        "CONTENT_LENGTH": str(len(content)),
        "SERVER_NAME": parts.hostname,
        "SERVER_PORT": str(parts.port or 443),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": io.BytesIO(content),
        "HTTP_HOST": parts.netloc,
    }
    for name, value in request.headers.items():
        environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
    return environ
