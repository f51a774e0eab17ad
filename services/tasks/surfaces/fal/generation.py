"""The models `z-image-…` as operations: pictures of the nearest shape that the generating operation makes, brought to the exact size."""

from __future__ import annotations

from math import log

from buf.validate import validate_pb2

from darkroom.operations.v1 import operation_pb2, placement_pb2, resize_pb2
from services.tasks.surfaces.fal.models import ZImage

_CLASSES = (("0.5K", 0.25), ("1K", 1.0), ("2K", 4.0))
"""Size classes of the generating operations, with the mebipixels that each has at most; larger pictures are of the last one."""
_LARGEST_CLASS = "4K"


def z_image(asked: ZImage, operation: str) -> list[operation_pb2.Operation]:
    """The steps that make the pictures with `operation`."""
    made = operation_pb2.Operation()
    parameters = getattr(made, operation)
    parameters.prompt = asked.prompt
    parameters.negative_prompt = asked.negative_prompt or ""
    parameters.count = asked.batch_size or 1
    if asked.width is None or asked.height is None:
        return [made]
    parameters.aspect_ratio = nearest_ratio(asked.width, asked.height, _ratios(parameters))
    parameters.resolution = size_class(asked.width, asked.height)
    exact = resize_pb2.Resize(width=asked.width, height=asked.height, fit=placement_pb2.FIT_CROP)
    return [made, operation_pb2.Operation(resize=exact)]


def nearest_ratio(width: int, height: int, ratios: list[str]) -> str:
    """The one that has to be cropped least."""
    return min(ratios, key=lambda ratio: abs(log(width / height) - log(_quotient(ratio))))


def size_class(width: int, height: int) -> str:
    """The smallest with at least as many pixels."""
    return next((name for name, mebipixels in _CLASSES if width * height <= mebipixels * 2**20), _LARGEST_CLASS)


def _ratios(parameters: object) -> list[str]:
    """The aspect ratios that an operation has."""
    field = parameters.DESCRIPTOR.fields_by_name["aspect_ratio"]  # type: ignore[attr-defined]
    allowed = getattr(field.GetOptions().Extensions[validate_pb2.field].string, "in")
    return [ratio for ratio in allowed if ":" in ratio]


def _quotient(ratio: str) -> float:
    width, _, height = ratio.partition(":")
    return int(width) / int(height)
