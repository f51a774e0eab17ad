"""Turn and mirror."""

from __future__ import annotations

import dataclasses
import math

import pyvips

from darkroom.operations.v1.rotate_pb2 import Rotate
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image
from services.inference.media.turning import FLIPS, turn_samples
from services.inference.plain.canvas import prepare_canvas
from services.inference.plain.graph import Work, compute, graph_of, premultiply, straight
from services.inference.plain.layout import COPIES_OF_RESULT
from services.pictures.geometry import rotated_size


def turn(image: Image, parameters: Rotate, work: Work) -> Image:
    """The picture turned clockwise, then mirrored. Quarter turns and mirroring only move samples."""
    angle = parameters.angle % 360
    if angle % 90:
        image = _askew(image, parameters, work)
        angle = 0
    flip = FLIPS.get((parameters.mirror_horizontally, parameters.mirror_vertically))
    if not angle and flip is None:
        return image
    alpha = None if image.alpha is None else turn_samples(image.alpha[..., None], int(angle), flip)[..., 0]
    return image.replace(pixels=turn_samples(image.pixels, int(angle), flip), alpha=alpha)


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
