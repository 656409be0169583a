"""One spelling of a request body, so that the body quoted is the body sent."""

import hashlib
import json
from typing import Any


def canonical_json(body: dict[str, Any]) -> str:
    """The body as JSON with sorted keys and no spaces.

    Raises ValueError for what JSON does not know (NaN, infinities).
    """
    return json.dumps(
        body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def body_hash(body: dict[str, Any]) -> str:
    """SHA-256 of the canonical JSON, in hex."""
    return hashlib.sha256(canonical_json(body).encode()).hexdigest()
