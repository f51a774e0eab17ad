"""The switch of the compatibility surfaces: which of the APIs in `protos/compat` an installation offers, besides Darkroom's own."""

from __future__ import annotations

import importlib
from pathlib import Path

from pydantic import Field, field_validator

from services.platform.environment import PREFIX, EnvironmentSettings

SETTING = f"{PREFIX}SURFACES"
"""The environment variable."""
COMPATIBLE = "compat"
"""Top-level package of the generated modules of third-party APIs, with a folder for each surface that bears its name."""

DESCRIPTION = (
    "Comma-separated list of the compatibility surfaces that are on: claid, fal, mcp, pi, snapotter; empty for no such surface. If unset, "
    "all are on. The edge and all services need the same value."
)


def compatibility_surfaces() -> tuple[str, ...]:
    """The names of all of them, sorted."""
    try:
        folders = importlib.import_module(COMPATIBLE).__path__
    except ModuleNotFoundError:
        return ()
    return tuple(sorted({each.name for folder in folders for each in Path(folder).iterdir() if each.is_dir() and each.name[0].isalpha()}))


def parse_surfaces(text: str | None) -> frozenset[str]:
    """The names in a comma-separated list; all for None, none for an empty text. Raises ValueError for a name that is no compatibility
    surface."""
    known = compatibility_surfaces()
    if text is None:
        return frozenset(known)
    names = frozenset(name.strip() for name in text.split(",") if name.strip())
    if unknown := sorted(names - set(known)):
        raise ValueError(
            f"{', '.join(unknown)}: there is no such compatibility surface; allowed are {', '.join(known)}, or nothing for none"
        )
    return names


class SurfaceSettings(EnvironmentSettings):
    """Which compatibility surfaces are on. `/v1` and native gRPC always are."""

    surfaces: str | None = Field(None, description=DESCRIPTION)

    @field_validator("surfaces")
    @classmethod
    def _are_known(cls, text: str | None) -> str | None:
        parse_surfaces(text)
        return text

    @property
    def offered_surfaces(self) -> frozenset[str]:
        """The names of those that are on."""
        return parse_surfaces(self.surfaces)
