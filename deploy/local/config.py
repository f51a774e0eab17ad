"""Everything from which the parts of one stack are configured."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from deploy.local.credentials import Credentials
from deploy.local.layout import Layout
from deploy.local.ports import Ports
from deploy.local.settings import Settings

LOOPBACK = "127.0.0.1"
BUCKET = "darkroom"


@dataclass(frozen=True)
class StackConfig:
    """The choices of one stack, shared by its parts, and the addresses that follow from them."""

    layout: Layout
    ports: Ports
    credentials: Credentials
    settings: Settings

    @property
    def local_url(self) -> str:
        """The public port as this machine reaches it."""
        scheme = "https" if self.settings.tls_dir else "http"
        return f"{scheme}://{_reachable(self.ports.host)}:{self.ports.public}"

    @property
    def public_url(self) -> str:
        """The public port as clients reach it, without a trailing slash."""
        return self.settings.public_url or self.local_url

    @property
    def nats_url(self) -> str:
        """The URL of NATS, with credentials."""
        return self.nats_account_url("darkroom")

    def nats_account_url(self, user: str) -> str:
        """The URL of NATS with the credentials of a user."""
        return f"nats://{user}:{self.credentials.nats}@{LOOPBACK}:{self.ports.nats}"

    @property
    def s3_endpoint(self) -> str:
        """Where services reach object storage."""
        return f"http://{LOOPBACK}:{self.ports.s3}"

    @property
    def triton_address(self) -> str:
        """Triton's gRPC listener, `host:port`."""
        return f"{LOOPBACK}:{self.ports.triton_grpc}"


def tool(name: str) -> str:
    """The path of a program that a package installed next to the running Python."""
    return str(Path(sys.executable).parent / name)


def digest_of(paths: Iterable[Path]) -> str:
    """One digest over the names and bytes of files; a folder stands for all Python files below it, a missing file for nothing."""
    digest = hashlib.sha256()
    for path in paths:
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path] if path.is_file() else []
        for file in files:
            digest.update(f"{file}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _reachable(host: str) -> str:
    """The host to connect to: loopback for a listener on every address; an IPv6 address goes in brackets."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - a comparison, nothing is bound here
        return LOOPBACK
    return f"[{host}]" if ":" in host else host
