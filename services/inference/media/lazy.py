"""A picture whose samples are made while they are used: libvips decodes, changes and encodes it in one pass, a few rows at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import pyvips

from services.inference.media import colour
from services.inference.media.errors import corrupt
from services.inference.media.image import BaseImage, Image

Picture = TypeVar("Picture", Image, "LazyImage")
"""The input and result of operations that libvips does: an `Image` is computed at once, and a `LazyImage` gets another graph."""


@dataclass(frozen=True, slots=True, eq=False)
class LazyImage(BaseImage):
    """An opaque, upright picture of 8 bits whose samples are still to be made."""

    graph: pyvips.Image
    """1 or 3 bands, without metadata."""
    from_file: bool = True
    """The samples come from a file that has been opened, but not read, which is possible once, from top to bottom; else from memory."""
    rest_is_sound: bool = False
    """Samples of the file that are never made cannot turn out to be damaged."""

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return int(self.graph.width)

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return int(self.graph.height)

    @property
    def is_gray(self) -> bool:
        """Whether there is one sample per pixel instead of three."""
        return int(self.graph.bands) == 1

    @property
    def alpha(self) -> None:
        """As `Image.alpha`."""
        return

    @property
    def bit_depth(self) -> int:
        """Bits per sample."""
        return 8

    @property
    def maximum(self) -> int:
        """The sample value of white."""
        return 255

    @property
    def size_bytes(self) -> int:
        """Bytes of the samples, once they are made."""
        return self.width * self.height * (1 if self.is_gray else 3)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Where the samples are made. Raises `FILE_CORRUPT` for pixel data that is truncated or damaged."""
        try:
            yield
        except pyvips.Error as error:
            raise corrupt(f"The {self.source_format} picture is truncated or damaged.") from error

    def compute(self) -> Image:
        """The picture in memory. Raises as `reading`."""
        with self.reading():
            samples = colour.array_from_vips(self.graph)
        return Image(samples, **{each.name: getattr(self, each.name) for each in dataclasses.fields(BaseImage)})


def in_memory(image: Image | LazyImage) -> Image:
    """The picture with its samples. Raises as `LazyImage.reading`."""
    return image.compute() if isinstance(image, LazyImage) else image


def as_graph(image: Image) -> LazyImage:
    """An opaque picture of 8 bits that operations can be added to."""
    facts = {each.name: getattr(image, each.name) for each in dataclasses.fields(BaseImage)}
    return LazyImage(colour.vips_from_array(image.pixels), from_file=False, **facts)


def without_metadata(picture: pyvips.Image) -> pyvips.Image:
    """The same samples, with nothing that a loader or an operation has said of them."""
    bare = picture.copy(interpretation="b-w" if picture.bands == 1 else "srgb", xoffset=0, yoffset=0)
    for name in bare.get_fields():
        # Those that every picture has stay.
        bare.remove(name)
    return bare
