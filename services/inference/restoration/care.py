"""How readily something is taken for damage."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Care:
    """How readily something is taken for damage."""

    contrast: float = 1.0
    """Factor of the least contrast."""
    crowd: float = 1.0
    sure: float = 1.0
    """Factor of the length without which a photograph counts as undamaged."""
    crease: float = 30.0
    """Levels by which a crease is brighter than its sides."""
    doubt: float = 0.0
    """Added to the logarithm of the odds that a line must have to be taken for a scratch."""


CAREFUL, USUAL, EAGER = Care(1.4, 0.7, 1.3, 45, 0.75), Care(), Care(0.75, 1.6, 0.5, 24, -0.75)
