"""Crops of all frames to one window, where each of them would otherwise be cropped to what draws the eye in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

from darkroom.operations.v1.crop_pb2 import Crop
from darkroom.operations.v1.placement_pb2 import FIT_CROP, FIT_FILL, POSITION_SMART
from darkroom.operations.v1.resize_pb2 import Resize
from services.inference.media import Image
from services.inference.moving.in_order import in_order
from services.inference.moving.looking import SAMPLE, after_looking, middle_area
from services.inference.moving.model import Frame
from services.inference.plain.layout import area_kept, part
from services.pictures.geometry import Area, Size
from services.pictures.result_size import fitting


def looks_for_window(parameters: Resize | Crop) -> bool:
    """Whether what it keeps of a picture depends on what the picture shows."""
    crops = parameters.fit == FIT_CROP if isinstance(parameters, Resize) else bool(parameters.aspect_ratio)
    return crops and parameters.position == POSITION_SMART


def cropped_alike(frames: AsyncIterator[Frame], parameters: Resize | Crop, folder: Path, at_once: int) -> AsyncIterator[Frame]:
    """Every frame cropped to the window that suits them all; a resize still has to scale it."""
    return after_looking(frames, folder, at_once, lambda image: area_kept(image, parameters), middle_area, part, sample=SAMPLE)


async def resized_alike(
    frames: AsyncIterator[Frame], parameters: Resize, folder: Path, at_once: int, resize: Callable[[Image, Resize], Awaitable[Image]]
) -> AsyncIterator[Frame]:
    """Every frame cropped to one window, and what `resize` makes of it with a resize that only scales."""
    results: list[Size] = []

    def look(image: Image) -> Area:
        if not results:
            results.append(fitting(parameters, image.width, image.height).result)
        return area_kept(image, parameters)

    async def scaled(frame: Frame) -> Frame:
        width, height = results[0]
        return Frame(await resize(frame.image, Resize(width=width, height=height, fit=FIT_FILL)), frame.microseconds)

    cropped = after_looking(frames, folder, at_once, look, middle_area, part, sample=SAMPLE)
    async with aclosing(in_order(cropped, scaled, at_once)) as made:
        async for frame in made:
            yield frame
