"""How texts are made comparable for a search; the same as PostgreSQL's functions of that name.

Plain Python: SQLite calls these for each row (`sqlite.base`).
"""

from uuid import UUID


def fold(text: str | None) -> str:
    """A text in small letters."""
    return (text or "").lower()


def findable(
    prompt: str | None, midsync_task_id: str | None, provider_task_id: str | None, public_id: str
) -> str:
    """Everything of a task that a search looks into, in small letters, a line for each."""
    number = str(UUID(public_id))
    return fold("\n".join([prompt or "", midsync_task_id or "", provider_task_id or "", number]))
