"""Which of a request's headers are believed."""

from .types import Scope

FORWARDED = (b"x-forwarded-", b"forwarded", b"x-real-ip")


def believed(scope: Scope, trusted_proxies: int) -> Scope:
    """The request without headers that anybody could have made up.

    Names with underscores would look like their honest namesakes with hyphens under WSGI. What a
    proxy says of the client counts only if there are proxies of ours in front: the address is
    then the one that the outermost of them has seen.
    """
    headers = [
        (name, value)
        for name, value in scope["headers"]
        if b"_" not in name and (trusted_proxies or not name.startswith(FORWARDED))
    ]
    scope = {**scope, "headers": headers}
    if trusted_proxies:
        value = b",".join(value for name, value in headers if name == b"x-forwarded-for")
        addresses = [part.strip() for part in value.decode("latin-1").split(",")]
        if len(addresses) >= trusted_proxies and addresses[-trusted_proxies]:
            scope["client"] = (addresses[-trusted_proxies], 0)
    return scope
