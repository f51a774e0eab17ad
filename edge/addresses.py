"""Addresses in the form of the settings and in Envoy's form."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from services.platform.rpc.targets import SOCKET_PATH_LIMIT, over_http1


@dataclass(frozen=True, slots=True)
class Address:
    """A Unix socket's path, or a host and a TCP port."""

    path: str | None = None
    host: str = ""
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> Address:
        """From `unix:/path`, `host:port` or `[v6]:port`. Raises ValueError."""
        if text.startswith("unix:"):
            path = text.removeprefix("unix:")
            if not path.startswith("/") or len(path.encode()) > SOCKET_PATH_LIMIT:
                raise ValueError(f"{text!r} must be unix: and an absolute path of at most {SOCKET_PATH_LIMIT} bytes")
            return cls(path=path)
        host, _, port = text.rpartition(":")
        if not host or "," in host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError(f"{text!r} must be host:port or unix:/path")
        return cls(host=host.removeprefix("[").removesuffix("]"), port=int(port))

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return self.path is not None or self.host == "localhost" or (self.is_ip and ipaddress.ip_address(self.host).is_loopback)

    @property
    def discovery(self) -> str:
        """Envoy's cluster type for it: a DNS name is resolved repeatedly, anything else is fixed."""
        return "STATIC" if self.path is not None or self.is_ip else "STRICT_DNS"

    @property
    def envoy(self) -> dict[str, object]:
        """As `envoy.config.core.v3.Address`."""
        if self.path is not None:
            # The mode matters where Envoy listens: only its own user may connect.
            return {"pipe": {"path": self.path, "mode": 0o600}}
        return {"socket_address": {"address": self.host, "port_value": self.port}}

    @property
    def endpoints(self) -> list[dict[str, object]]:
        """As a list of one `envoy.config.endpoint.v3.LbEndpoint`."""
        return [{"endpoint": {"address": self.envoy}}]

    @property
    def is_remote(self) -> bool:
        """Whether it is reached over TCP."""
        return self.path is None

    @property
    def is_ip(self) -> bool:
        """Whether the host is an IP address."""
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where the replicas of a service listen."""

    addresses: tuple[Address, ...]

    @classmethod
    def parse(cls, text: str) -> Upstream:
        """From addresses with commas between them; before a DNS name there may be `dns:///`, as for gRPC. Raises ValueError."""
        found = cls(tuple(Address.parse(one.strip().removeprefix("dns:///")) for one in text.split(",")))
        if found.discovery == "STRICT_DNS" and any(address.path is not None for address in found.addresses):
            raise ValueError(f"{text!r} must not name both a Unix socket and a DNS name")
        return found

    @property
    def discovery(self) -> str:
        """Envoy's cluster type: DNS names are resolved repeatedly, each of their addresses being a replica; anything else is fixed."""
        return "STRICT_DNS" if any(address.discovery == "STRICT_DNS" for address in self.addresses) else "STATIC"

    @property
    def endpoints(self) -> list[dict[str, object]]:
        """As a list of `envoy.config.endpoint.v3.LbEndpoint`."""
        return [endpoint for address in self.addresses for endpoint in address.endpoints]

    @property
    def is_remote(self) -> bool:
        """Whether any of them is reached over TCP."""
        return any(address.is_remote for address in self.addresses)

    @property
    def is_several(self) -> bool:
        """Whether there may be more than one replica."""
        return len(self.addresses) > 1 or self.discovery == "STRICT_DNS"

    @property
    def over_http1(self) -> Upstream | None:
        """Where the only replica takes unary calls over HTTP/1.1, if it is on this machine."""
        beside = None if self.is_several or self.is_remote else over_http1(f"unix:{self.addresses[0].path}")
        return Upstream.parse(beside) if beside is not None else None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server that Envoy connects to: object storage, or a trace collector."""

    address: Address
    tls: bool

    @classmethod
    def parse(cls, url: str) -> Endpoint:
        """From `http://host:port` or `https://host`. Raises ValueError."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError(f"{url!r} must be http:// or https:// with a host, an optional port, and no path")
        tls = parts.scheme == "https"
        return cls(Address(host=parts.hostname, port=parts.port or (443 if tls else 80)), tls)
