"""The pictures that are sent to the tools: two photographs, and pictures that show what photographs do not."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageFont

_ROOT = Path(__file__).resolve().parents[2]
SAMPLES = _ROOT / "samples"
FONT = _ROOT / "services" / "inference" / "fonts" / "DejaVuSans.ttf"
AS_PHOTO: dict[str, str] = {}
"""Pictures that look like `photo`, by their names, and how they are stored; `odd_sources` adds them."""
_makers: dict[str, tuple[str, Callable[[], bytes]]] = {}
Pixels = npt.NDArray[Any]


def source(name: str, file: str, said: str = "") -> Callable[[Callable[[], bytes]], Callable[[], bytes]]:
    """Registers what makes a file. `said` is for those that look like the photograph."""

    def register(make: Callable[[], bytes]) -> Callable[[], bytes]:
        _makers[name] = file, make
        if said:
            AS_PHOTO[name] = said
        return make

    return register


@cache
def file_of(name: str) -> tuple[str, bytes]:
    """The name of the file of a picture, and its bytes."""
    file, make = _makers[name]
    return file, make()


def encode_file(picture: Image.Image, format_: str, **options: Any) -> bytes:
    """A picture as a file."""
    buffer = io.BytesIO()
    picture.save(buffer, format_, **options)
    return buffer.getvalue()


@cache
def photo() -> Image.Image:
    """600 × 400 pixels."""
    return Image.open(SAMPLES / "coffee.jpg").convert("RGB")


@source("photo", "coffee.jpg")
def _photo() -> bytes:
    return (SAMPLES / "coffee.jpg").read_bytes()


@source("portrait", "portrait.jpg")
def _portrait() -> bytes:
    return (SAMPLES / "portrait.jpg").read_bytes()


@source("web", "portrait.webp")
def _web() -> bytes:
    return encode_file(Image.open(SAMPLES / "portrait.jpg"), "WEBP", quality=95)


@source("gray", "gray.jpg")
def _gray() -> bytes:
    return encode_file(photo().convert("L"), "JPEG", quality=95)


@source("turned", "turned.jpg")
def _turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a cup of coffee"
    return encode_file(photo().transpose(Image.Transpose.ROTATE_90), "JPEG", quality=95, exif=exif)


@source("noisy", "noisy.png")
def _noisy() -> bytes:
    pixels = np.asarray(Image.open(SAMPLES / "portrait.jpg").convert("RGB"), np.float64)
    noise = np.random.default_rng(1).normal(0, 18, pixels.shape)
    return encode_file(Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8)), "PNG")


@source("chart", "chart.png")
def _chart() -> bytes:
    """A portrait beside ramps and patches."""
    sheet = Image.new("RGB", (480, 320), (128, 128, 128))
    with Image.open(SAMPLES / "portrait.jpg") as portrait:
        sheet.paste(portrait.convert("RGB").crop((64, 0, 448, 384)).resize((320, 320), Image.Resampling.LANCZOS))
    draw = ImageDraw.Draw(sheet)
    ramp = np.broadcast_to(np.linspace(0, 255, 160).round().astype(np.uint8)[None, :, None], (40, 160, 3))
    sheet.paste(Image.fromarray(np.ascontiguousarray(ramp)), (320, 0))
    for step in range(8):
        value = round(step * 255 / 7)
        draw.rectangle((320 + 20 * step, 40, 339 + 20 * step, 79), (value, value, value))
    pure = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 255, 255), (255, 0, 255), (255, 255, 0))
    muted = ((200, 40, 40), (60, 140, 70), (40, 70, 150), (80, 150, 170), (170, 70, 130), (220, 190, 60))
    skin = ((60, 36, 28), (115, 80, 66), (160, 110, 85), (198, 150, 130), (232, 190, 165), (250, 222, 205))
    for row, patches in enumerate((pure, muted, skin)):
        for column, patch in enumerate(patches):
            left = 320 + round(column * 160 / 6)
            draw.rectangle((left, 80 + 50 * row, 320 + round((column + 1) * 160 / 6) - 1, 129 + 50 * row), patch)
    hues = np.stack(
        [np.broadcast_to(np.linspace(0, 255, 160), (90, 160)), np.full((90, 160), 255), np.linspace(40, 255, 90)[:, None].repeat(160, 1)],
        -1,
    )
    sheet.paste(Image.fromarray(hues.astype(np.uint8), "HSV").convert("RGB"), (320, 230))
    return encode_file(sheet, "PNG")


@source("logo", "logo.png")
def _logo() -> bytes:
    """Transparent around a soft shadow, a disc and letters; the hidden colour is bright green, and nobody may see it."""
    large = Image.new("RGBA", (960, 960), (0, 0, 0, 0))
    shadow = Image.new("L", large.size, 0)
    ImageDraw.Draw(shadow).ellipse((160, 190, 840, 870), 150)
    large.putalpha(shadow.filter(ImageFilter.GaussianBlur(40)))
    disc = Image.new("RGBA", large.size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(disc)
    draw.ellipse((120, 120, 800, 800), (240, 160, 32, 255))
    draw.text((460, 460), "Dr", (255, 255, 255, 255), ImageFont.truetype(FONT, 360), "mm")
    drawn = Image.alpha_composite(large, disc).resize((240, 240), Image.Resampling.LANCZOS)
    pixels = np.array(drawn)
    pixels[pixels[..., 3] == 0, :3] = (0, 255, 0)
    return encode_file(Image.fromarray(pixels), "PNG")


@source("drawing", "drawing.png")
def _drawing() -> bytes:
    """Black and coloured lines on white, with soft edges."""
    large = Image.new("RGB", (1800, 1200), (255, 255, 255))
    draw = ImageDraw.Draw(large)
    draw.ellipse((200, 200, 900, 900), outline=(0, 0, 0), width=40)
    draw.rectangle((700, 400, 1600, 1000), outline=(40, 80, 200), width=60)
    draw.text((900, 200), "Plan 7b", (0, 0, 0), ImageFont.truetype(FONT, 200))
    draw.rectangle((300, 950, 650, 1100), (230, 230, 230))
    return encode_file(large.resize((600, 400), Image.Resampling.LANCZOS), "PNG")


@source("rings", "rings.png")
def _rings() -> bytes:
    """Rings that get finer outwards, up to half a pixel's width each: reduced badly, they make others (moiré)."""
    rows, columns = np.mgrid[-200:200, -300:300].astype(np.float64)
    values = 127.5 + 127.5 * np.cos((rows**2 + columns**2) * np.pi / 600)
    return encode_file(Image.fromarray(values.round().astype(np.uint8)), "PNG")


def letter() -> Image.Image:
    """An F, which tells every way of lying from every other."""
    picture = Image.new("RGB", (300, 200), (30, 70, 120))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 60, 40), (220, 60, 40))
    draw.text((150, 100), "F", (255, 255, 255), ImageFont.truetype(FONT, 160), "mm")
    return picture


@source("letter", "letter.png")
def _letter() -> bytes:
    return encode_file(letter(), "PNG")


UNDONE: Mapping[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a picture is stored that the orientation tag sets upright again."""


def _lying(number: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = number
    stored = letter().transpose(UNDONE[number]) if number in UNDONE else letter()
    return encode_file(stored, "JPEG", quality=95, exif=exif)


for _number in range(1, 9):
    source(f"letter {_number}", f"letter-{_number}.jpg")(partial(_lying, _number))
