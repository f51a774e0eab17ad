"""Turn and mirror."""

from __future__ import annotations

import dataclasses
import math

import cv2
import pyvips

from darkroom.operations.v1.rotate_pb2 import Rotate
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image, Pixels
from services.inference.plain.canvas import prepare_canvas
from services.inference.plain.graph import Work, compute, graph_of, premultiply, straight
from services.inference.plain.layout import COPIES_OF_RESULT
from services.pictures.geometry import rotated_size

_QUARTERS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
_FLIPS = {(True, False): 1, (False, True): 0, (True, True): -1}
"""OpenCV's codes, by whether left and right, and top and bottom, are swapped."""


def turn(image: Image, parameters: Rotate, work: Work) -> Image:
    """The picture turned clockwise, then mirrored. Quarter turns and mirroring only move samples."""
    angle = parameters.angle % 360
    if angle % 90:
        image = _askew(image, parameters, work)
        quarter = None
    else:
        quarter = _QUARTERS.get(int(angle))
    flip = _FLIPS.get((parameters.mirror_horizontally, parameters.mirror_vertically))
    if quarter is None and flip is None:
        return image
    alpha = None if image.alpha is None else _moved(image.alpha[..., None], quarter, flip)[..., 0]
    return image.replace(pixels=_moved(image.pixels, quarter, flip), alpha=alpha)


def _moved(samples: Pixels, quarter: int | None, flip: int | None) -> Pixels:
    """Height x width x channels samples after a quarter turn and mirroring, in memory of their own."""
    channels = samples.shape[2]
    if quarter is not None:
        samples = cv2.rotate(samples, quarter)  # type: ignore[assignment]  # of the same type as before
    if flip is not None:
        samples = cv2.flip(samples, flip)  # type: ignore[assignment]
    # OpenCV drops a channel axis of length one.
    return samples.reshape(*samples.shape[:2], channels)


def _askew(image: Image, parameters: Rotate, work: Work) -> Image:
    """The picture turned about its middle on a canvas that holds all of it, by bicubic interpolation."""
    width, height = rotated_size(parameters, image.width, image.height)
    image, background = prepare_canvas(image, parameters.background)
    across, down = math.cos(math.radians(parameters.angle)), math.sin(math.radians(parameters.angle))
    # libvips counts from the middles of pixels, so the middle of a picture is at half of one less than its sides.
    x, y = (image.width - 1) / 2, (image.height - 1) / 2
    graph = premultiply(graph_of(image), image).affine(
        [across, -down, down, across],
        interpolate=pyvips.Interpolate.new("bicubic"),
        oarea=[0, 0, width, height],
        odx=(width - 1) / 2 - (across * x - down * y),
        ody=(height - 1) / 2 - (down * x + across * y),
        extend="background",
        background=background,
        premultiplied=True,
    )
    return compute(straight(graph, image), image, work)


def peak_memory(picture: Header, parameters: Rotate) -> int:
    """Bytes at the peak."""
    width, height = rotated_size(parameters, picture.width, picture.height)
    return picture.samples_bytes + dataclasses.replace(picture, width=width, height=height, channels=4).samples_bytes * COPIES_OF_RESULT


def run(image: Image, parameters: Rotate, step: PlainStep) -> Image:
    """The picture turned, then mirrored."""
    step.result_limits.check(*rotated_size(parameters, image.width, image.height), "The result")
    step.label("rotated")
    return turn(image, parameters, Work(step.folder, step.check))
