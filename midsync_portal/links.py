"""Which links from outside the portal forwards or shows: plain public https addresses.

Only the text is judged. Whoever follows a link must also look at the address its name leads to.
"""

import re
from collections.abc import Iterable

from django.utils.translation import gettext

LENGTH_MAX = 2048  # characters

_PARTS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<place>[^/?#]*)(?:[/?#].*)?")
_PLACE = re.compile(r"(?P<host>[^:]*)(?::(?P<port>.*))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_TOP_LABEL = re.compile(r"(?:[a-z]{2,63}|xn--[a-z0-9-]{1,58}[a-z0-9])")
_HOST_MAX = 253  # characters
# Names that mean this machine or this network, alone or at the end of a name.
_PRIVATE = frozenset(
    ["localhost", "localdomain", "local", "internal", "intranet", "lan", "home", "corp"]
) | frozenset(["private", "arpa", "onion"])


class LinkRefused(ValueError):
    """The link is not one that the portal uses; `reason` is a sentence for the customer."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def check_link(url: object, trusted_origins: Iterable[str] = ()) -> None:
    """Return if the link is a plain public https link, else raise `LinkRefused`.

    A link of one of the `trusted_origins` (exact: scheme, host and port, as in
    "http://127.0.0.1:9000") may be http and private; all other rules hold for it too.
    """
    if not isinstance(url, str) or not url:
        raise LinkRefused(gettext("Enter a link."))
    if len(url) > LENGTH_MAX:
        said = gettext("The link is too long: at most %(count)d characters.")
        raise LinkRefused(said % {"count": LENGTH_MAX})
    if not url.isascii() or not url.isprintable() or any(sign in url for sign in ' \\<>"'):
        raise LinkRefused(
            gettext("The link contains spaces or characters that do not belong in a link.")
        )
    parts = _PARTS.fullmatch(url)
    if parts is None:
        raise LinkRefused(gettext("The link must start with https:// and a host name."))
    scheme, place = parts["scheme"].lower(), parts["place"].lower()
    if "@" in place:
        raise LinkRefused(gettext("The link must not contain a user name or password."))
    if scheme in ("http", "https") and f"{scheme}://{place}" in _origins(trusted_origins):
        return
    if scheme != "https":
        raise LinkRefused(gettext("The link must start with https://."))
    if place.startswith("["):
        raise LinkRefused(gettext("The link must use a host name, not a numeric address."))
    match = _PLACE.fullmatch(place)
    host, port = (match["host"], match["port"]) if match else ("", None)
    if port not in (None, "443"):
        raise LinkRefused(gettext("The link must not name a port."))
    _check_host(host)


def is_usable_link(url: object, trusted_origins: Iterable[str] = ()) -> bool:
    """Whether `check_link` accepts the link."""
    try:
        check_link(url, trusted_origins)
    except LinkRefused:
        return False
    return True


def _check_host(host: str) -> None:
    labels = host.split(".")
    if re.fullmatch(r"[0-9.]+|0x[0-9a-f.x]*", host) or labels[-1].isdigit():
        raise LinkRefused(gettext("The link must use a host name, not a numeric address."))
    if labels[-1] in _PRIVATE:
        raise LinkRefused(gettext("The link must lead to a public address."))
    is_plain = len(host) <= _HOST_MAX and all(map(_LABEL.fullmatch, labels))
    if not is_plain or len(labels) < 2 or not _TOP_LABEL.fullmatch(labels[-1]):
        raise LinkRefused(
            gettext("The link must use a plain public host name, like media.example.com.")
        )


def _origins(trusted_origins: Iterable[str]) -> set[str]:
    return {origin.rstrip("/").lower() for origin in trusted_origins}
