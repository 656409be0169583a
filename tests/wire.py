"""The wire to MidSync, scripted: what the portal asked, and what it is answered."""

import io
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPResponse

Answer = Callable[[requests.PreparedRequest], "requests.Response | tuple[int, Any]"]

ACCEPTED = {
    "success": True,
    "taskId": "ms-1",
    "providerTaskId": "pv-1",
    "model": "kling-2.5-turbo",
    "pointsCharged": 35,
    "status": "submitted",
    "estimatedTimeSec": 90,
}


class Wire(BaseAdapter):
    """A requests adapter: `answers["generate"]` and so on is a body, (status, body), an
    exception, a function of the request, or a list of these to be used up one by one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, Any] = {
            "models": {"models": ["kling-2.5-turbo", "runway"]},
            "quote": {"success": True, "pointsCharged": 35},
            "generate": dict(ACCEPTED),
            "status": {"success": True, "status": "processing"},
            "logs": {"logs": [], "pagination": {"page": 1, "limit": 20, "total": 0}},
            "summary": {"totalPointsCharged": 0, "byModel": []},
        }
        self.asked: list[tuple[str, requests.PreparedRequest]] = []
        self.lock = threading.Lock()

    def bodies(self, endpoint: str) -> list[dict[str, Any]]:
        """The JSON bodies that were sent to an endpoint, in order."""
        return [json.loads(asked.body or b"{}") for name, asked in self.asked if name == endpoint]

    def count(self, endpoint: str) -> int:
        """How often an endpoint was asked."""
        return sum(name == endpoint for name, _ in self.asked)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Answer one request by the script."""
        endpoint = (request.path_url or "").split("?")[0].rstrip("/").rsplit("/", 1)[-1]
        with self.lock:
            self.asked.append((endpoint, request))
            answer = self.answers[endpoint]
            if isinstance(answer, list):
                answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, requests.Response):
            return answer
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        return response(request, status, body)

    def close(self) -> None:
        """Nothing to close."""


def response(
    request: requests.PreparedRequest,
    status: int,
    body: Any,
    headers: Mapping[str, str] | None = None,
) -> requests.Response:
    """A response as a server would have sent it; a str or bytes body goes as it is."""
    raw = body if isinstance(body, bytes) else None
    if raw is None:
        raw = (body if isinstance(body, str) else json.dumps(body)).encode()
    wire = HTTPResponse(
        body=io.BytesIO(raw),
        status=status,
        headers={"Content-Type": "application/json", **(headers or {})},
        preload_content=False,
    )
    return HTTPAdapter().build_response(request, wire)
