"""Where the positions that operations know are."""

from __future__ import annotations

from collections.abc import Mapping

from darkroom.operations.v1.placement_pb2 import (
    POSITION_BOTTOM,
    POSITION_BOTTOM_LEFT,
    POSITION_BOTTOM_RIGHT,
    POSITION_LEFT,
    POSITION_RIGHT,
    POSITION_TOP,
    POSITION_TOP_LEFT,
    POSITION_TOP_RIGHT,
    Position,
)

SHARES: Mapping[Position.ValueType, tuple[float, float]] = {
    POSITION_TOP_LEFT: (0, 0),
    POSITION_TOP: (0.5, 0),
    POSITION_TOP_RIGHT: (1, 0),
    POSITION_LEFT: (0, 0.5),
    POSITION_RIGHT: (1, 0.5),
    POSITION_BOTTOM_LEFT: (0, 1),
    POSITION_BOTTOM: (0.5, 1),
    POSITION_BOTTOM_RIGHT: (1, 1),
}
"""How much of the room that is over lies to the left, and above; a half each where nothing is said."""
