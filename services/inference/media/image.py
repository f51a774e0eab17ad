"""A decoded picture, as every image operation takes and returns it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from enum import Enum, auto

import numpy as np
import numpy.typing as npt

from services.inference.media import colour
from services.inference.media.bands import split_alpha
from services.inference.media.colour import Pixels
from services.inference.media.errors import over_limit
from services.inference.media.notes import PROFILE_DAMAGED, PROFILE_OF_TABLES
from services.pictures.media_format import MediaFormat


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a picture may be, checked before any pixel is decoded."""

    megapixels: float = 100.0
    svg_seconds: float = 10.0
    """Processor time for drawing an SVG, in child processes."""

    def check(self, width: int, height: int, subject: str = "The picture") -> None:
        """Raises `MEDIA_LIMIT_EXCEEDED`, naming `subject`, when width x height (pixels) is over the limit."""
        if width * height > self.megapixels * 1_000_000:
            raise over_limit(
                f"{subject} has {width} x {height} pixels ({width * height / 1e6:.1f} megapixels).",
                allowed=f"at most {self.megapixels:g} megapixels",
            )


@dataclass(frozen=True, slots=True)
class Metadata:
    """The metadata of a picture file.

    `exif` no longer holds a thumbnail. Its orientation tag is outdated, as the pixels are upright: `encode` resets it.
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    pixels_per_mm: tuple[float, float] | None = None


class Effort(Enum):
    """How much time is spent on making a lossless file small."""

    LITTLE = auto()
    """Larger files, several times as fast: PNG and WebP."""
    USUAL = auto()
    MOST = auto()
    """As small as PNG gets."""


@dataclass(frozen=True, slots=True)
class Saving:
    """How a result is written. Options that a format does not have are ignored."""

    format: MediaFormat = MediaFormat.PNG
    effort: Effort = Effort.USUAL
    quality: int = 92
    """The quality of a lossy file, 1 to 100."""
    lossless: bool = True
    """For WebP, AVIF and TIFF."""
    progressive: bool = False
    """For JPEG and PNG."""
    background: tuple[int, int, int] = (255, 255, 255)
    """Under transparency, where the file has no alpha; 8-bit sRGB."""
    dpi: int | None = None
    """Pixels per inch to note instead of the picture's own."""
    cmyk: str | None = None
    """For print: the CMYK profile, as a path or `cmyk`, the one that libvips carries. JPEG and TIFF."""
    keep_metadata: bool = True
    compact: bool = False
    """Makes a PNG of few colours, or of few pixels, as small as is cheap."""
    colours: int | None = None
    """Most colours of a PNG or GIF, 2 to 256; None: all, of a GIF 256."""
    quick: bool = False
    """JPEG, WebP and AVIF in less time, and some per cent larger."""
    follows_input: bool = False
    """At the end of a task the format is that of the input, as `final_saving` says; `format` is that of files before."""
    max_bytes: int | None = None
    """Most bytes that the file should have: the quality, or the number of colours, is then chosen by that."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BaseImage:
    """The facts about a picture besides its samples.

    `icc` describes the encoding of its colours by curves and a matrix; None: sRGB, or for gray the sRGB tone curve. `saving` says how the
    result is to be written, and `kept_format` which format it has then if nothing else is asked for; None: that of the source.
    `source_quality` is how much the source was compressed, 1 to 100, which is nothing lost; None: unknown. `source_progressive` is whether
    a viewer could show a rough picture before all of the source had arrived. `notes` are plain sentences for the user about what could not
    be read.
    """

    icc: bytes | None = None
    metadata: Metadata = field(default_factory=Metadata)
    source_format: MediaFormat | None = None
    source_quality: int | None = None
    source_progressive: bool = False
    kept_format: MediaFormat | None = None
    saving: Saving = Saving(follows_input=True)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Image(BaseImage):
    """One picture in memory, upright, with straight (not premultiplied) alpha.

    `pixels` is height x width x 3 (colour) or height x width x 1 (gray), uint8 or uint16. `alpha` is height x width in the same sample
    type; None: every pixel is opaque. Arrays are shared, never copied, so an operation that changes them makes new ones (`replace`).
    """

    pixels: Pixels
    alpha: Pixels | None = None

    def __post_init__(self) -> None:
        if self.pixels.dtype not in (np.uint8, np.uint16):
            raise TypeError(f"pixels are {self.pixels.dtype}, not uint8 or uint16")
        if self.pixels.ndim != 3 or self.pixels.shape[2] not in (1, 3):
            raise ValueError(f"pixels have shape {self.pixels.shape}, not (height, width, 1 or 3)")
        if self.alpha is not None:
            if self.alpha.dtype != self.pixels.dtype:
                raise TypeError(f"alpha is {self.alpha.dtype} with {self.pixels.dtype} pixels")
            if self.alpha.shape != self.pixels.shape[:2]:
                raise ValueError(f"alpha has shape {self.alpha.shape} with pixels of shape {self.pixels.shape}")

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return int(self.pixels.shape[0])

    @property
    def is_gray(self) -> bool:
        """Whether there is one sample per pixel instead of three."""
        return int(self.pixels.shape[2]) == 1

    @property
    def size_bytes(self) -> int:
        """Bytes of the samples."""
        return self.pixels.nbytes + (0 if self.alpha is None else self.alpha.nbytes)

    @property
    def bit_depth(self) -> int:
        """Bits per sample, 8 or 16."""
        return 8 * self.pixels.dtype.itemsize

    @property
    def maximum(self) -> int:
        """The sample value of white and of full opacity: 255 or 65535."""
        return 255 if self.bit_depth == 8 else 65535

    def srgb(self) -> npt.NDArray[np.uint8]:
        """The picture as models see it: height x width x 3, uint8, sRGB. Alpha is left out, not applied."""
        return colour.to_srgb(self.pixels, self.icc)

    def replace(
        self,
        *,
        pixels: Pixels | None = None,
        alpha: Pixels | None = None,
        note: str | None = None,
    ) -> Image:
        """A copy with other pixels, another alpha, or one more note; arguments that are None change nothing."""
        return dataclasses.replace(
            self,
            pixels=self.pixels if pixels is None else pixels,
            alpha=self.alpha if alpha is None else alpha,
            notes=self.notes if note is None else (*self.notes, note),
        )


def from_samples(samples: Pixels, icc: bytes | None, metadata: Metadata, format_: MediaFormat) -> Image:
    """Builds an `Image` from upright height x width x 1 to 4 samples: gray or RGB, the last of 2 or 4 being alpha."""
    notes: tuple[str, ...] = ()
    pixels, alpha = split_alpha(samples) if samples.shape[2] in (2, 4) else (samples, None)
    if alpha is not None and bool((alpha == np.iinfo(alpha.dtype).max).all()):
        alpha = None
    profile = colour.usable_profile(icc, gray=pixels.shape[2] == 1)
    if icc is not None and profile is None:
        converted = colour.converted_by_tables(pixels, icc)
        if converted is None:
            notes = (PROFILE_DAMAGED,)
        else:
            notes = (PROFILE_OF_TABLES,)
            pixels, alpha = converted, None if alpha is None else colour.to_8bit(alpha)
    return Image(
        pixels=colour.contiguous(pixels),
        alpha=None if alpha is None else colour.contiguous(alpha),
        icc=profile,
        metadata=metadata,
        source_format=format_,
        notes=notes,
    )
