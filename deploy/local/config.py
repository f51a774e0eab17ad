"""The configuration of one stack, from which its parts are configured."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from deploy.local.certificates import certificate_folder
from deploy.local.credentials import OPERATOR, Credentials
from deploy.local.layout import Layout
from deploy.local.ports import Ports
from deploy.local.settings import Settings
from models.serve import grpc_target
from services.platform.tls import MutualTls

LOOPBACK = "127.0.0.1"
BUCKET = "darkroom"
KNOWN_PASSWORD = "admin"  # noqa: S105 - as SnapOtter's documentation says; it has to be changed at the first sign-in


@dataclass(frozen=True)
class StackConfig:
    """The configuration that the parts of a stack share, and the addresses derived from it."""

    layout: Layout
    ports: Ports
    credentials: Credentials
    settings: Settings
    listeners: Mapping[str, int] = field(default_factory=dict)
    """With mutual TLS, the TCP ports of the services' listeners by name (`tasks`, `tasks-internal`); without, they are Unix sockets."""

    def listener(self, name: str) -> str:
        """gRPC target of a service's listener."""
        port = self.listeners.get(name)
        return f"{LOOPBACK}:{port}" if port else f"unix:{self.layout.socket(name)}"

    def tls(self, part: str) -> MutualTls | None:
        """The certificates of a part; None without mutual TLS."""
        return MutualTls(certificate_folder(self.layout, part)) if self.settings.internal_tls else None

    @property
    def local_url(self) -> str:
        """URL of the public port for this machine."""
        scheme = "https" if self.settings.tls_dir else "http"
        return f"{scheme}://{_reachable(self.ports.host)}:{self.ports.public}"

    @property
    def public_url(self) -> str:
        """URL of the public port for clients, without a trailing slash."""
        return self.settings.public_url or self.local_url

    @property
    def first_password(self) -> str:
        """With which the first administrator signs in, and then has to change it: the one that everybody knows where only this machine's
        users reach the public port, and otherwise a random one."""
        return KNOWN_PASSWORD if self.is_only_here else self.credentials.first_administrator

    @property
    def is_only_here(self) -> bool:
        """Whether only users of this machine reach the public port."""
        return all(map(_is_loopback, (self.ports.host, urlsplit(self.public_url).hostname or "")))

    @property
    def nats_url(self) -> str:
        """URL of NATS, with the credentials of a user without limits; for administration and tests, never for a service."""
        return self.nats_user_url(OPERATOR)

    def nats_user_url(self, user: str) -> str:
        """URL of NATS with the credentials of a user: a service, or one without limits."""
        password = self.credentials.nats_users.get(user, self.credentials.nats)
        scheme = "tls" if self.settings.internal_tls else "nats"
        return f"{scheme}://{user}:{password}@{LOOPBACK}:{self.ports.nats}"

    @property
    def worker_address(self) -> str | None:
        """`host:port` at which workers on other machines reach the port for them, unless the operator has named another; None without
        such a port."""
        if self.settings.worker_listen is None:
            return None
        host = urlsplit(self.public_url).hostname or ""
        return f"{_bracketed(host)}:{self.settings.worker_listen.rpartition(':')[2]}"

    @property
    def s3_endpoint(self) -> str:
        """URL of the object storage for services."""
        return f"http://{LOOPBACK}:{self.ports.s3}"

    @property
    def triton_address(self) -> str:
        """gRPC target of Triton."""
        return grpc_target(self.layout.run)


def tool(name: str) -> str:
    """Path of a program that a package has installed next to the running Python."""
    return str(Path(sys.executable).parent / name)


def digest_of(paths: Iterable[Path]) -> str:
    """A digest of the names and contents of files. A folder stands for all Python files below it; a missing file is skipped."""
    digest = hashlib.sha256()
    for path in paths:
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path] if path.is_file() else []
        for file in files:
            digest.update(f"{file}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _reachable(host: str) -> str:
    """The host to connect to: loopback if the listener is on all addresses; an IPv6 address in brackets."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - a comparison, nothing is bound here
        return LOOPBACK
    return _bracketed(host)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
