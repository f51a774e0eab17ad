"""The claims of content credentials: where a picture comes from, and what each operation of a task has done to it, by which models."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from models.catalogue import load_catalogue
from models.contract import DRAWING_JOBS
from services.pictures.operations import OperationSpec
from services.platform.version import version

CREATED, PLACED = "created", "placed"
"""The actions of a picture that was not there before, and of one that was put together of others."""
_SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED, DRAWN, CORRECTED = "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicallyEnhanced"
COMPUTED, COMPOSITE = "algorithmicMedia", "composite"
_MOST_ACTIONS = 100
MOST_INGREDIENTS = 50


@dataclass(frozen=True, slots=True)
class Deed:
    """The part of an operation in a result."""

    operation: str
    action: str
    """As `credential_action` of the operation."""
    models: tuple[str, ...] = ()
    """Those that worked on it, in order."""

    @classmethod
    def of(cls, spec: OperationSpec, models: Collection[str]) -> Deed:
        """That of an operation that has used these models."""
        return cls(spec.name, spec.credential_action, tuple(models))

    @property
    def source_type(self) -> str:
        """IPTC's digital source type of the result; empty where no model had a part in it."""
        if self.action == CREATED:
            return GENERATED if self.models else COMPUTED
        if not self.models:
            return ""
        return DRAWN if any(map(draws, self.models)) else CORRECTED


@dataclass(frozen=True, slots=True)
class Ingredient:
    """A picture that another was made of."""

    id: str
    """Unique in the manifest."""
    name: str
    media_type: str
    relationship: str
    """`parentOf` or `componentOf`."""

    @property
    def definition(self) -> dict[str, Any]:
        """In the form of the library."""
        return {
            "title": self.name,
            "format": self.media_type,
            "relationship": self.relationship,
            "label": self.id,
            "instance_id": f"xmp:iid:{self.id}",
        }


@cache
def _jobs() -> Mapping[str, str]:
    found = load_catalogue()
    return {name: model.job for name, model in found.models.items()}


def draws(model: str) -> bool:
    """Whether what a model gives becomes pixels of the picture, by its job in the catalogue; one that is not in it counts as if."""
    return _jobs().get(model) in (None, *DRAWING_JOBS)


def definition(name: str, media_type: str, deeds: Sequence[Deed], ingredients: Sequence[Ingredient]) -> dict[str, Any]:
    """The manifest of a result, in the form of the library. The first ingredient may be the parent; the others are parts."""
    generator = {"name": "Darkroom", **({"version": version()} if version() else {})}
    actions = [*_origin(deeds, ingredients), *(_action(deed) for deed in deeds if deed.action != CREATED)][:_MOST_ACTIONS]
    parts = [each.id for each in ingredients if each.relationship == "componentOf"]
    for action in actions:
        if action["action"] == f"c2pa.{PLACED}":
            if parts:
                action["parameters"] = {"ingredientIds": parts}
            else:
                action["action"] = "c2pa.edited"
    return {
        "claim_generator_info": [generator],
        "title": name,
        "format": media_type,
        "assertions": [
            {"label": "c2pa.actions.v2", "created": True, "data": {"actions": actions, "allActionsIncluded": len(deeds) < _MOST_ACTIONS}}
        ],
    }


def _origin(deeds: Sequence[Deed], ingredients: Sequence[Ingredient]) -> list[dict[str, Any]]:
    """The first action, which every manifest begins with: `opened` or `created`."""
    parents = [each.id for each in ingredients if each.relationship == "parentOf"]
    if parents:
        return [{"action": "c2pa.opened", "parameters": {"ingredientIds": parents}}]
    created = next((deed for deed in deeds if deed.action == CREATED), None)
    if created is not None:
        return [_action(created)]
    return [{"action": f"c2pa.{CREATED}", "digitalSourceType": _SOURCE_TYPES + COMPOSITE}]


def _action(deed: Deed) -> dict[str, Any]:
    said: dict[str, Any] = {"action": f"c2pa.{deed.action}", "description": deed.operation}
    if deed.source_type:
        said["digitalSourceType"] = _SOURCE_TYPES + deed.source_type
    if deed.models:
        said["softwareAgent"] = {"name": ", ".join(deed.models)}
    return said
