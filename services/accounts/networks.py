"""Networks from which an API key may be used."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_MAPPED = IPv6Network("::ffff:0:0/96")
_MAPPED_BITS = 96


def network(text: str) -> Network:
    """A network in CIDR notation, or one address. An IPv4 network in IPv6 notation (`::ffff:10.0.0.0/104`) becomes an IPv4 network.

    Raises ValueError, which says what is wrong.
    """
    try:
        # Strict: `10.1.2.3/8` is either one address or a mistyped network.
        found = ip_network(text.strip())
    except ValueError:
        raise ValueError(_problem(text)) from None
    if isinstance(found, IPv6Network):
        if found.network_address.scope_id is not None:
            raise ValueError(f"{text!r} has a zone, which has no meaning on the server")
        if found.subnet_of(_MAPPED):
            return IPv4Network((int(found.network_address) & 0xFFFFFFFF, found.prefixlen - _MAPPED_BITS))
    return found


def _problem(text: str) -> str:
    try:
        loose = ip_network(text.strip(), strict=False)
    except ValueError:
        return f"{text!r} is not a network such as 203.0.113.0/24 or 2001:db8::/32, nor an address"
    return f"{text!r} has bits set after its prefix; the network is {loose}"


def networks(texts: Iterable[str]) -> frozenset[Network]:
    """Networks that have been stored. Raises ValueError."""
    return frozenset(map(network, texts))


def texts(some: Iterable[Network]) -> list[str]:
    """The networks in CIDR notation, IPv4 first, in order of their addresses."""
    return [str(one) for one in sorted(some, key=lambda one: (one.version, one.network_address, one.prefixlen))]


def contains(outer: Iterable[Network], inner: Network) -> bool:
    """Whether one of the networks contains another network."""
    return any(_within(inner, one) for one in outer)


def _within(inner: Network, outer: Network) -> bool:
    if isinstance(inner, IPv4Network):
        return isinstance(outer, IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and inner.subnet_of(outer)


def holds(some: Iterable[Network], address: str) -> bool:
    """Whether an address, IPv4 in either notation, is in one of the networks. False for anything that is not an address."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in one for one in some)
