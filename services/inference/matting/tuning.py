"""Assumptions about a subject's edges, by kind of subject; chosen with `benchmarks/quality/remove_background.py`."""

from __future__ import annotations

from dataclasses import dataclass

from darkroom.operations.v1.remove_background_pb2 import SUBJECT_PRODUCT, Subject


@dataclass(frozen=True, slots=True)
class Tuning:
    """How far the picture's colours may overrule the model at edges. Lengths are in pixels of the model's 1024 x 1024 alpha."""

    radius: int
    """The radius of the windows in which opacity is taken to be linear in colour: wide ones follow hair, narrow ones keep to an outline."""
    softness: float
    """How much a wide zone of doubt is treated as hair, where the colours alone decide: 0 not at all, 1 fully."""


PORTRAIT = Tuning(radius=12, softness=1)
PRODUCT = Tuning(radius=5, softness=0)


def of_subject(subject: Subject.ValueType) -> Tuning:
    """The assumptions for what a request says that the picture shows."""
    return PRODUCT if subject == SUBJECT_PRODUCT else PORTRAIT
