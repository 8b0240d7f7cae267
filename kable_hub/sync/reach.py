"""Where the hub may be told to send: no address of its own network, unless the operator says so.

An account names addresses that the hub then calls. Without this, it could have the hub speak to
what only the hub can reach: the machine itself, its neighbours, a cloud's metadata service.
"""

import ipaddress
import socket
from collections.abc import Iterable

LOCAL_NAMES = ("localhost", "internal", "local", "home.arpa", "localdomain")
"""Names of a network's own, whatever they resolve to; with all names under them."""
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_OWN = (ipaddress.IPv4Network("192.0.0.0/24"), ipaddress.IPv4Network("168.63.129.16/32"))
"""Addresses that look public, at which a cloud's own services answer its machines alone."""

Place = tuple[socket.AddressFamily, str, int]
"""Family, numeric address, port."""


class Refused(Exception):
    """The address lies in a network the hub is not to call. The text is safe to show."""


def is_loopback(host: str) -> bool:
    """Whether a host, as it stands in a URL, is this machine."""
    found = _literal(host)
    return host.lower() == "localhost" if found is None else _bare(found).is_loopback


def name_fault(host: str) -> str:
    """What stands against a host as it is written, without asking anybody; empty: nothing."""
    found = _literal(host)
    if found is not None:
        return "" if _is_public(found) else "This address is not on the public internet."
    labels = host.lower().rstrip(".")
    if any(labels == one or labels.endswith(f".{one}") for one in LOCAL_NAMES):
        return "This is a name of a local network."
    return ""


def places(host: str, port: int, *, private: bool) -> list[Place]:
    """Where a host answers, resolved now. Raises Refused, OSError where it has no address."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    named = [(family, str(where[0]), port) for family, _, _, _, where in found]
    if not private and not _all_public(address for _, address, _ in named):
        raise Refused("the address is not on the public internet")
    return list(dict.fromkeys(named))


def _all_public(addresses: Iterable[str]) -> bool:
    return all(_is_public(ipaddress.ip_address(one.partition("%")[0])) for one in addresses)


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host spells, in any spelling that systems take (`2130706433`)."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host.rstrip(".")))
    except (OSError, ValueError):
        return None


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    bare = _bare(address)
    return bare.is_global and not bare.is_multicast and not any(bare in one for one in _OWN)


def _bare(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that an IPv6 one leads to, where it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
