"""One process on one host, and how one knows that it does its work."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from deploy.local.errors import NotReady
from deploy.local.layout import REPOSITORY
from tests.cluster.network import Host

SECONDS = 2.0
"""Longest wait for an answer that says whether a part does its work."""


@dataclass(frozen=True)
class Part:
    """`ready` raises NotReady until the process does its work; it is called from the test's own address."""

    command: tuple[str, ...]
    ready: Callable[[], None]
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    directory: Path = REPOSITORY
    stop: signal.Signals = signal.SIGTERM


def base_environment(host: Host) -> dict[str, str]:
    """Of every process."""
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", "TMPDIR": str(host.folder / "tmp")}


def answers(url: str, statuses: Collection[int] = (200,)) -> None:
    """Raise NotReady unless a GET is answered with one of these."""
    try:
        # The certificates are of an authority of our own, and those who work with the server check them.
        reply = httpx.get(url, timeout=SECONDS, trust_env=False, verify=False)
    except httpx.HTTPError as error:
        raise NotReady(f"{url}: {str(error) or type(error).__name__}") from error
    if reply.status_code not in statuses:
        raise NotReady(f"{url} answered {reply.status_code}: {reply.text[:200]}")


def opens(address: str, port: str) -> None:
    """Raise NotReady unless a connection is accepted."""
    try:
        socket.create_connection((address, int(port)), SECONDS).close()
    except OSError as error:
        raise NotReady(f"{address}:{port}: {error}") from error
