"""Pictures for the documents."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFont


def stamp_text(
    text: str, *, alpha: int = 70, tilt: float = 40, colour: tuple[int, int, int] = (120, 120, 120), size: int = 90
) -> Image.Image:
    """Rotated text on a transparent background, as watermark programs make it."""
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(text)
    word = Image.new("RGBA", (int(right - left) + 20, int(bottom - top) + 20), (*colour, 0))
    ImageDraw.Draw(word).text((10 - left, 10 - top), text, font=font, fill=(*colour, alpha))
    return word.rotate(tilt, expand=True, resample=Image.Resampling.BICUBIC)


def logo(seed: int = 0, *, opaque: bool = False) -> Image.Image:
    """A company logo: full colours with soft edges on a transparent background."""
    big = Image.new("RGBA", (800, 320), (255, 255, 255, 255 if opaque else 0))
    draw = ImageDraw.Draw(big)
    draw.ellipse((20, 20, 300, 300), fill=(20 + 40 * seed, 90, 160, 255))
    draw.polygon([(160, 60), (260, 240), (60, 240)], fill=(255, 255, 255, 255))
    draw.text((330, 90), f"ACME{seed}", font=ImageFont.load_default(150), fill=(30, 30, 40, 255))
    return big.resize((400, 160), Image.Resampling.LANCZOS)


def scan(lines: list[str], seed: int) -> Image.Image:
    """A scanned page: gray, with noise."""
    page = Image.effect_noise((1240, 1754), 12 + seed).convert("L").point(lambda value: min(255, value + 110))
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(26)
    for number, line in enumerate(lines):
        draw.text((110, 130 + 44 * number), line, font=font, fill=40)
    return page


def parchment() -> Image.Image:
    """Paper with a pale texture, for the background of a page."""
    return Image.effect_noise((620, 877), 14).convert("RGB").point(lambda value: min(255, 180 + value // 2))
