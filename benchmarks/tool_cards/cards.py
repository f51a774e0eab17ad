"""Every card: what an operation gets, and how the result is shown."""

from __future__ import annotations

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
    """An operation at work."""

    id: str
    """The operation; for a card of a preset, that."""
    draw: Draw
    sources: Sequence[str] = ("photo",)
    settings: Mapping[str, object] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """Files beside the inputs, by the parameters that name them."""
    runs: bool = True
    """Whether it is run. What no installation has by itself shows a sample in place of a result."""

    made_by: str = ""
    """The operation, if that is not `id`."""

    @property
    def operation(self) -> str:
        """The name of the operation."""
        return self.made_by or self.id


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
    frame = {"width": 24, "color": "#FFFFFF", "corner_radius": 60, "shadow": True, "shadow_blur": 30, "shadow_opacity": 70}
    return (
        Card("resize", pair(0.165), settings={"width": 240}),
        Card("crop", pair(0.165), settings={"area": {"left": 150, "top": 60, "width": 280, "height": 280}}),
        Card("rotate", pair(), settings={"angle": 20, "background": "#E9EBF0"}),
        Card("border", pair(), settings=frame),
        Card("smart_crop", pair(), ("portrait",), {"faces": "FACE_FRAME_CLOSE_UP", "width": 300, "height": 300}),
        Card("carve_seams", pair(0.165), settings={"width": 330}),
        Card(
            "split",
            lambda given, made: beside([picture_of(given[0])], [tiles([picture_of(each) for each in _entries(made[0]).values()], 3)]),
        ),
        Card("pad", pair(), settings={"horizontal": 60, "vertical": 60, "color": "#335cd6"}),
    )


def _light() -> Sequence[Card]:
    return (
        Card("color_adjust", split(), settings={"saturation": 70, "temperature": 45, "contrast": 25, "brightness": 10}),
        Card("sharpen", both(_FACE), ("portrait",), {"method": "SHARPEN_METHOD_UNSHARP_MASK", "amount": 160, "radius": 1}),
        Card("replace_color", pair(), ("drawing on white",), {"color": "#d02040", "replacement": "#20a060", "tolerance": 60}),
        Card("inspect_palette", lambda given, made: swatches(picture_of(given[0]), json.loads(made[0])["colors"])),
    )


def _repairs() -> Sequence[Card]:
    return (
        Card("upscale", both(_FACE), ("small portrait",), {"factor": 4}),
        Card("enhance_faces", both((0.32, 0.25, 0.68, 0.73)), ("soft face",), {"strength": 1}),
        Card("enhance_picture", split(), ("dull",), {"intensity": 100}),
        Card("remove_noise", both(_FACE), ("noisy",), {"tier": "NOISE_TIER_QUALITY", "strength": 70}),
        Card("restore_photo", both(_HEAD), ("old photo",)),
        Card(
            "colorize",
            lambda given, _: halves(picture_of(given[0]), picture_of(given[1]), _HEAD),
            ("gray portrait", "portrait"),
            runs=False,
        ),
        Card(
            "erase",
            lambda given, made: twice(paint_mask(picture_of(given[0]), picture_of(given[1])), picture_of(made[0]), _SPOON),
            files={"mask_file_id": "mask of the spoon"},
        ),
        Card("decompress", both(_FACE), ("blocky",)),
        Card("polish", both(_FACE), ("portrait",)),
    )


def _people() -> Sequence[Card]:
    outlined = {"effects": {"outline_percent": 1.5, "shadow": 60}, "background_color": "#335cd6"}
    return (
        Card("remove_background", split(_UPPER), ("portrait",)),
        Card("fix_transparency", split((0.1, 0.05, 0.9, 0.95)), ("checkered",)),
        Card("blur_faces", split(_HEAD), ("portrait",)),
        Card("fix_red_eyes", split(_EYES), ("red eyes",)),
        Card("passport_photo", pair(), ("portrait",), {"country_code": "FR", "background_color": "#BFDBFE"}),
        Card("compose_cutout", pair(), ("portrait",), outlined, made_by="remove_background"),
        Card("pixelate", split(_HEAD), ("portrait",), {"block": 24, "areas": [{"x1": 30, "y1": 5, "x2": 70, "y2": 45}]}),
        Card("blur_background", split(_UPPER), ("portrait",), {"level": "BLUR_LEVEL_HIGH"}),
        Card("fill_background", pair(), ("fringed",), {"color": "#f0a020"}),
    )


