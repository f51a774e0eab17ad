"""A file that the edge answers with, without asking anybody."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Page:
    """A file that is served unchanged."""

    path: str
    """The request path."""
    file: Path
    """As Envoy keeps it in memory."""
    content_type: str
    headers: dict[str, str] = field(default_factory=dict)
    is_gzipped: bool = False
    """Whether the file is compressed by gzip."""
