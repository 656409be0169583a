"""Codes of the tests' second factor; nothing here needs Django to be set up."""

import time

from midsync_portal.demo import code_now

_used: set[tuple[str, ...]] = set()


def fresh_code(*whose: str) -> str:
    """A code that is valid now and was not given there before in this run: each counts once."""
    steps = (code_now(now=time.time() + offset) for offset in (0, -30, 30))
    code = next(code for code in steps if (*whose, code) not in _used)
    _used.add((*whose, code))
    return code