def _marks() -> Sequence[Card]:
    text = {"text": "© Ada", "font_size": 54, "color": "#FFFFFF", "tiled": True, "rotation": -30, "opacity": 70}
    logo = {"position": "POSITION_BOTTOM_RIGHT", "margin": 24, "opacity": 100, "scale_percent": 30}
    return (
        Card("watermark-text", split(), settings=text, made_by="draw_text"),
        Card("watermark-image", split(), settings=logo, files={"overlay_file_id": "logo"}, made_by="compose"),
        Card("draw_text", pair(), settings={"text": "Coffee", "font_size": 110, "background": "#ffffff"}),
        Card("remove_watermark", split(), ("marked",)),
        Card("remove_pdf_watermark", _pages((0.1, 0.04, 0.75, 0.65)), ("report",)),
        Card("redraw_pdf", _pages((0.17, 0.03, 0.83, 0.62)), ("letter scan",)),
    )


def _pages(part: Box) -> Draw:
    return lambda given, made: twice(page_of(given[0], 0), page_of(made[0], 0), part)


def _formats() -> Sequence[Card]:
    return (
        Card(
            "convert",
            lambda given, made: badges(halves(picture_of(given[0]), picture_of(made[0])), "JPEG", "WebP"),
            settings={"format": "PICTURE_FORMAT_WEBP"},
        ),
        Card("compress", compare_sizes(_HEAD), ("portrait",), {"format": "PICTURE_FORMAT_KEPT", "quality": 25}, made_by="convert"),
        Card("optimize-for-web", compare_sizes(), settings={"format": "PICTURE_FORMAT_AVIF", "quality": 45}, made_by="convert"),
        Card(
            "strip-metadata",
            lambda given, _: draw_lines(picture_of(given[0]), ["Camera", "Date", "Author", "Place", "Thumbnail"], struck=True),
            ("tagged",),
            {"format": "PICTURE_FORMAT_KEPT", "strip_metadata": True},
            made_by="convert",
        ),
        Card(
            "edit_metadata",
            lambda given, _: draw_lines(picture_of(given[0]), ["Title", "Author", "Copyright", "Keywords", "Date", "Place"]),
            ("tagged",),
            {"title": "Coffee"},
        ),
        Card("favicons", _icons, ("logo",)),
        Card("rasterize", _drawn, ("plain svg",), {"width": 24, "height": 24}),
        Card("vectorize", _traced, ("small drawing",), {"curve": "TRACE_CURVE_SPLINE"}),
        Card(
            "extract_frames",
            lambda given, made: beside([picture_of(given[0])], [picture_of(each) for each in _entries(made[0]).values()]),
            ("turning",),
        ),
        Card(
            "archive",
            lambda given, made: draw_lines(picture_of(given[0]), ["results.zip", *(f"  {name}" for name in _entries(made[0]))]),
            ("photo", "portrait", "logo"),
        ),
    )


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
    collage = {"template": "COLLAGE_TEMPLATE_3_LEFT_LARGE", "gap": 40, "background": "#335cd6"}
    return (
        Card("collage", many, ("photo", "portrait", "chart"), collage),
        Card("stitch", many, ("photo", "portrait"), {"gap": 12}),
        Card(
            "compose",
            lambda given, made: beside([picture_of(each) for each in given], [picture_of(made[0])]),
            settings={"left": 180, "top": 60},
            files={"overlay_file_id": "logo"},
        ),
        Card(
            "compare",
            lambda given, made: beside([picture_of(each) for each in given], [picture_of(made[1])]),
            ("photo", "mirrored photo"),
        ),
        Card("find_duplicates", _duplicates, ("photo", "portrait", "mirrored photo")),
        Card("make_pdf", many, three[:2]),
    )


def _duplicates(given: Files, made: Files) -> Image.Image:
    [group] = json.loads(made[0])["duplicateGroups"]
    return beside([picture_of(each) for each in given], [picture_of(given[each["index"]]) for each in group["files"]])


def _documents() -> Sequence[Card]:
    return (
        Card("pdf_pages", _rendered, ("report",), {"dpi": 72}),
        Card(
            "read_text",
            lambda given, made: draw_lines(picture_of(given[0]), json.loads(made[0])["text"].split("\n"), (0.1, 0.1, 0.33, 0.92)),
            ("page",),
            {"quality": "TEXT_QUALITY_BEST"},
        ),
        Card(
            "qr_code",
            lambda _, made: beside([words("https://…")], [picture_of(made[0])]),
            (),
            {"text": "https://example.org", "size": 300, "style": "QR_STYLE_ROUNDED"},
        ),
        Card("read_barcodes", _read, ("code",)),
        Card("inspect_picture", _about),
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
