"""Every card: what a tool gets, and how the result is shown."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyvips
from PIL import Image

from benchmarks.tool_cards import card_sources  # noqa: F401 - registers its files
from benchmarks.tool_cards.drawing import (
    WHOLE,
    Box,
    badges,
    beside,
    draw_lines,
    halves,
    page_of,
    paint_mask,
    picture_of,
    prompt,
    swatches,
    tiles,
    twice,
    words,
)
from services.gateway.surfaces.snapotter.tool import Tool
from services.gateway.surfaces.snapotter.tools import (
    animations,
    archives,
    backgrounds,
    base64_texts,
    codes,
    colours,
    faces,
    formats,
    metadata,
    montages,
    overlays,
    passports,
    pdfs,
    photos,
    reading,
    restoration,
    shapes,
)

Files = Sequence[bytes]
Draw = Callable[[Files, Files], Image.Image]
"""From what went in, those beside it last, and what came out."""
_FACE: Box = (0.3, 0.05, 0.6, 0.35)
_HEAD: Box = (0.12, 0.0, 0.85, 0.55)
_SPOON: Box = (0.42, 0.42, 0.82, 1)
_SUIT: Box = (0, 0.2, 1, 0.87)
_UPPER: Box = (0, 0, 1, 0.67)
_EYES: Box = (0.21, 0.37, 0.73, 0.72)


@dataclass(frozen=True, slots=True)
class Card:
    """A tool at work."""

    shows: Tool | str
    """A tool, or the name of an operation."""
    draw: Draw
    sources: Sequence[str] = ("photo",)
    settings: Mapping[str, object] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """Files beside the inputs, by the names that the form or the operation has for them."""
    runs: bool = True
    """Whether it is run. What no installation has by itself shows a sample in place of a result."""

    @property
    def id(self) -> str:
        """Of the tool; of an operation, with underscores."""
        return self.shows if isinstance(self.shows, str) else self.shows.id


def cards() -> Sequence[Card]:
    """In no order."""
    return (*_shapes(), *_light(), *_repairs(), *_people(), *_marks(), *_formats(), *_combinations(), *_documents())


def split(part: Box = WHOLE) -> Draw:
    """Halves of before and after."""
    return lambda given, made: halves(picture_of(given[0]), picture_of(made[0]), part)


def both(part: Box = WHOLE) -> Draw:
    """The same part, side by side."""
    return lambda given, made: twice(picture_of(given[0]), picture_of(made[0]), part)


def pair(scale: float = 0) -> Draw:
    """Before and after with an arrow between."""
    return lambda given, made: beside([picture_of(given[0])], [picture_of(made[0])], scale=scale)


def many(given: Files, made: Files) -> Image.Image:
    """All inputs, and the result."""
    return beside([picture_of(each) for each in given], [picture_of(made[0])])


def compare_sizes(part: Box = WHOLE) -> Draw:
    """Both halves with the sizes of the files."""
    return lambda given, made: badges(twice(picture_of(given[0]), picture_of(made[0]), part), _size(given[0]), _size(made[0]))


def _size(content: bytes) -> str:
    return f"{len(content) / 1000:.0f} KB"


def _entries(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def _shapes() -> Sequence[Card]:
    frame = {"borderWidth": 24, "borderColor": "#FFFFFF", "cornerRadius": 60, "shadow": True, "shadowBlur": 30, "shadowOpacity": 70}
    return (
        Card(shapes.RESIZE, pair(0.165), settings={"width": 240}),
        Card(shapes.CROP, pair(0.165), settings={"left": 150, "top": 60, "width": 280, "height": 280}),
        Card(shapes.ROTATE, pair(), settings={"angle": 20, "background": "#E9EBF0"}),
        Card(shapes.BORDER, pair(), settings=frame),
        Card(photos.SMART_CROP, pair(), ("portrait",), {"mode": "face", "facePreset": "closeup", "width": 300, "height": 300}),
        Card(photos.CONTENT_AWARE_RESIZE, pair(0.165), settings={"width": 330}),
        Card(
            archives.SPLIT,
            lambda given, made: beside([picture_of(given[0])], [tiles([picture_of(each) for each in _entries(made[0]).values()], 3)]),
        ),
        Card("pad", pair(), settings={"horizontal": 60, "vertical": 60, "color": "#335cd6"}),
    )


def _light() -> Sequence[Card]:
    return (
        Card(colours.ADJUST_COLORS, split(), settings={"saturation": 70, "temperature": 45, "contrast": 25, "brightness": 10}),
        Card(colours.SHARPENING, both(_FACE), ("portrait",), {"method": "unsharp-mask", "amount": 160, "radius": 1}),
        Card(colours.REPLACE_COLOR, pair(), ("drawing on white",), {"sourceColor": "#d02040", "targetColor": "#20a060", "tolerance": 60}),
        Card(reading.COLOR_PALETTE, lambda given, made: swatches(picture_of(given[0]), json.loads(made[0])["colors"])),
    )


def _repairs() -> Sequence[Card]:
    return (
        Card(restoration.UPSCALE, both(_FACE), ("small portrait",), {"scale": 4}),
        Card(faces.ENHANCE_FACES, both((0.32, 0.25, 0.68, 0.73)), ("soft face",), {"strength": 1}),
        Card(photos.IMAGE_ENHANCEMENT, split(), ("dull",), {"intensity": 100}),
        Card(restoration.NOISE_REMOVAL, both(_FACE), ("noisy",), {"tier": "quality", "strength": 70}),
        Card(restoration.RESTORE_PHOTO, both(_HEAD), ("old photo",)),
        Card(
            restoration.COLORIZE,
            lambda given, _: halves(picture_of(given[0]), picture_of(given[1]), _HEAD),
            ("gray portrait", "portrait"),
            runs=False,
        ),
        Card(
            restoration.ERASE_OBJECT,
            lambda given, made: twice(paint_mask(picture_of(given[0]), picture_of(given[1])), picture_of(made[0]), _SPOON),
            files={"mask": "mask of the spoon"},
        ),
        Card("decompress", both(_FACE), ("blocky",)),
        Card("polish", both(_FACE), ("portrait",)),
    )


def _people() -> Sequence[Card]:
    outlined = {"effects": {"outline_percent": 1.5, "shadow": 60}, "background_color": "#335cd6"}
    return (
        Card(backgrounds.REMOVE_BACKGROUND, split(_UPPER), ("portrait",)),
        Card(backgrounds.TRANSPARENCY_FIXER, split((0.1, 0.05, 0.9, 0.95)), ("checkered",)),
        Card(faces.BLUR_FACES, split(_HEAD), ("portrait",)),
        Card(faces.RED_EYE_REMOVAL, split(_EYES), ("red eyes",)),
        Card(passports.PASSPORT_PHOTO, pair(), ("portrait",), {"countryCode": "FR", "bgColor": "#BFDBFE"}),
        Card("remove_background", pair(), ("portrait",), outlined),
        Card("pixelate", split(_HEAD), ("portrait",), {"block": 24, "areas": [{"x1": 30, "y1": 5, "x2": 70, "y2": 45}]}),
        Card("blur_background", split(_UPPER), ("portrait",), {"level": "BLUR_LEVEL_HIGH"}),
        Card("fill_background", pair(), ("fringed",), {"color": "#f0a020"}),
    )


def _marks() -> Sequence[Card]:
    text = {"text": "© Ada", "fontSize": 54, "color": "#FFFFFF", "position": "tiled", "rotation": -30, "opacity": 70}
    logo = {"position": "bottom-right", "opacity": 100, "scale": 30}
    return (
        Card(overlays.WATERMARK_TEXT, split(), settings=text),
        Card(overlays.WATERMARK_IMAGE, split(), settings=logo, files={"watermark": "logo"}),
        Card(overlays.TEXT_OVERLAY, pair(), settings={"text": "Coffee", "fontSize": 110, "backgroundBox": True}),
        Card("remove_watermark", split(), ("marked",)),
        Card("remove_pdf_watermark", _pages((0.1, 0.04, 0.75, 0.65)), ("report",)),
        Card("redraw_pdf", _pages((0.17, 0.03, 0.83, 0.62)), ("letter scan",)),
    )


def _pages(part: Box) -> Draw:
    return lambda given, made: twice(page_of(given[0], 0), page_of(made[0], 0), part)


def _formats() -> Sequence[Card]:
    return (
        Card(
            formats.CONVERT,
            lambda given, made: badges(halves(picture_of(given[0]), picture_of(made[0])), "JPEG", "WebP"),
            settings={"format": "webp"},
        ),
        Card(formats.COMPRESS, compare_sizes(_HEAD), ("portrait",), {"quality": 25}),
        Card(formats.OPTIMIZE_FOR_WEB, compare_sizes(), settings={"format": "avif", "quality": 45}),
        Card(
            metadata.STRIP_METADATA,
            lambda given, _: draw_lines(picture_of(given[0]), ["Camera", "Date", "Author", "Place", "Thumbnail"], struck=True),
            ("tagged",),
        ),
        Card(
            metadata.EDIT_METADATA,
            lambda given, _: draw_lines(picture_of(given[0]), ["Title", "Author", "Copyright", "Keywords", "Date", "Place"]),
            ("tagged",),
        ),
        Card(
            archives.BULK_RENAME,
            lambda _, made: beside([words("IMG_4711.jpg")], [tiles([words(name) for name in _entries(made[0])], 1)]),
            ("tagged", "photo", "portrait"),
            {"pattern": "shop-{{index}}"},
        ),
        Card(base64_texts.IMAGE_TO_BASE64, lambda given, _: draw_lines(picture_of(given[0]), _base64(given[0])), runs=False),
        Card(archives.FAVICON, _icons, ("logo",)),
        Card(formats.SVG_TO_RASTER, _drawn, ("plain svg",), {"width": 24, "height": 24}),
        Card(codes.VECTORIZE, _traced, ("small drawing",), {"pathMode": "spline"}),
        Card(
            animations.GIF_TOOLS,
            lambda given, made: beside([picture_of(given[0])], [picture_of(each) for each in _entries(made[0]).values()]),
            ("turning",),
            {"mode": "extract", "extractMode": "all"},
        ),
        Card(
            "archive",
            lambda given, made: draw_lines(picture_of(given[0]), ["results.zip", *(f"  {name}" for name in _entries(made[0]))]),
            ("photo", "portrait", "logo"),
        ),
    )


def _base64(content: bytes) -> list[str]:
    text = "data:image/jpeg;base64," + base64.b64encode(content[:200]).decode()
    return [text[start : start + 11] for start in range(0, 90, 11)]


def _icons(given: Files, made: Files) -> Image.Image:
    found = _entries(made[0])
    sizes = [picture_of(found[name]) for name in ("apple-touch-icon.png", "favicon-48x48.png", "favicon-32x32.png", "favicon-16x16.png")]
    row = Image.new("RGBA", (190, 100), (0, 0, 0, 0))
    left = 0
    for side, icon in zip((88, 48, 30, 16), sizes, strict=True):
        row.alpha_composite(icon.resize((side, side), Image.Resampling.LANCZOS), (left, 94 - side))
        left += side + 4
    card = beside([picture_of(given[0])], [Image.new("RGBA", (1, 1), (233, 235, 240, 255))])
    card.paste(row.resize((114, 60), Image.Resampling.LANCZOS), (122, 48), row.resize((114, 60), Image.Resampling.LANCZOS))
    return card


def _drawn(given: Files, made: Files) -> Image.Image:
    return beside([_vector(given[0])], [picture_of(made[0]).resize((240, 240), Image.Resampling.NEAREST)])


def _traced(given: Files, made: Files) -> Image.Image:
    return beside([picture_of(given[0]).resize((480, 480), Image.Resampling.NEAREST)], [_vector(made[0])])


def _vector(content: bytes) -> Image.Image:
    drawn = pyvips.Image.thumbnail_buffer(content, 480)
    return Image.open(io.BytesIO(drawn.pngsave_buffer())).convert("RGBA")


def _combinations() -> Sequence[Card]:
    three = ("photo", "portrait", "logo")
    collage = {"templateId": "3-left-large", "gap": 40, "backgroundColor": "#335cd6"}
    return (
        Card(montages.COLLAGE, many, ("photo", "portrait", "chart"), collage),
        Card(montages.STITCH, many, ("photo", "portrait"), {"gap": 12}),
        Card(
            overlays.COMPOSE,
            lambda given, made: beside([picture_of(each) for each in given], [picture_of(made[0])]),
            settings={"x": 180, "y": 60},
            files={"overlay": "logo"},
        ),
        Card(
            reading.COMPARE,
            lambda given, made: beside([picture_of(each) for each in given], [picture_of(made[1])]),
            ("photo", "mirrored photo"),
        ),
        Card(reading.FIND_DUPLICATES, _duplicates, ("photo", "portrait", "mirrored photo")),
        Card(pdfs.IMAGE_TO_PDF, many, three[:2]),
    )


def _duplicates(given: Files, made: Files) -> Image.Image:
    [group] = json.loads(made[0])["duplicateGroups"]
    return beside([picture_of(each) for each in given], [picture_of(given[each["index"]]) for each in group["files"]])


def _documents() -> Sequence[Card]:
    return (
        Card(pdfs.PDF_TO_IMAGE, _rendered, ("report",), {"dpi": 72}),
        Card(
            reading.OCR,
            lambda given, made: draw_lines(picture_of(given[0]), json.loads(made[0])["text"].split("\n"), (0.1, 0.1, 0.33, 0.92)),
            ("page",),
            {"quality": "best"},
        ),
        Card(
            codes.QR_GENERATE,
            lambda _, made: beside([words("https://…")], [picture_of(made[0])]),
            (),
            {"text": "https://example.org", "size": 300, "style": "rounded"},
        ),
        Card(codes.BARCODE_READ, _read, ("code",)),
        Card(reading.INFO, _about),
        Card("gpt_image_2", _prompted("Portrait of", "an astronaut", "smiling"), ("portrait",), runs=False),
        Card("nano_banana_2", _prompted("A cup of", "coffee on a", "dark table"), runs=False),
    )


def _rendered(given: Files, made: Files) -> Image.Image:
    pictures = [picture_of(each) for each in (_entries(made[0]).values() if made[0][:2] == b"PK" else made)]
    return beside([page_of(given[0], 0)], pictures)


def _read(given: Files, made: Files) -> Image.Image:
    found: Any = json.loads(made[0])
    code = (found.get("barcodes") or found.get("codes"))[0]
    return draw_lines(picture_of(given[0]), [code.get("type") or code.get("format"), *code["text"].split("//")])


def _about(given: Files, made: Files) -> Image.Image:
    said = json.loads(made[0])
    return draw_lines(
        picture_of(given[0]),
        [f"{said['width']} × {said['height']}", said["format"].upper(), said["colorSpace"], f"{said['channels']} channels"],
    )


def _prompted(*lines: str) -> Draw:
    return lambda given, _: beside([prompt(*lines)], [picture_of(given[0])])
