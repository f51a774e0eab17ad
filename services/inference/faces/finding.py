"""How sure one has to be that something is a face."""

from __future__ import annotations

_SENSITIVITY = 0.5
_MOST, _LEAST = 0.8, 0.2  # score needed at the lowest sensitivity and the highest


def least_score(sensitivity: float | None) -> float:
    """The score of a `Mesh` from which it counts as a face, for a sensitivity from 0 to 1; None: 0.5, which needs a score of 0.5."""
    return _MOST + (_LEAST - _MOST) * (_SENSITIVITY if sensitivity is None else sensitivity)
