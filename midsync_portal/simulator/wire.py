"""A request and an answer, without a framework."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

MOST_BODY = 1_048_576
CHUNK = 65_536


class ConnectionDropped(Exception):
    """The connection is to be closed without (the rest of) an answer, ``after`` some seconds.

    ``reset``: not with a farewell (FIN) but with a RST, as a crashed machine does it.
    """

    def __init__(self, after: float = 0.0, *, reset: bool = False) -> None:
        super().__init__("the simulator drops the connection")
        self.after = after
        self.reset = reset


@dataclass(frozen=True)
class Request:
    """One HTTP request; header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def of(cls, environ: Mapping[str, Any]) -> "Request":
        """The request in a WSGI environment. Raises ValueError when the body is too large."""
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if length > MOST_BODY:
            raise ValueError("The body is too large.")
        headers = {
            name[5:].replace("_", "-").lower(): str(value)
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        return cls(
            method=environ["REQUEST_METHOD"],
            path=environ.get("PATH_INFO") or "/",
            query=_first(parse_qs(environ.get("QUERY_STRING", ""))),
            headers=headers,
            body=environ["wsgi.input"].read(length) if length else b"",
        )

    def form(self) -> dict[str, str]:
        """The fields of a submitted form."""
        return _first(parse_qs(self.body.decode("utf-8", "replace")))

    def json(self) -> dict[str, Any] | None:
        """The body as a JSON object, None if it is something else."""
        try:
            body = json.loads(self.body)
        except ValueError:
            return None
        return body if isinstance(body, dict) else None


def _first(values: Mapping[str, list[str]]) -> dict[str, str]:
    return {name: several[0] for name, several in values.items()}


@dataclass(frozen=True)
class Answer:
    """One HTTP answer. ``body`` may be pieces that arrive one by one; then ``length`` is needed."""

    status: int
    body: bytes | Iterable[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None

    @property
    def status_line(self) -> str:
        return f"{self.status} {HTTPStatus(self.status).phrase}"

    def all_headers(self) -> list[tuple[str, str]]:
        """The headers with the length of the body."""
        length = len(self.body) if isinstance(self.body, bytes) else self.length
        return [*self.headers.items(), ("Content-Length", str(length or 0))]

    def pieces(self) -> Iterable[bytes]:
        """The body as WSGI wants it."""
        return [self.body] if isinstance(self.body, bytes) else self.body


def json_answer(status: int, body: Any, **headers: str) -> Answer:
    """An answer in JSON; underscores in header names become hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    text = json.dumps(body, ensure_ascii=False).encode()
    return Answer(status, text, {"Content-Type": "application/json", **named})


def error_answer(status: int, code: str, message: str, field: str = "", **headers: str) -> Answer:
    """A refusal in the simulator's shape: success false, error with code, message and field."""
    error = {"code": code, "message": message} | ({"field": field} if field else {})
    return json_answer(status, {"success": False, "error": error}, **headers)


def html_answer(status: int, text: str, **headers: str) -> Answer:
    """An HTML page."""
    return Answer(status, text.encode(), {"Content-Type": "text/html; charset=utf-8", **headers})


def file_answer(path: Path, content_type: str, wanted: str) -> Answer:
    """A file, or the part of it that the Range header ``wanted`` names."""
    size = path.stat().st_size
    headers = {
        "Content-Type": content_type,
        "Accept-Ranges": "bytes",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Cache-Control": "private, max-age=3600",
    }
    try:
        part = _range(wanted, size)
    except ValueError:
        return Answer(416, b"", headers | {"Content-Range": f"bytes */{size}"})
    if part is None:
        return Answer(200, _read(path, 0, size), headers, size)
    start, end = part
    headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    return Answer(206, _read(path, start, end - start + 1), headers, end - start + 1)


def _range(wanted: str, size: int) -> tuple[int, int] | None:
    """First and last byte, None for the whole file. Raises ValueError if there is no such part."""
    unit, _, spans = wanted.partition("=")
    if unit.strip() != "bytes" or "," in spans:
        return None
    first, dash, last = spans.strip().partition("-")
    if not dash or not (first + last).isdigit():
        return None
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last), size - 1) if first and last else size - 1
    if start > end:
        raise ValueError("no such part")
    return start, end


def _read(path: Path, start: int, length: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while length > 0 and (piece := file.read(min(CHUNK, length))):
            length -= len(piece)
            yield piece
