"""The frames of an animation or a video and its facts, and how one is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from services.inference.media import Image
from services.pictures.media_format import MediaFormat


@dataclass(frozen=True, slots=True)
class Facts:
    """An animation or a video, as its headers have it."""

    format: MediaFormat
    width: int
    height: int
    """Pixels of a frame, upright and with square pixels."""
    frames: int
    """How many there are; 0 if only reading all would tell."""
    milliseconds: int
    """How long it takes to show it once; 0 if unknown."""
    loop: int = 0
    """How many times an animation is shown; 0: forever. A video is shown once, and this is 0."""
    alpha: bool = False
    """Whether frames may be transparent."""
    sound: bool = False
    notes: tuple[str, ...] = ()
    """Sentences for the user about what is not read."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture, and how long it is shown."""

    image: Image
    """sRGB, 8 bits, upright, three channels, with alpha or without."""
    microseconds: int


@dataclass(frozen=True, slots=True)
class MovingSaving:
    """How an animation or a video is written. Options that a format does not have are ignored."""

    format: MediaFormat
    quality: int | None = None
    """1 to 100; None: what suits the format."""
    lossless: bool = False
    """For WebP, and for AVIF, whose samples may still differ by 2 of 255; GIF and PNG always are, as far as their colours go."""
    colours: int | None = None
    """Most colours of a GIF, 2 to 256."""
    loop: int = 0
    """How many times an animation is shown; 0: forever."""
    alpha: bool = False
    """Whether frames may be transparent. A PNG or video can say so only at its beginning: if this is False and the first frame is opaque,
    what is transparent later is laid over the background. GIF, WebP and AVIF need not know."""
    background: tuple[int, int, int] = (255, 255, 255)
    """Under transparency, where the file has no alpha; 8-bit sRGB."""


@dataclass(frozen=True, slots=True)
class Written:
    """An animation or a video that was written."""

    path: Path
    format: MediaFormat
    width: int
    height: int
    """Pixels of a frame."""
    frames: int
    milliseconds: int
    """How long it takes to show it once."""
    sound: bool = False
    notes: tuple[str, ...] = ()
    """Sentences for the user about what was left out or changed, such as an odd row of pixels."""
