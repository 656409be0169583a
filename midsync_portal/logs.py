"""Log lines: as JSON for machines, and never with a secret in them.

Who logs an outside call or a delivery gives its facts as `extra={"facts": {…}}`: a task's number,
MidSync's number, what came of it, milliseconds. Never a key, a token, a prompt or a body.
"""

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

# What PostgreSQL adds to an error: values of the row and parts of the query, prompts and addresses
# among them. In a traceback the next error follows.
ROW_VALUES = re.compile(
    r"\n(?:D[EÉ]TAIL|LINE \d+|QUERY|CONTEXT) ?:.*?(?=\n\n(?:The above|During handling)|\Z)",
    re.DOTALL,
)
CALLBACK_PATH = re.compile(r"(/callbacks/[0-9a-fA-F-]{36}/)[^/\s\"']+")


def without_secrets(text: str) -> str:
    """The text with the API key, signing keys, callback tokens and a row's values cut out."""
    text = ROW_VALUES.sub("", text)
    for secret in _secrets():
        text = text.replace(secret, "[secret]")
    return CALLBACK_PATH.sub(r"\1[token]/", text)


def _secrets() -> list[str]:
    """What no line may hold; the longest first, should one be a part of another."""
    secrets = {
        settings.SECRET_KEY,
        settings.MIDSYNC_API_KEY,
        settings.METRICS_TOKEN,
        settings.CALLBACK_SIGNATURE_SECRET,
        *settings.CALLBACK_SIGNING_KEYS,
        *settings.SECOND_FACTOR_KEYS,
    }
    return sorted(filter(None, secrets), key=len, reverse=True)


class SecretsFilter(logging.Filter):
    """Rewrites a record whose message holds a secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always let the record pass, without its secrets."""
        message = record.getMessage()
        clean = without_secrets(message)
        if clean != message:
            record.msg, record.args = clean, ()
        if record.exc_info:
            # Formatted here once, so that no formatter writes the exception as it is.
            text = record.exc_text or logging.Formatter().formatException(record.exc_info)
            record.exc_text = without_secrets(text)
        return True


class JsonLines(logging.Formatter):
    """A record as one line: when, how bad, which room, the sentence, the facts, the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Characters that could end or forge a line are escaped."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
        }
        for name, value in getattr(record, "facts", {}).items():
            line[name] = without_secrets(value) if isinstance(value, str) else value
        if record.exc_info or record.exc_text:
            text = record.exc_text or self.formatException(record.exc_info)  # type: ignore[arg-type]
            line["exception"] = without_secrets(text)
        return json.dumps(line, default=str)
