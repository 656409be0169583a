"""Our own copy of each video, because MidSync's links end.

`fetching` makes it (`download` behind `guard`, `keeping`, `poster`), `door` serves it, `expiry`
knows how long the provider's link works.
"""

from .fetching import fetch_again, fetch_video

__all__ = ["fetch_again", "fetch_video"]
