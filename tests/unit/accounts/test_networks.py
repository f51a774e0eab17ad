"""Networks of keys."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.accounts.networks import holds, network, networks, texts
from services.accounts.records import UNLIMITED, KeyLimits


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("10.0.0.0/8", "10.0.0.0/8"),
        (" 192.0.2.7 ", "192.0.2.7/32"),
        ("2001:DB8:0::/32", "2001:db8::/32"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
    ],
)
def test_what_is_a_network(given: str, meant: str) -> None:
    assert str(network(given)) == meant


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("10.1.2.3/8", "the network is 10.0.0.0/8"),
        ("2001:db8::1/32", "the network is 2001:db8::/32"),
        ("fe80::1%eth0", "zone"),
        *((wrong, "is not a network") for wrong in ("", "example.com", "10.0.0.0/33", "10.0.0", "1", "10.0.0.0/-1", "10.0.0.0/8/8")),
    ],
)
def test_what_is_none(given: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        network(given)


def test_addresses() -> None:
    some = networks(["10.0.0.0/8", "2001:db8::/32"])
    for address in ("10.255.0.1", "::ffff:10.0.0.1", "2001:db8:ffff::1"):
        assert holds(some, address)
    for address in ("11.0.0.1", "::ffff:11.0.0.1", "2001:db9::1", "::10.0.0.1", "", "unix", "10.0.0.1:443"):
        assert not holds(some, address)
    assert holds(networks(["::/0"]), "2001:db8::1")
    assert not holds(networks(["::/0"]), "10.0.0.1")


def test_texts_are_in_order() -> None:
    assert texts(networks(["2001:db8::/32", "10.0.0.0/8", "9.0.0.1"])) == ["9.0.0.1/32", "10.0.0.0/8", "2001:db8::/32"]


def test_a_key_allows_only_smaller_networks() -> None:
    own = KeyLimits(networks=networks(["10.0.0.0/8", "2001:db8::/32"]))
    for inner in (["10.0.0.0/8"], ["10.1.0.0/16", "10.2.0.0/16"], ["2001:db8::1"]):
        assert own.allow(KeyLimits(networks=networks(inner)))
    for outer in (["0.0.0.0/0"], ["10.0.0.0/8", "11.0.0.0/8"], ["::/0"], ["::a00:0/104"]):
        assert not own.allow(KeyLimits(networks=networks(outer)))
    assert not own.allow(UNLIMITED)
    assert UNLIMITED.allow(own)
    assert not own.allow(KeyLimits(expires_at=datetime.now(UTC)))
