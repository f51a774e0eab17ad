"""The colours of video frames as sRGB of 8 bits."""

from __future__ import annotations

from typing import cast

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from services.inference.media.colour import Pixels, to_8bit
from services.inference.moving.leaving import Samples
from services.inference.moving.reading.wide_colour import fitted, is_wide

_FLAGS = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.BITEXACT
_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}
"""By the numbers of ITU-T H.273."""
_LARGEST_OF_601 = 1280, 576
"""Pixels of a frame of which no file says otherwise: larger ones are high definition, with another matrix."""


class Conversion:
    """Converts frames to one size."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._reformatter = VideoReformatter()

    def samples(self, frame: VideoFrame) -> tuple[Samples, Samples | None]:
        """Pixels, height x width x 3, and alpha, if the frame has any."""
        has_alpha = any(component.is_alpha for component in frame.format.components)
        width, height = self._size
        wide = is_wide(frame.color_trc, frame.color_primaries)
        depth = "64le" if has_alpha and wide else "48le" if wide else "" if has_alpha else "24"
        converted = self._reformatter.reformat(
            frame,
            width,
            height,
            f"rgb{'a' if has_alpha else ''}{depth}",
            src_colorspace=_matrix(frame),
            src_color_range=ColorRange.JPEG if frame.color_range == ColorRange.JPEG else ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
            interpolation=_FLAGS,
            threads=1,
        )
        samples = converted.to_ndarray()
        alpha = to_8bit(cast(Pixels, samples[..., 3])) if has_alpha else None
        if wide:
            return fitted(samples[..., :3].astype(np.uint16, copy=False), frame.color_trc, frame.color_primaries), alpha
        return samples[..., :3].astype(np.uint8, copy=False), alpha


def _matrix(frame: VideoFrame) -> Colorspace:
    wide, high = _LARGEST_OF_601
    usual = Colorspace.ITU709 if frame.width >= wide or frame.height > high else Colorspace.ITU601
    return _MATRICES.get(frame.colorspace, usual)
