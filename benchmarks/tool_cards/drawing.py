"""How cards look: halves of one picture, two pictures with an arrow between them, or a picture and what was found in it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache

import pypdfium2
from PIL import Image, ImageDraw, ImageFont, ImageOps

from benchmarks.contact_sheet.looking import checked_ground, display_file
from benchmarks.contact_sheet.sources import FONT

WIDTH, HEIGHT = 240, 160
_GROUND, _PAPER, _INK, _FAINT, _ACCENT, _GONE = (
    (233, 235, 240),
    (255, 255, 255),
    (38, 42, 51),
    (112, 119, 133),
    (51, 92, 214),
    (214, 60, 60),
)
_EDGE = 8
"""Free around what is on the ground."""
_ARROW = 20
"""Room for an arrow."""
Box = tuple[float, float, float, float]
"""Left, top, right and bottom, as shares of a picture."""
WHOLE: Box = (0, 0, 1, 1)


def picture_of(content: bytes) -> Image.Image:
    """A file as it is shown; of a PDF, the first page."""
    if content.startswith(b"%PDF-"):
        return page_of(content, 0)
    return display_file(content).picture


def page_of(content: bytes, number: int) -> Image.Image:
    """A page of a PDF."""
    document = pypdfium2.PdfDocument(content)
    page: Image.Image = document[number].render(scale=1.5).to_pil()
    return page.convert("RGBA")


def ground() -> Image.Image:
    """An empty card."""
    return Image.new("RGB", (WIDTH, HEIGHT), _GROUND)


def halves(before: Image.Image, after: Image.Image, part: Box = WHOLE) -> Image.Image:
    """One picture, the left half before and the right one after. `part` is what is shown of both."""
    card = ground()
    left, right = _covering(before, part), _covering(after, part)
    card.paste(left.crop((0, 0, WIDTH // 2, HEIGHT)), (0, 0))
    card.paste(right.crop((WIDTH // 2, 0, WIDTH, HEIGHT)), (WIDTH // 2, 0))
    draw = ImageDraw.Draw(card)
    draw.line([(WIDTH // 2, 0), (WIDTH // 2, HEIGHT)], (255, 255, 255), 3)
    return card


def twice(before: Image.Image, after: Image.Image, part: Box = WHOLE) -> Image.Image:
    """The same part of both, side by side."""
    card = ground()
    for number, picture in enumerate((before, after)):
        card.paste(_covering(picture, part, (WIDTH // 2, HEIGHT)), (number * WIDTH // 2, 0))
    ImageDraw.Draw(card).line([(WIDTH // 2, 0), (WIDTH // 2, HEIGHT)], (255, 255, 255), 3)
    return card


def beside(*pictures: Sequence[Image.Image], scale: float = 0) -> Image.Image:
    """Groups of pictures with arrows between them. With `scale`, that many pixels of the card for one of a picture."""
    card, count = ground(), len(pictures)
    room = (WIDTH - 2 * _EDGE - (count - 1) * _ARROW) // count
    for number, group in enumerate(pictures):
        left = _EDGE + number * (room + _ARROW)
        _group(card, group, (left, _EDGE, left + room, HEIGHT - _EDGE), scale)
        if number:
            _arrow(card, left - _ARROW // 2)
    return card


def draw_lines(picture: Image.Image | None, lines: Sequence[str], part: Box | None = None, *, struck: bool = False) -> Image.Image:
    """A picture, and lines of text that say what was found or done; `struck` through where it goes."""
    card = ground()
    left = _EDGE
    if picture is not None:
        room = (_EDGE, _EDGE, 106, HEIGHT - _EDGE)
        if part is None:
            _group(card, [picture], room, 0)
        else:
            card.paste(_covering(picture, part, (96, HEIGHT)), (0, 0))
        _arrow(card, 117)
        left = 130
    draw = ImageDraw.Draw(card)
    draw.rounded_rectangle((left, _EDGE, WIDTH - _EDGE, HEIGHT - _EDGE), 6, _PAPER)
    most = (HEIGHT - 2 * _EDGE - 12) // 17
    for number, line in enumerate(lines[:most]):
        top, text = _EDGE + 8 + 17 * number, _short(line, WIDTH - _EDGE - left - 16)
        draw.text((left + 8, top), text, _FAINT if struck else _INK, _font(12))
        if struck:
            draw.line([(left + 7, top + 8), (left + 9 + _font(12).getlength(text), top + 8)], _GONE, 2)
    return card


def badges(card: Image.Image, *texts: str) -> Image.Image:
    """A card with a label at the bottom of each half."""
    draw = ImageDraw.Draw(card)
    for number, text in enumerate(texts):
        middle, width = WIDTH * (2 * number + 1) / (2 * len(texts)), _font(13).getlength(text) + 16
        draw.rounded_rectangle((middle - width / 2, HEIGHT - 32, middle + width / 2, HEIGHT - 10), 11, (*_INK,))
        draw.text((middle, HEIGHT - 21), text, _PAPER, _font(13), "mm")
    return card


def swatches(picture: Image.Image, found: Sequence[str]) -> Image.Image:
    """A picture above stripes of colours."""
    card = ground()
    card.paste(_covering(picture, WHOLE, (WIDTH, 104)), (0, 0))
    draw = ImageDraw.Draw(card)
    for number, colour in enumerate(found):
        draw.rectangle((number * WIDTH / len(found), 104, (number + 1) * WIDTH / len(found), HEIGHT), colour)
    return card


def tiles(pictures: Sequence[Image.Image], columns: int) -> Image.Image:
    """Pictures in rows with gaps between them, on a transparent ground."""
    width, height = pictures[0].size
    gap = max(width, height) // 10
    rows = -(-len(pictures) // columns)
    whole = Image.new("RGBA", (columns * (width + gap) - gap, rows * (height + gap) - gap), (*_GROUND, 255))
    for number, picture in enumerate(pictures):
        whole.paste(picture, (number % columns * (width + gap), number // columns * (height + gap)), picture)
    return whole


def paint_mask(picture: Image.Image, mask: Image.Image) -> Image.Image:
    """A picture with what a mask covers in red."""
    over = Image.new("RGBA", picture.size, (230, 40, 60, 0))
    over.putalpha(mask.convert("L").resize(picture.size).point(lambda value: value * 6 // 10))
    return Image.alpha_composite(picture.convert("RGBA"), over)


def words(text: str, size: int = 34) -> Image.Image:
    """A short text as a picture."""
    width = round(_font(size).getlength(text)) + size
    picture = Image.new("RGBA", (width, round(size * 1.8)), (*_PAPER, 255))
    ImageDraw.Draw(picture).text((width / 2, size * 0.9), text, _INK, _font(size), "mm")
    return picture


def prompt(*lines: str) -> Image.Image:
    """What is asked for, as a picture."""
    picture = Image.new("RGBA", (300, 60 * len(lines) + 40), (*_PAPER, 255))
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        draw.text((24, 28 + 60 * number), line, _INK, _font(38))
    return picture


def encode_card(card: Image.Image, most_bytes: int) -> bytes:
    """A card as a WebP of at most so many bytes."""
    for quality in range(82, 4, -4):
        buffer = io.BytesIO()
        card.save(buffer, "WEBP", quality=quality, method=6)
        if buffer.tell() <= most_bytes:
            break
    return buffer.getvalue()


def _group(card: Image.Image, group: Sequence[Image.Image], room: tuple[int, int, int, int], scale: float) -> None:
    """Pictures, one a little below and beside the other, within a box of the card."""
    left, top, right, bottom = room
    shift = 14 if len(group) > 1 else 0
    steps = shift * (len(group) - 1)
    for number, picture in enumerate(group):
        box = (right - left - steps, bottom - top - steps)
        if scale:
            fitted = picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))), Image.Resampling.LANCZOS)
        else:
            fitted = ImageOps.contain(picture.convert("RGBa"), box, Image.Resampling.LANCZOS).convert("RGBA")
        over = number * shift
        at = (left + over + (box[0] - fitted.width) // 2, top + over + (box[1] - fitted.height) // 2)
        if len(group) > 1:
            ImageDraw.Draw(card).rectangle((at[0] - 2, at[1] - 2, at[0] + fitted.width + 1, at[1] + fitted.height + 1), _PAPER)
        _laid(card, fitted, at)


def _laid(card: Image.Image, picture: Image.Image, at: tuple[int, int]) -> None:
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema()[0] != 255:
        card.paste(checked_ground(picture.size), at)
        card.paste(picture, at, picture)
    else:
        card.paste(picture.convert("RGB"), at)


def _covering(picture: Image.Image, part: Box, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Image.Image:
    """A part of a picture, cropped to a size; what is transparent shows squares."""
    left, top, right, bottom = (round(share * side) for share, side in zip(part, picture.size * 2, strict=True))
    cut = picture.convert("RGBA").crop((left, top, right, bottom)).convert("RGBa")
    fitted = ImageOps.fit(cut, size, Image.Resampling.BICUBIC, centering=(0.5, 0.5)).convert("RGBA")
    card = Image.new("RGB", size, _GROUND)
    _laid(card, fitted, (0, 0))
    return card


def _arrow(card: Image.Image, middle: int) -> None:
    draw, row = ImageDraw.Draw(card), HEIGHT // 2
    draw.line([(middle - 7, row), (middle + 5, row)], _ACCENT, 3)
    draw.polygon([(middle + 8, row), (middle + 1, row - 5), (middle + 1, row + 5)], _ACCENT)


def _short(text: str, width: int) -> str:
    while text and _font(12).getlength(text) > width:
        text = text.removesuffix("…")[:-1] + "…" if len(text) > 1 else ""
    return text


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONT, size)
