"""Shapes that a refusal or a breakdown could have; each says what becomes of the task."""

import json
from dataclasses import dataclass, field

WHY = "prompt must not be empty of meaning"


@dataclass(frozen=True)
class Refusal:
    """One bad answer. `ends_as`: what the task may be after generate got this answer."""

    name: str
    status: int
    raw: bytes
    ends_as: frozenset[str]
    headers: dict[str, str] = field(default_factory=dict)


def _json(name: str, status: int, body: object, *ends_as: str) -> Refusal:
    return Refusal(
        name,
        status,
        json.dumps(body).encode(),
        frozenset(ends_as or ("rejected",)),
        {"Content-Type": "application/json"},
    )


REFUSALS = (
    _json("error as a string", 422, {"success": False, "error": WHY}),
    _json("error as a string on 200", 200, {"success": False, "error": WHY}),
    _json(
        "error as an object",
        400,
        {"success": False, "error": {"code": "INVALID", "message": WHY, "details": {"f": 1}}},
    ),
    _json(
        "the trio of Node frameworks",
        400,
        {"message": [WHY, "duration must be a number"], "error": "Bad Request", "statusCode": 400},
    ),
    _json("a code in the body of a 200", 200, {"code": 422, "msg": WHY}, "rejected", "unconfirmed"),
    _json("detail as a string", 404, {"detail": WHY}),
    _json("detail as a list", 422, {"detail": [{"loc": ["body", "prompt"], "msg": WHY}]}),
    _json("no points", 402, {"error": "Insufficient points balance"}),
    Refusal(
        "a proxy's page",
        502,
        b"<html><body><h1>Bad gateway</h1><script>alert(1)</script></body></html>",
        frozenset({"unconfirmed"}),
        {"Content-Type": "text/html"},
    ),
    Refusal("an empty 500", 500, b"", frozenset({"unconfirmed"})),
    Refusal("an empty 200", 200, b"", frozenset({"unconfirmed"})),
    Refusal("half of an answer", 200, b'{"taskId": "31', frozenset({"unconfirmed"})),
    _json("maintenance of kie.ai", 455, {"code": 455, "msg": "maintenance"}, "unconfirmed"),
)
