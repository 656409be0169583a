"""Where a socket of ours may lead when somebody else has named the host: public addresses only.

A name is resolved once, its addresses are judged, and the socket is opened to one of the judged
addresses; so a name that answers differently the second time gains nothing.
"""

import ipaddress
import socket

CONNECT_SECONDS = 10.0  # for one address

GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
# Addresses that stand for others, or lead to somebody's gateway: old relays and translators.
DETOURS = (ipaddress.IPv4Network("192.88.99.0/24"), ipaddress.IPv4Network("192.0.0.0/24"))
DOCUMENTATION = ipaddress.IPv6Network("3fff::/20")  # newer than Python's own list


class AddressRefused(Exception):
    """A host has no address that we would connect to."""


def is_public(text: str) -> bool:
    """Whether an address is one of the public internet, and no other address in disguise.

    Loopback, private, link-local, shared, reserved and multicast ones are not, nor are IPv6
    addresses that stand for IPv4 ones (mapped, 6to4, Teredo, NAT64).
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False  # one with a zone, for example, which means this machine's network
    if isinstance(address, ipaddress.IPv4Address):
        return (
            address.is_global
            and not address.is_multicast
            and not address.is_reserved
            and not any(address in network for network in DETOURS)
        )
    return (
        address in GLOBAL_UNICAST
        and address not in DOCUMENTATION
        and address.is_global
        and address.sixtofour is None
        and address.teredo is None
        and address.scope_id is None
    )


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, in the system's order. Raises OSError where there are none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


def dial(address: str, port: int, seconds: float) -> socket.socket:
    """A connected socket to a numeric address. Raises OSError."""
    return socket.create_connection((address, port), timeout=seconds)


def connect(host: str, port: int, *, is_trusted: bool, seconds: float) -> socket.socket:
    """A socket to one of the host's public addresses; to any of them where it is trusted.

    Raises AddressRefused, or OSError where none of them answers.
    """
    addresses = resolve(host, port)
    allowed = [address for address in addresses if is_trusted or is_public(address)]
    if not allowed:
        raise AddressRefused(f"{host} leads to no public address")
    problem = OSError(f"{host} does not answer")
    for address in allowed[:4]:
        try:
            return dial(address, port, min(CONNECT_SECONDS, seconds))
        except OSError as error:
            problem = error
    raise problem
