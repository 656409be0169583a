"""What MidSync said, as it is kept in the history of a task."""

import json

from .logs import without_secrets

KEPT = 4_000  # characters


def answer_text(raw: object) -> str:
    """An answer as JSON text that can be stored: without secrets, and cut where it is long."""
    text = json.dumps(raw, ensure_ascii=False, default=str)
    text = without_secrets(text.encode("utf-8", "replace").decode())
    return text if len(text) <= KEPT else f"{text[:KEPT]}…"
