"""What can be ordered: MidSync's list first, built-in rules behind it; no prices."""

from .current import Catalog, get_catalog, refresh_catalog
from .parameters import Option, Parameter, VideoModel

__all__ = ["Catalog", "Option", "Parameter", "VideoModel", "get_catalog", "refresh_catalog"]
