"""Addresses of one listener and of several."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from services.platform.rpc.targets import Target, is_remote, target


@pytest.mark.parametrize("address", ["unix:/run/tasks", "tasks:7001", "10.0.0.1:7001", "dns:///tasks:7001", "ipv4:10.0.0.1:1,10.0.0.2:1"])
def test_what_grpc_takes_stays(address: str) -> None:
    assert target(address) == address


def test_several_addresses() -> None:
    assert target("10.0.0.1:7001, 10.0.0.2:7002") == "ipv4:10.0.0.1:7001,10.0.0.2:7002"
    assert target("[::1]:7001,[fd00::2]:7001") == "ipv6:[::1]:7001,[fd00::2]:7001"
    assert TypeAdapter(Target).validate_python("10.0.0.1:1,10.0.0.2:1") == "ipv4:10.0.0.1:1,10.0.0.2:1"


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1:1,tasks:1", "10.0.0.1:1,", "10.0.0.1:1,10.0.0.2", "10.0.0.1:1,10.0.0.2:0", "10.0.0.1:1,[::1]:1", "10.0.0.1:1,::1:1"],
)
def test_several_that_cannot_be(address: str) -> None:
    with pytest.raises(ValidationError, match=r"must be IP:port|both IPv4 and IPv6"):
        TypeAdapter(Target).validate_python(address)


def test_what_is_reached_over_tcp() -> None:
    assert [is_remote(one) for one in ("unix:/run/tasks", "10.0.0.1:7001", "ipv4:10.0.0.1:1,10.0.0.2:1")] == [False, True, True]
