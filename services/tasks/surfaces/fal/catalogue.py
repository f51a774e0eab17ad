"""The models of this surface: two of its own, and every operation of the platform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from services.pictures.operations import OperationSpec, specs
from services.platform.errors import DarkroomError, ErrorReason

OWNER = "darkroom"
"""May stand before the name of any model."""
TEXT_TO_IMAGE = "z-image-text-to-image"
IMAGE_EDIT = "z-image-image-edit"


@dataclass(frozen=True, slots=True)
class Model:
    """One model."""

    name: str
    operation: OperationSpec | None
    """None for the models of this surface's own."""


@cache
def models() -> Mapping[str, Model]:
    """Every model by its name, with hyphens."""
    own = {name: Model(name, None) for name in (TEXT_TO_IMAGE, IMAGE_EDIT)}
    operations = {name.replace("_", "-"): spec for name, spec in specs().items()}
    return MappingProxyType({**own, **{name: Model(name, spec) for name, spec in operations.items()}})


def model(path: str) -> Model:
    """The model that a path names: `remove-background`, `remove_background` or `darkroom/remove-background`. Raises ROUTE_NOT_FOUND."""
    found = models().get(path.removeprefix(f"{OWNER}/").replace("_", "-"))
    if found is None:
        known = ", ".join(name for name, one in models().items() if one.operation is None or not one.operation.diagnostic)
        raise DarkroomError(ErrorReason.ROUTE_NOT_FOUND, f"There is no model {path[:100]!r}. The models are {known}.")
    return found
