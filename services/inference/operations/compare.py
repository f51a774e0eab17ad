"""Compare two pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from darkroom.operations.v1.compare_pb2 import Compare
from services.inference.contract.flow import Data, NewFile, Several, WholeFile
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Effort, Header, Image, Saving, encode_into
from services.inference.media.colour import array_from_vips, strips, to_8bit, vips_from_array
from services.inference.media.scaling import scale
from services.pictures.media_format import MediaFormat
from services.platform.errors import DarkroomError, ErrorReason

_SHOWN = 10
"""Mean difference of channels above which a pixel is shown as different."""
_STEEPNESS, _FADED = 3, 128


def similarity_and_difference(
    one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]
) -> tuple[float, npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Per cent, and a picture that shows where they differ: its colours and its alpha. Both are height × width × 3."""
    colour, alpha = np.empty_like(one), np.empty(one.shape[:2], np.uint8)
    total = 0
    for rows in strips(one.shape[0]):
        differences = np.abs(one[rows].astype(np.int16) - other[rows]).sum(axis=2)
        total += int(differences.sum())
        mean = differences / 3
        differs = mean > _SHOWN
        colour[rows] = np.where(differs[..., None], np.array((255, 0, 0), np.uint8), one[rows])
        alpha[rows] = np.where(differs, np.minimum(255, np.rint(mean * _STEEPNESS)), _FADED)
    return round(100 - total / 3 / (one.shape[0] * one.shape[1]) / 255 * 100, 2), colour, alpha


_BYTES = 20  # a pixel of the larger size: both pictures, original and stretched, and the picture of the difference
_PNG = Saving(MediaFormat.PNG, effort=Effort.USUAL, keep_metadata=False, compact=True)


def peak_memory(pictures: Sequence[Header], _parameters: Compare) -> int:
    """Bytes at the peak."""
    return max(picture.width for picture in pictures) * max(picture.height for picture in pictures) * _BYTES if pictures else 0


def run(files: Sequence[WholeFile], _parameters: Compare, step: PlainStep) -> Several:
    """How alike they are, and a picture of where they are not. Raises FIELD_INVALID for one file alone, and as `WholeFile.image`."""
    if len(files) < 2:
        raise DarkroomError(ErrorReason.FIELD_INVALID, "input_file_ids: compare needs two pictures.", field="input_file_ids")
    pictures = [file.image()[0].srgb() for file in (files[0], files[-1])]
    width, height = max(each.shape[1] for each in pictures), max(each.shape[0] for each in pictures)
    step.result_limits.check(width, height, "The comparison")
    step.check()
    stretched = [to_8bit(array_from_vips(scale(vips_from_array(each), (width, height)))) for each in pictures]
    similarity, colour, alpha = similarity_and_difference(stretched[0], stretched[1])
    target = step.folder / "diff"
    encode_into(target, Image(colour, alpha), _PNG)
    step.label("comparison")
    difference = NewFile(target, "image/png", "png", name="diff.png", width=width, height=height)
    return Several(Data({"similarity": similarity, "dimensions": {"width": width, "height": height}}), [difference])
