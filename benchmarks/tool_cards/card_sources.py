"""Files that only cards show, registered with those of the contact sheets."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pypdfium2
import zxingcpp
from PIL import Image, ImageDraw, ImageEnhance, ImageFont

from benchmarks.contact_sheet.sources import FONT, SAMPLES, encode_file, photo, source
from reference.pictures import scanned_letter

_MARK = "SAMPLE"


@source("report", "report.pdf")
def _report() -> bytes:
    return (SAMPLES / "report.pdf").read_bytes()


@source("page", "page.png")
def _page() -> bytes:
    """The upper part of the report's first page, as a scan."""
    with pypdfium2.PdfDocument(SAMPLES / "report.pdf") as opened:
        picture: Image.Image = opened[0].render(scale=2).to_pil().convert("RGB")
    return encode_file(picture.crop((0, 0, picture.width, picture.height // 3)), "PNG")


@source("letter scan", "scan.pdf")
def _letter_scan() -> bytes:
    """A page that is a picture: a letter with CONFIDENTIAL across it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scan.pdf"
        scanned_letter(path)
        return path.read_bytes()


@source("dull", "dull.jpg")
def _dull() -> bytes:
    """Too dark, and pale."""
    pale = ImageEnhance.Color(ImageEnhance.Contrast(photo()).enhance(0.7)).enhance(0.6)
    return encode_file(ImageEnhance.Brightness(pale).enhance(0.75), "JPEG", quality=95)


@source("gray portrait", "gray-portrait.jpg")
def _gray_portrait() -> bytes:
    return encode_file(Image.open(SAMPLES / "portrait.jpg").convert("L"), "JPEG", quality=95)


@source("blocky", "blocky.jpg")
def _blocky() -> bytes:
    return encode_file(Image.open(SAMPLES / "portrait.jpg").convert("RGB"), "JPEG", quality=9)


@source("marked", "marked.png")
def _marked() -> bytes:
    """With a translucent text all over it, as agencies have it."""
    font, picture = ImageFont.truetype(FONT, 24), photo().convert("RGBA")
    mark = Image.new("RGBA", (150, 150), (255, 255, 255, 0))
    ImageDraw.Draw(mark).text((75, 75), _MARK, (255, 255, 255, 110), font, "mm")
    mark = mark.rotate(30, Image.Resampling.BICUBIC)
    layer = Image.new("RGBA", picture.size, (255, 255, 255, 0))
    for row, top in enumerate(range(-40, picture.height, 95)):
        for left in range(-150 + row * 45 % 160, picture.width, 160):
            layer.alpha_composite(mark, (max(left, 0), max(top, 0)), (max(-left, 0), max(-top, 0)))
    return encode_file(Image.alpha_composite(picture, layer).convert("RGB"), "PNG")


@source("plain svg", "star.svg")
def _star() -> bytes:
    angles = np.deg2rad(np.arange(10) * 36 - 90)
    points = " ".join(f"{50 + r * np.cos(a):.1f},{50 + r * np.sin(a):.1f}" for a, r in zip(angles, [46, 19] * 5, strict=True))
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><polygon points="{points}" fill="#f0a020"/></svg>'.encode()


@source("small drawing", "drawing.png")
def _small_drawing() -> bytes:
    """Few pixels, so that each is seen."""
    picture = Image.new("L", (480, 480), 255)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((60, 60, 420, 420), fill=0)
    draw.polygon([(240, 110), (360, 340), (120, 340)], fill=255)
    return encode_file(picture.resize((36, 36), Image.Resampling.BOX), "PNG")


@source("turning", "turning.gif")
def _turning() -> bytes:
    frames: Sequence[Image.Image] = [photo().resize((180, 120)).rotate(angle, fillcolor=(90, 60, 40)) for angle in (0, 12, 24, 36)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=120, loop=0)
    return buffer.getvalue()


@source("mirrored photo", "coffee-2.jpg")
def _nearly() -> bytes:
    """The photograph, a little smaller and with a dot."""
    picture = photo().copy()
    ImageDraw.Draw(picture).ellipse((420, 60, 500, 140), fill=(200, 40, 40))
    return encode_file(picture, "JPEG", quality=80)


@source("tagged", "IMG_4711.jpg")
def _tagged() -> bytes:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x013B], exif[0x010E] = "Contax", "T2", "Ada", "Morning coffee"
    exif[0x0132] = "2026:01:31 08:15:00"
    return encode_file(photo(), "JPEG", quality=92, exif=exif)


@source("code", "code.png")
def _code() -> bytes:
    pixels = np.array(zxingcpp.create_barcode("https://example.org", zxingcpp.BarcodeFormat.QRCode).to_image(scale=8))
    return encode_file(Image.fromarray(pixels), "PNG")
