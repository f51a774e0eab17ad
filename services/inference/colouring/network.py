"""Colours by the network that the operator has installed."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.contract.step import Step
from services.inference.media import Image
from services.inference.media.colour import as_deep_as, between, strips
from services.inference.model_server.choice import DDCOLOR, Choice, choose_network

SIDE = 512
"""Height and width in pixels of what the network sees."""
_ONE, _ZERO = 128, 1 << 15  # codes of the contract of `models/contract.py`: CHROMA_ONE, CHROMA_ZERO
_STRIP = 256

Chroma = npt.NDArray[np.float32]
"""512 x 512 x 2: a* and b*."""


def network_input(image: Image) -> npt.NDArray[np.uint8]:
    """uint8 [1, 512, 512, 3]: the picture's lightness, as gray in sRGB."""
    small = cv2.resize(image.srgb(), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    lab[..., 1:] = 0
    gray = cv2.cvtColor(lab, cv2.COLOR_Lab2RGB)
    return np.asarray(np.rint(np.clip(gray, 0, 1) * 255), np.uint8)[None]


def read(codes: npt.NDArray[np.uint8]) -> Chroma:
    """The network's output: uint8 [1, 512, 512, 4]."""
    parts = codes[0].astype(np.float32)
    return np.asarray((parts[..., :2] * 256 + parts[..., 2:] - _ZERO) / _ONE, np.float32)


def apply_chroma(image: Image, chroma: Chroma, intensity: float, check: Callable[[], None]) -> Image:
    """The picture with this chroma times `intensity`, in sRGB, with its own bits, alpha and lightness: except for colours that sRGB does
    not have, which are cut off. `check` is called again and again, and raises to stop."""
    pixels = between(image.pixels, image.icc, None)
    result = np.empty_like(pixels)
    full = np.float32(image.maximum if pixels.dtype == np.uint16 else 255)
    for rows in strips(image.height, _STRIP):
        check()
        lab = cv2.cvtColor(pixels[rows].astype(np.float32) / full, cv2.COLOR_RGB2Lab)
        lab[..., 1:] = _enlarged(chroma, image.width, image.height, rows) * np.float32(intensity)
        rgb = cv2.cvtColor(lab, cv2.COLOR_Lab2RGB)
        result[rows] = np.rint(np.clip(rgb, 0, 1) * full)
    alpha = None if image.alpha is None else as_deep_as(result, image.alpha)
    return dataclasses.replace(image, pixels=result, alpha=alpha, icc=None)


def _enlarged(chroma: Chroma, width: int, height: int, rows: slice) -> Chroma:
    """These rows of the chroma at the picture's size: bilinear, on centres of pixels."""
    columns = (np.arange(width, dtype=np.float32) + 0.5) * SIDE / width - 0.5
    lines = (np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5) * SIDE / height - 0.5
    across, down = np.meshgrid(columns, lines)
    return np.asarray(cv2.remap(chroma, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


async def choose(step: Step) -> Choice | None:
    """The model that the operator has named, or `ddcolor`, if it is there. As `choose_network`."""
    return await choose_network(step.tools.triton, step.tools.models.colorize, (DDCOLOR,))


async def with_colours(image: Image, network: Choice, intensity: float, step: Step) -> Image:
    """The picture with colours by a network, which a notice names. Raises as `Triton.infer`."""
    codes = await step.tools.triton.infer(network.name, await asyncio.to_thread(network_input, image))
    result = await asyncio.to_thread(lambda: apply_chroma(image, read(codes), intensity, step.check))
    message = f"The colours are from {network.name} on a {network.device.value}."
    step.notice("model_used", "", message, {"model": network.name, "device": network.device.name.lower()})
    return result
