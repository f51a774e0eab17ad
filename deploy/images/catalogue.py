"""The images that are built here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Image:
    """One image."""

    name: str
    """The name of its repository, without a registry."""
    dockerfile: str
    """In deploy/images."""
    target: str | None = None
    """The stage of the file; the last one without it."""
    arguments: Mapping[str, str] = field(default_factory=dict)
    """Build arguments that differ from the defaults in the file."""
    suffix: str = ""
    """The suffix of its tag, after the version."""


IMAGES: Mapping[str, Image] = {
    "services": Image("darkroom-services", "services.Dockerfile"),
    "triton-cpu": Image("darkroom-triton", "triton.Dockerfile", "cpu", suffix="-cpu"),
    "triton-gpu": Image("darkroom-triton", "triton.Dockerfile", "gpu", {"PLATFORM": "cuda-onnxruntime", "SET": "gpu"}, suffix="-gpu"),
}
"""By what the command calls them."""
