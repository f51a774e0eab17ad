"""The traits of picture files, and the numbers that a file with some of them holds."""

from __future__ import annotations

import io
from collections.abc import Collection, Set
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyvips
from PIL import Image, ImageCms

from tests.unit.imaging.pictures import gray_profile, photo, wide_gamut_profile
from tests.unit.imaging.rare_files import light_of

Samples = npt.NDArray[Any]
HEIGHT, WIDTH = 48, 72
FAR = 8
"""Levels, on the mean, that inks and recordings are off what they show."""
_GAMMA = 1.8


class Trait(StrEnum):
    """A trait that a file may have besides its format."""

    TURNED = "turned"
    P3 = "Display P3"
    GRAY = "gray with a gamma"
    INKS = "CMYK"
    ALPHA = "alpha"
    DEEP = "16 bits"
    FLOAT = "float"
    FRAMES = "frames"
    PAGES = "pages"
    CUT_30 = "cut at 30 %"
    CUT_70 = "cut at 70 %"
    CUT_99 = "cut at 99 %"
    NO_END = "no end"
    JUNK = "bytes behind the end"


CUTS = {Trait.CUT_30: 30, Trait.CUT_70: 70, Trait.CUT_99: 99}
ENDS = frozenset({*CUTS, Trait.NO_END, Trait.JUNK})
SEVERAL = frozenset({Trait.FRAMES, Trait.PAGES})
_EXCLUSIVE = (frozenset({Trait.P3, Trait.GRAY, Trait.INKS}), frozenset({Trait.DEEP, Trait.FLOAT}), SEVERAL, ENDS)
Traits = Set[Trait]


def fit(traits: Collection[Trait]) -> bool:
    """Whether one file can have these traits."""
    return len(set(traits)) == len(traits) and all(len(kind.intersection(traits)) < 2 for kind in _EXCLUSIVE)


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A file, and what must be read from it, upright: by another reader, or the numbers that were put into it."""

    content: bytes
    pixels: Samples
    """Height x width x 1 or 3, uint8 or uint16, in the file's own encoding."""
    alpha: Samples | None = None
    icc: bytes | None = None
    most: float = 0
    """Most levels, of 255, that a sample of a visible pixel may be off."""
    least_opacity: int = 1
    """Of 255: what is less visible has colours without meaning, or in few steps."""
    near: float | None = 2
    """Mean of levels that it may be off the scene on the screen; None if it shows something else."""
    parts: int = 1
    """Frames or pages that are counted."""
    said: str = ""
    """Part of the note that must come with it."""


@cache
def scene() -> npt.NDArray[np.uint8]:
    """The picture that every file shows, in sRGB."""
    return np.ascontiguousarray(photo(4 * HEIGHT, 4 * WIDTH)[::4, ::4])


@cache
def scene_light() -> npt.NDArray[np.float32]:
    """The same in linear light."""
    return light_of(scene())


@cache
def opacity() -> npt.NDArray[np.uint8]:
    """From clear on the left to opaque on the right."""
    return np.tile(np.linspace(0, 255, WIDTH).round().astype(np.uint8), (HEIGHT, 1))


def visible(traits: Traits) -> npt.NDArray[np.uint8]:
    """The scene as a file with these traits shows it: in gray, if it has no colours."""
    return np.repeat(scene()[..., 1:2], 3, axis=2) if Trait.GRAY in traits else scene()


def profile_of(traits: Traits) -> bytes | None:
    """The profile that describes the numbers."""
    if Trait.P3 in traits:
        return wide_gamut_profile()
    if Trait.GRAY in traits:
        return gray_profile(_GAMMA)
    return inks_profile() if Trait.INKS in traits else None


@cache
def inks_profile() -> bytes:
    """The CMYK profile that libvips carries."""
    return bytes(pyvips.Image.profile_load("cmyk"))


@cache
def _in_p3() -> npt.NDArray[np.uint8]:
    return _converted(scene(), "RGB", None, wide_gamut_profile(), "RGB")


@cache
def inks() -> npt.NDArray[np.uint8]:
    """The scene in CMYK: 255 is full ink."""
    return _converted(scene(), "RGB", None, inks_profile(), "CMYK")


@cache
def seen_of_inks() -> npt.NDArray[np.uint8]:
    """These inks in sRGB, by Little CMS through Pillow."""
    return _converted(inks(), "CMYK", inks_profile(), None, "RGB")


def _converted(pixels: Samples, mode: str, source: bytes | None, target: bytes | None, into: str) -> npt.NDArray[np.uint8]:
    profiles = [ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB") if each is None else io.BytesIO(each)) for each in (source, target)]
    picture = Image.frombytes(mode, (WIDTH, HEIGHT), np.ascontiguousarray(pixels).tobytes())
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    made = ImageCms.profileToProfile(picture, profiles[0], profiles[1], renderingIntent=intent, outputMode=into)
    assert made is not None
    return np.asarray(made)


def numbers(traits: Traits) -> Samples:
    """The scene in the encoding of the profile: height x width x 1, 3 or 4 (inks), of 8 bits, or of 16 of which all are used."""
    if Trait.INKS in traits:
        return inks()
    if Trait.GRAY in traits:
        light = light_of(scene()[..., 1:2]).astype(np.float64)
        found = np.rint(255 * light ** (1 / _GAMMA)).astype(np.uint8)
    else:
        found = _in_p3() if Trait.P3 in traits else scene()
    return deepened(found) if Trait.DEEP in traits else found


def deepened(samples: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    """With 16 bits; the lower eight are not those of a number that was only widened."""
    low = np.arange(samples.shape[1], dtype=np.uint16) * np.uint16(3)
    return samples.astype(np.uint16) * np.uint16(256) + low.reshape(1, -1, *[1] * (samples.ndim - 2))


def widened(samples: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    """With 16 bits, 255 becoming 65,535."""
    return samples.astype(np.uint16) * np.uint16(257)


def opacity_of(traits: Traits) -> Samples | None:
    """The opacity, in the bits of the numbers; None without alpha."""
    if Trait.ALPHA not in traits:
        return None
    return widened(opacity()) if Trait.DEEP in traits else opacity()


def stored(samples: Samples, traits: Traits) -> Samples:
    """How a file with orientation 6 stores what must be shown upright."""
    return np.ascontiguousarray(np.rot90(samples) if Trait.TURNED in traits else samples)


def joined(pixels: Samples, alpha: Samples | None) -> Samples:
    """Pixels and their opacity in one array."""
    return pixels if alpha is None else np.concatenate([pixels, alpha[..., None]], axis=2)


def other_scene() -> npt.NDArray[np.uint8]:
    """A further frame or page, which nobody must see."""
    return np.ascontiguousarray(255 - scene()[::-1])
