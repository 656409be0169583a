"""The tolerant reader of whatever MidSync, or a gateway like it, sends.

MidSync documents neither its callback nor the words of its status, so every assumption stands
in one table (`names`), and nothing in here raises on foreign input but `UnreadableBody`.
"""

from .body import UnreadableBody, read_body
from .report import is_challenge, read_report

__all__ = ["UnreadableBody", "is_challenge", "read_body", "read_report"]
