"""The certificates of a stack's parts, for mutual TLS between them: an authority of the stack's own, and one certificate a part."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from pathlib import Path

from deploy.installation.authority import Authority, Lifetime, create_authority, lasts, open_authority
from deploy.local.layout import Layout

_VALID = datetime.timedelta(days=3650)
# Renewed by the first `up` after that.
_LEFT = datetime.timedelta(days=365)
_LOOPBACK = "127.0.0.1"


def certificate_folder(layout: Layout, part: str) -> Path:
    """The folder of a part: ca.crt, tls.crt and tls.key."""
    return layout.keys / "tls" / part


def authority_folder(layout: Layout) -> Path:
    """The folder of the authority: ca.crt and ca.key."""
    return layout.keys / "tls"


def create_certificates(layout: Layout, parts: Iterable[str]) -> None:
    """Create the authority and the parts' certificates, which name them as DNS names and 127.0.0.1. Those that last are kept."""
    authority = _authority(layout)
    for part in parts:
        authority.issue(certificate_folder(layout, part), (part, _LOOPBACK), Lifetime(_VALID, _LEFT))


def _authority(layout: Layout) -> Authority:
    folder = authority_folder(layout)
    if lasts(folder / "ca.crt", _LEFT) and (known := open_authority(folder)) is not None:
        return known
    return create_authority(folder, f"Darkroom {layout.digest}", _VALID)
