"""Which network addresses clients may make this machine connect to: those of the public Internet, and what the operator allows.

A client that names a URL chooses where this machine connects to. The machine itself, its network and its cloud's metadata service must not
be reachable in this way (server-side request forgery).
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# https://www.iana.org/assignments/iana-ipv4-special-registry and its IPv6 counterpart, without globally reachable ranges; and multicast.
_SPECIAL: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by the customers of a carrier (CGNAT); also a metadata service
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host, from within its virtual machines
        "169.254.0.0/16",  # link-local; also the metadata services
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; also a metadata service
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved; broadcast
        "::/128",  # unspecified
        "::1/128",  # loopback
        "64:ff9b:1::/48",  # translation within a network
        "100::/64",  # discard
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fc00::/7",  # unique local; also a metadata service
        "fe80::/10",  # link-local
        "fec0::/10",  # site-local
        "ff00::/8",  # multicast
    )
)
# Prefixes whose addresses embed the IPv4 address that the packets end at: the rules for that IPv4 address apply to them.
_TRANSLATED = ip_network("64:ff9b::/96")
_6TO4 = ip_network("2002::/16")
_COMPATIBLE = ip_network("::/96")


class AddressRules:
    """Decides on single addresses. `allowed` takes precedence over what is refused."""

    def __init__(self, allowed: Iterable[Network] = ()) -> None:
        self._allowed = tuple(allowed)

    def permit(self, address: Address) -> bool:
        """Whether requests may go there. An IPv6 address that represents an IPv4 one is judged as that one."""
        address = _meant(address)
        return _within(address, self._allowed) or not _within(address, _SPECIAL)


def _meant(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _6TO4:
        return ip_address((int(address) >> 80) & 0xFFFFFFFF)
    # ::/128 and ::1/128 also fall under the compatible prefix, but represent no IPv4 address.
    if address in _TRANSLATED or (address in _COMPATIBLE and int(address) > 1):
        return ip_address(int(address) & 0xFFFFFFFF)
    # A zone (fe80::1%eth0) plays no part in the decision.
    return IPv6Address(int(address))


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)
