"""Where a service's replicas listen, as the settings say it and as gRPC takes it."""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from typing import Annotated

from pydantic import AfterValidator

SOCKET_PATH_LIMIT = 107
"""Bytes of a Unix socket's path; the kernel's limit."""
_OTHER_SCHEMES = ("unix:", "dns:", "ipv4:", "ipv6:")


def target(address: str) -> str:
    """The gRPC target for the address of a listener.

    That is `unix:/path`, `host:port`, `dns:///host:port`, or the IP addresses of several replicas, `10.0.0.1:7001,10.0.0.2:7001`. A name
    that DNS has several addresses for stands for several replicas, too. Raises ValueError.
    """
    if "," not in address or address.startswith(_OTHER_SCHEMES):
        return address
    listeners = [one.strip() for one in address.split(",")]
    versions = {_version(one) for one in listeners}
    if len(versions) > 1:
        raise ValueError(f"{address!r} names both IPv4 and IPv6 addresses; gRPC takes one kind at a time")
    return f"ipv{versions.pop()}:{','.join(listeners)}"


LOCAL_OPTIONS = (
    # A probe after each message would wake both processes a dozen times, to find out that a Unix socket is fast.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 4 << 20),
)
"""gRPC's options for connections on this machine."""


def is_remote(address: str) -> bool:
    """Whether a listener, or a target, is reached over TCP."""
    return not address.startswith("unix:")


def over_http1(address: str) -> str | None:
    """Where a listener takes unary calls over HTTP/1.1, for the edge: on a socket next to its own.

    None for one that is reached over TCP, or whose socket's path is too long for that.
    """
    beside = f"{address}.h1"
    return None if is_remote(address) or len(beside.removeprefix("unix:").encode()) > SOCKET_PATH_LIMIT else beside


def _version(listener: str) -> int:
    host, _, port = listener.rpartition(":")
    version: int = 0
    with suppress(ValueError):
        version = int(ipaddress.ip_address(host.removeprefix("[").removesuffix("]")).version)
    if not version or (version == 6) != host.startswith("[") or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(
            f"{listener!r} must be IP:port, because it is one of several; for hosts by name, give one name that DNS has all addresses for"
        )
    return version


Target = Annotated[str, AfterValidator(target)]
"""A setting with the address of a service's listener, or those of its replicas; as a gRPC target once it is read."""
