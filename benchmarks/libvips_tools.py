"""What picture tools do, as calls of libvips with nothing around them, and how they are asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyvips

import services.inference.fonts

FONT = Path(services.inference.fonts.__path__[0], "DejaVuSans.ttf")
_QUALITY = 95
_LUMA = (0.2126, 0.7152, 0.0722)
_TEXT = "Darkroom 2026"

Make = Callable[[pyvips.Image], pyvips.Image]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool with settings."""

    settings: Mapping[str, object]
    """As its callers write them."""
    make: Make | None
    """The result of a picture; None if the result is what is known about it."""
    quality: int = _QUALITY
    format: str = ""
    """Of the file; empty: the input's."""
    sharp: bool = True
    """Whether sharp has a call for it."""
    magick: tuple[str, ...] = ()
    """The same as options of ImageMagick, between the names of the files; empty: it is not compared with that."""

    def run(self, picture: bytes, format_: str) -> bytes:
        """The result of a JPEG or PNG file."""
        if self.make is None:
            image = pyvips.Image.new_from_buffer(picture, "", access="sequential")
            return str(image.stats().tolist()).encode()
        # What turns a picture needs all of it at once.
        access = "random" if "angle" in self.settings else "sequential"
        made = self.make(pyvips.Image.new_from_buffer(picture, "", access=access, fail_on="error"))
        wanted = self.format or format_
        options: dict[str, object] = {"keep": "none"}
        if wanted == "png":
            # A quality of less than 100 is one of fewer colours.
            options |= {"palette": True, "Q": self.quality} if self.quality < _QUALITY else {"compression": 3, "filter": "up"}
        else:
            options["Q"] = self.quality
        return bytes(made.write_to_buffer(f".{wanted}", **options))


def _same(image: pyvips.Image) -> pyvips.Image:
    return image


def _bordered(image: pyvips.Image) -> pyvips.Image:
    return image.embed(20, 20, image.width + 40, image.height + 40, extend="background", background=[255, 255, 255])


def _adjusted(image: pyvips.Image) -> pyvips.Image:
    """Brightness and saturation by a fifth, contrast by a tenth."""
    lit = image.linear(1.2 * 1.1, -128 * 0.1, uchar=True)
    matrix = [[-0.2 * luma + (1.2 if row == column else 0) for column, luma in enumerate(_LUMA)] for row in range(3)]
    return lit.recomb(matrix).cast("uchar")


def _sharpened(image: pyvips.Image) -> pyvips.Image:
    return image.sharpen(sigma=1, m1=1, m2=3, x1=2, y2=12, y3=20)


def _drawn(image: pyvips.Image, colour: list[int], opacity: float, *, low: bool) -> pyvips.Image:
    """A text over a picture, in its middle or at its lower edge."""
    mask = pyvips.Image.text(_TEXT, font="DejaVu Sans 48", fontfile=str(FONT), dpi=72)
    across = (image.width - mask.width) // 2
    down = image.height - mask.height - 20 if low else (image.height - mask.height) // 2
    over = mask.new_from_image(colour).copy(interpretation="srgb").bandjoin((mask * opacity).cast("uchar"))
    return image.composite2(over, "over", x=across, y=down).flatten()


def _recoloured(image: pyvips.Image) -> pyvips.Image:
    """White and what is near it, green: by its nearness."""
    distance = ((image - [255, 255, 255]) ** 2).bandmean() * 3
    share = (1 - (distance**0.5) / (math.sqrt(3) * 60)).cast("float")
    share = (share > 0).ifthenelse(share, 0)
    return (image + (image.new_from_image([0, 255, 0]) - image) * share).rint().cast("uchar")


TOOLS: Mapping[str, Tool] = {
    "resize": Tool(
        {"width": 800}, lambda image: image.resize(800 / image.width, kernel="lanczos3"), magick=("-resize", "800", "-quality", "95")
    ),
    "compress": Tool({"quality": 80}, _same, quality=80, magick=("-quality", "80")),
    "rotate": Tool({"angle": 90}, lambda image: image.rot90(), magick=("-rotate", "90", "-quality", "95")),
    "convert": Tool({"format": "webp"}, _same, format="webp", magick=("-quality", "95")),
    "info": Tool({}, None),
    "crop": Tool(
        {"left": 400, "top": 300, "width": 800, "height": 600},
        lambda image: image.crop(400, 300, 800, 600),
        magick=("-crop", "800x600+400+300", "+repage", "-quality", "95"),
    ),
    "border": Tool({"borderWidth": 20, "borderColor": "#FFFFFF"}, _bordered),
    "adjust-colors": Tool({"brightness": 20, "contrast": 10, "saturation": 20}, _adjusted),
    "sharpening": Tool({}, _sharpened),
    "watermark-text": Tool({"text": _TEXT}, lambda image: _drawn(image, [0, 0, 0], 0.5, low=False)),
    "text-overlay": Tool({"text": _TEXT}, lambda image: _drawn(_drawn(image, [0, 0, 0], 0.7, low=True), [255, 255, 255], 1, low=True)),
    "strip-metadata": Tool({}, _same),
    "optimize-for-web": Tool({}, _same, quality=80, format="webp"),
    "replace-color": Tool({"sourceColor": "#FFFFFF", "targetColor": "#00FF00", "tolerance": 60}, _recoloured, sharp=False),
}
"""By the ids that callers know."""
