"""Seams: steps along the lines where tiles meet, which a picture does not have beside them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from services.inference.config import InferenceSettings
from services.inference.upscaling.fitting import TileModel
from services.inference.upscaling.tiling import Grid

Grey = np.ndarray[Any, np.dtype[np.float64]]
# A step is looked for along lines of so many pixels, of which half must have it: noise has a mean of none, and no edge of the picture is
# as long as the picture itself.
_LINE = 16
# Pixels from the border within which it is looked for, and those that are compared with.
_NEAR, _FROM, _TO = 4, 16, 64
# Times the steps of the neighbourhood. Photographs have up to 1.3 there, and a step of two levels of 255 has 2.5 and more.
_TOO_MUCH = 1.8


def borders(size: int, factor: int) -> Sequence[int]:
    """Where tiles meet in one direction of a picture that was enlarged from `size` pixels."""
    model = {field.name: field.default for field in dataclasses.fields(TileModel)}
    tile = InferenceSettings.model_fields["upscale_tile"].default
    grid = Grid.over(size, size, tile=tile, margin=model["margin"], fade=model["fade"])
    return [factor * ((span.fade_start + span.fade_stop) // 2 - grid.margin) for span in grid.columns[1:]]


def seams(grey: Grey, at: Sequence[int]) -> list[int]:
    """Which of the columns have a step between them and the one before that is no part of the picture."""
    change = np.diff(grey, axis=1)
    # How much more the brightness changes here than on both sides.
    step = change[:, 1:-1] - (change[:, :-2] + change[:, 2:]) / 2
    lines = len(step) // _LINE
    of_lines = step[: lines * _LINE].reshape(lines, _LINE, -1).mean(axis=1)
    steps = np.median(np.abs(of_lines), axis=0)
    return [column for column in at if _stands_out(steps, column)]


def _stands_out(steps: Grey, column: int) -> bool:
    # The step into a column has the index of two columns before it, the first of all having no neighbour.
    here = column - 2
    around = np.concatenate([steps[here - _TO : here - _FROM], steps[here + _FROM + 1 : here + _TO + 1]])
    return bool(steps[here - _NEAR : here + _NEAR + 1].max() > _TOO_MUCH * np.percentile(around, 95))
