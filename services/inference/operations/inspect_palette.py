"""Find the main colours of a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from darkroom.operations.v1.inspect_palette_pb2 import InspectPalette
from services.inference.contract.flow import Data
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image
from services.inference.media.colour import array_from_vips, vips_from_array
from services.inference.media.scaling import scale

_SIDE = 50
_STEP = 16
_NEAR = 48
"""Sum of the differences of channels below which a colour is left out."""


def main_colours(image: Image, most: int) -> Sequence[str]:
    """At most so many, the most frequent one first, as `#rrggbb`."""
    seen = array_from_vips(scale(vips_from_array(image.srgb()), (_SIDE, _SIDE))).reshape(-1, 3).astype(int)
    rounded = np.minimum(255, (seen + _STEP // 2) // _STEP * _STEP)
    colours, first, counts = np.unique(rounded, axis=0, return_index=True, return_counts=True)
    chosen: list[np.ndarray] = []
    # If colours are equally frequent, the first one in the picture comes first.
    for number in np.lexsort((first, -counts)):
        if len(chosen) == most:
            break
        if all(np.abs(colours[number] - other).sum() >= _NEAR for other in chosen):
            chosen.append(colours[number])
    return ["#{:02x}{:02x}{:02x}".format(*colour) for colour in chosen]


_COPIES = 3  # of the decoded samples: the picture, and it in sRGB
_USUAL = 8


def peak_memory(picture: Header, _parameters: InspectPalette) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES)


def run(image: Image, parameters: InspectPalette, step: PlainStep) -> Data:
    """The colours."""
    step.label("palette")
    colours = main_colours(image, parameters.colors or _USUAL)
    return Data({"colors": colours, "count": len(colours)})
