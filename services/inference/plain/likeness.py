"""Pictures that show the same: difference hashes (Neal Krawetz, "Kind of Like That", 2013), along rows and along columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.inference.media import Image
from services.inference.media.colour import array_from_vips, vips_from_array
from services.inference.media.scaling import scaled

BITS = 128
_SIDE = 8


@dataclass(frozen=True, slots=True)
class Known:
    """The facts about a picture."""

    hash: int
    """See `hash_of`."""
    pixels: int
    size: int
    """Bytes of its file."""


def hash_of(image: Image) -> int:
    """64 bits that say where a pixel is lighter than the next one of its row, and 64 for columns."""
    gray = vips_from_array(image.srgb()).colourspace("b-w")
    across = array_from_vips(scaled(gray, (_SIDE + 1, _SIDE)))[..., 0].astype(int)
    down = array_from_vips(scaled(gray, (_SIDE, _SIDE + 1)))[..., 0].astype(int)
    bits = np.concatenate([(across[:, :-1] > across[:, 1:]).ravel(), (down[:-1] > down[1:]).ravel()])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def distance(one: int, other: int) -> int:
    """How many bits differ."""
    return (one ^ other).bit_count()


def groups(pictures: Sequence[Known], threshold: int) -> Sequence[Sequence[int]]:
    """The indices of pictures that are alike, each group in order. A picture joins the first group whose first picture it is alike to."""
    found: list[list[int]] = []
    for index, picture in enumerate(pictures):
        near = (group for group in found if distance(pictures[group[0]].hash, picture.hash) <= threshold)
        group = next(near, None)
        if group is None:
            found.append([index])
        else:
            group.append(index)
    return [group for group in found if len(group) > 1]


def best(pictures: Sequence[Known], group: Sequence[int]) -> int:
    """The one with the most pixels, then the largest file, then the first."""
    return max(group, key=lambda index: (pictures[index].pixels, pictures[index].size, -index))
