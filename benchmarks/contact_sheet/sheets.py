"""Every sheet."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.contact_sheet import (
    model_sheets,
    odd_sources,  # noqa: F401 - registers its pictures
    photo_sheets,
    several_sources,
)
from benchmarks.contact_sheet.cells import Cell, Settings, Sheet, each, steps
from benchmarks.contact_sheet.sources import AS_PHOTO
from services.gateway.surfaces.snapotter.tools import colours, formats, metadata, overlays, shapes

_BOX: Settings = {"width": 300, "height": 300}
_EITHER_WAY = (-100, -50, 50, 100)
_ADJUST = colours.ADJUST_COLORS
_SCRIPTS = (
    "Grüße aus Łódź, Đà Nẵng",
    "Ελληνικά – Привет, Україно",
    "مرحبا بالعالم",
    "שלום עולם",
    "Հայերեն ქართული",
    "€ ½ → ★ ♥ ∑ ≤ “q” — …",
    "<b>&amp; %d \\n</b>",
    "two\nlines",
    "A long caption has to be broken into several lines, since it does not fit into one",
)
# What the font of labels does not have, by what is said instead.
_OTHER_SCRIPTS = {
    "Chinese, simplified": "现代咖啡馆，直接体验",
    "Chinese, traditional": "現代咖啡館，直接體驗",
    "Japanese": "朝のコーヒー、直角の窓",
    "Korean": "아침 커피 한 잔",
    "Thai, two lines": "กาแฟยามเช้า\nที่นี่ชื่นใจ",
    "Hindi, Bengali, Punjabi": "सुबह की कॉफ़ी সকালের কফি ਸਵੇਰ ਦੀ ਕੌਫੀ",
    "Gujarati, Odia, Tamil": "સવારની કૉફી ସକାଳ କଫି காலை காபி",
    "Telugu, Kannada, Malayalam": "ఉదయపు కాఫీ ಬೆಳಗಿನ ಕಾಫಿ രാവിലെ കാപ്പി",
    "Sinhala, Khmer, Burmese, Amharic": "උදෑසන කෝපි កាហ្វេពេលព្រឹក မနက်ခင်းကော်ဖီ የጠዋት ቡና",
    "scripts in one line": "Coffee 咖啡 กาแฟ कॉफ़ी قهوة",
    "emoji": "🚀 👩\u200d🚀 😀 ❤️ 🍕 🇫🇷",
    "Tibetan, hieroglyphs: in no font": "ཇ་ཁ 𓀀𓀁",
}


def sheets() -> Sequence[Sheet]:
    """In the order in which they are made."""
    return (
        _resize(),
        _resized_detail(),
        _crop(),
        _rotate(),
        _light(),
        _colours(),
        _effects(),
        _sharpening(),
        _replacing(),
        _watermarks(),
        _captions(),
        _borders(),
        *several_sources.sheets(),
        *photo_sheets.sheets(),
        *model_sheets.sheets(),
        _formats(),
        _compressed(),
        _web(),
        _metadata(),
        _inputs(),
        _orientations(),
    )


def _resize() -> Sheet:
    fits = [Cell("photo", shapes.RESIZE, {**_BOX, "fit": fit}) for fit in ("contain", "cover", "fill", "inside", "outside")]
    tall = [
        Cell("photo", shapes.RESIZE, {"width": 160, "height": 320, "fit": fit}) for fit in ("contain", "cover", "fill", "inside", "outside")
    ]
    flat: Settings = {"width": 300, "height": 180}
    alpha = [Cell("logo", shapes.RESIZE, {**flat, "fit": fit}, f"with alpha: 300 × 180, {fit}") for fit in ("contain", "cover", "inside")]
    others = each(
        "photo",
        shapes.RESIZE,
        {"width": 60},
        {"height": 60},
        {"percentage": 10},
        {"percentage": 150},
        {"width": 900, "withoutEnlargement": True},
        {"width": 900, "height": 900, "fit": "contain", "withoutEnlargement": True},
        {"width": 1, "height": 300, "fit": "fill"},
    )
    return Sheet(shapes.RESIZE.id, [Cell("photo"), *fits, *tall, *alpha, *others])


def _resized_detail() -> Sheet:
    shares = (200, 66, 40, 25)
    pictures = ("portrait", "drawing", "rings", "logo")
    cells = [cell for name in pictures for cell in (Cell(name), *steps(name, shapes.RESIZE, "percentage", shares))]
    return Sheet("resize-detail", cells, detail=(0.5, 0.3))


def _crop() -> Sheet:
    part: Settings = {"left": 300, "top": 40, "width": 200, "height": 200}
    return Sheet(
        shapes.CROP.id,
        [
            Cell("photo"),
            *each(
                "photo",
                shapes.CROP,
                part,
                {"left": 50, "top": 0, "width": 50, "height": 100, "unit": "percent"},
                {"left": 33.3, "top": 33.3, "width": 33.3, "height": 33.3, "unit": "percent"},
                {"left": 599, "top": 0, "width": 1, "height": 400},
                {"aspectRatio": "1:1"},
                {"aspectRatio": "21:9"},
            ),
            Cell("turned", shapes.CROP, part, "stored sideways: the same part"),
            Cell("logo", shapes.CROP, {"left": 60, "top": 60, "width": 120, "height": 120}, "with alpha"),
        ],
    )


def _rotate() -> Sheet:
    return Sheet(
        shapes.ROTATE.id,
        [
            Cell("photo"),
            *steps("photo", shapes.ROTATE, "angle", (90, 180, 270, -90, 45, -30, 10, 0.5, 450)),
            *each(
                "photo",
                shapes.ROTATE,
                {"horizontal": True},
                {"vertical": True},
                {"horizontal": True, "vertical": True},
                {"angle": 90, "horizontal": True},
                {"angle": 15, "vertical": True},
                {"flip": "both"},
                {"angle": 20, "background": "#ffcc00"},
            ),
            Cell("turned", shapes.ROTATE, {"angle": 90}, "stored sideways: angle 90"),
            Cell("logo", shapes.ROTATE, {"angle": 45}, "with alpha: angle 45"),
            Cell("logo", shapes.ROTATE, {"angle": 90}, "with alpha: angle 90"),
        ],
    )


def _light() -> Sheet:
    cells: list[Cell] = []
    for name in ("brightness", "contrast", "exposure"):
        cells += [Cell("chart"), *steps("chart", _ADJUST, name, _EITHER_WAY)]
    for name in ("brightness", "contrast", "exposure"):
        cells += [Cell("photo"), *steps("photo", _ADJUST, name, (-60, -25, 25, 60))]
    return Sheet("light", cells)


def _colours() -> Sheet:
    cells: list[Cell] = []
    for name in ("saturation", "temperature", "tint"):
        cells += [Cell("chart"), *steps("chart", _ADJUST, name, _EITHER_WAY)]
    cells += [Cell("chart"), *steps("chart", _ADJUST, "hue", (-90, -30, 30, 180))]
    for name in ("red", "green", "blue"):
        cells += [Cell("chart"), *steps("chart", _ADJUST, name, (0, 50, 150, 200))]
    return Sheet("colours", cells)


def _effects() -> Sheet:
    cells = [Cell("chart"), *steps("chart", _ADJUST, "effect", ("grayscale", "sepia", "invert")), Cell("chart", _ADJUST)]
    cells += [Cell("photo"), *steps("photo", colours.COLOR_EFFECTS, "effect", ("grayscale", "sepia", "invert", "none"))]
    cells += [Cell("logo"), *steps("logo", colours.COLOR_EFFECTS, "effect", ("grayscale", "sepia", "invert"))]
    cells += each(
        "chart",
        _ADJUST,
        {"brightness": 20, "contrast": 30, "saturation": 20},
        {"exposure": 40, "contrast": -30},
        {"saturation": -60, "temperature": 60},
        {"temperature": 40, "tint": 20, "effect": "grayscale"},
        {"contrast": 40, "effect": "sepia"},
        {"sharpness": 100, "saturation": 100},
    )
    cells += [
        Cell("gray", _ADJUST, {"effect": "sepia"}, "gray JPEG: sepia"),
        Cell("gray", _ADJUST, {"temperature": 80}, "gray JPEG: temperature 80"),
    ]
    return Sheet("effects", cells)


def _sharpening() -> Sheet:
    cells = [Cell("portrait")]
    cells += each(
        "portrait",
        colours.SHARPENING,
        {},
        {"sigma": 3},
        {"sigma": 10, "m2": 20},
        {"m1": 10, "m2": 0},
        {"y2": 0, "y3": 50},
        {"method": "unsharp-mask"},
        {"method": "unsharp-mask", "amount": 300},
        {"method": "unsharp-mask", "amount": 1000, "radius": 5},
        {"method": "unsharp-mask", "amount": 300, "threshold": 20},
        {"method": "high-pass", "strength": 50},
        {"method": "high-pass", "strength": 100},
        {"method": "high-pass", "strength": 100, "kernelSize": 5},
        {"denoise": "light"},
        {"denoise": "medium"},
        {"denoise": "strong"},
    )
    cells += [Cell("noisy", caption="noisy, as sent")]
    cells += [
        Cell("noisy", colours.SHARPENING, {"denoise": amount}, f"noisy: denoise {amount}")
        for amount in ("off", "light", "medium", "strong")
    ]
    cells += [Cell("portrait", _ADJUST, {"sharpness": amount}, f"{_ADJUST.id}: sharpness {amount}") for amount in (25, 50, 100)]
    return Sheet(colours.SHARPENING.id, cells, detail=(0.47, 0.23))


def _replacing() -> Sheet:
    red: Settings = {"sourceColor": "#C82828", "targetColor": "#2850C8"}
    cells = [Cell("chart")]
    cells += [
        Cell("chart", colours.REPLACE_COLOR, {**red, "tolerance": amount}, f"red to blue, tolerance {amount}")
        for amount in (0, 10, 30, 80, 255)
    ]
    white: Settings = {"sourceColor": "#FFFFFF", "makeTransparent": True}
    cells += [
        Cell("drawing"),
        *(Cell("drawing", colours.REPLACE_COLOR, {**white, "tolerance": t}, f"white to transparent, {t}") for t in (0, 10, 30, 80)),
    ]
    cells += [
        Cell("drawing", colours.REPLACE_COLOR, {"sourceColor": "#FFFFFF", "targetColor": "#102040"}, "white to dark blue"),
        Cell("drawing", colours.REPLACE_COLOR, {"targetColor": "#000000", "replacementColor": "#D00000"}, "S's words: black to red"),
        Cell("photo", colours.REPLACE_COLOR, {**white, "tolerance": 60}, "JPEG becomes PNG"),
        Cell(
            "logo",
            colours.REPLACE_COLOR,
            {"sourceColor": "#F0A020", "targetColor": "#20A040", "tolerance": 60},
            "with alpha: orange to green",
        ),
    ]
    return Sheet(colours.REPLACE_COLOR.id, cells)


def _watermarks() -> Sheet:
    mark: Settings = {"text": "© Ada 1843", "fontSize": 36, "color": "#FFFFFF"}
    positions = ("center", "top-left", "top-right", "bottom-left", "bottom-right", "tiled")
    cells = [Cell("photo", overlays.WATERMARK_TEXT, {**mark, "position": position}, position) for position in positions]
    cells += [Cell("photo", overlays.WATERMARK_TEXT, {**mark, "rotation": angle}, f"rotation {angle}") for angle in (-30, 45, 90, 180)]
    cells += [
        Cell("photo", overlays.WATERMARK_TEXT, {**mark, "position": "tiled", "rotation": angle}, f"tiled, rotation {angle}")
        for angle in (-30, 45)
    ]
    cells += [Cell("photo", overlays.WATERMARK_TEXT, {**mark, "opacity": share}, f"opacity {share}") for share in (0, 10, 100)]
    cells += [
        Cell("photo", overlays.WATERMARK_TEXT, {"text": "defaults"}, "only a text"),
        Cell("photo", overlays.WATERMARK_TEXT, {**mark, "fontSize": 8, "position": "tiled"}, "tiled, fontSize 8"),
        Cell("photo", overlays.WATERMARK_TEXT, {**mark, "fontSize": 1000}, "fontSize 1000"),
        Cell("photo", overlays.WATERMARK_TEXT, {**mark, "position": "bottom-right", "rotation": -45}, "bottom-right, rotation -45"),
        Cell("logo", overlays.WATERMARK_TEXT, {"text": "over alpha", "fontSize": 40, "opacity": 80}, "with alpha"),
        Cell("gray", overlays.WATERMARK_TEXT, {**mark, "color": "#FF3030", "opacity": 90}, "gray JPEG, red text"),
        Cell(
            "photo",
            overlays.WATERMARK_TEXT,
            {**mark, "text": "© 水印 ลายน้ำ", "position": "tiled", "rotation": -30},
            "Chinese and Thai, tiled",
        ),
    ]
    return Sheet(overlays.WATERMARK_TEXT.id, cells)


def _captions() -> Sheet:
    said = {"text": "Morning coffee"}
    cells = [Cell("photo", overlays.TEXT_OVERLAY, {**said, "position": position}, position) for position in ("top", "center", "bottom")]
    cells += [
        Cell("photo", overlays.TEXT_OVERLAY, {**said, "shadow": False}, "no shadow"),
        Cell("photo", overlays.TEXT_OVERLAY, {**said, "backgroundBox": True}, "box"),
        Cell(
            "photo",
            overlays.TEXT_OVERLAY,
            {**said, "backgroundBox": True, "backgroundColor": "#C02020", "shadow": False},
            "red box, no shadow",
        ),
        Cell("photo", overlays.TEXT_OVERLAY, {**said, "fontSize": 8}, "fontSize 8"),
        Cell("photo", overlays.TEXT_OVERLAY, {**said, "fontSize": 200}, "fontSize 200"),
        Cell("photo", overlays.TEXT_OVERLAY, {**said, "color": "#FFD000", "fontSize": 64}, "yellow, 64"),
        Cell("logo", overlays.TEXT_OVERLAY, {**said, "fontSize": 36, "color": "#204080"}, "with alpha"),
    ]
    said_of = {text.replace("\n", "⏎"): text for text in _SCRIPTS} | _OTHER_SCRIPTS
    cells += [Cell("photo", overlays.TEXT_OVERLAY, {"text": text, "fontSize": 40}, label) for label, text in said_of.items()]
    return Sheet(overlays.TEXT_OVERLAY.id, cells)


def _borders() -> Sheet:
    shadow: Settings = {"shadow": True, "borderWidth": 0}
    return Sheet(
        shapes.BORDER.id,
        [
            *each(
                "photo",
                shapes.BORDER,
                {},
                {"borderWidth": 40, "borderColor": "#C02020"},
                {"borderWidth": 20, "padding": 40},
                {"borderWidth": 20, "padding": 40, "paddingColor": "#FFE0A0"},
                {"borderWidth": 0, "cornerRadius": 60},
                {"borderWidth": 30, "cornerRadius": 60},
                {"borderWidth": 30, "padding": 20, "cornerRadius": 100},
                {"borderWidth": 30, "cornerRadius": 2000},
                shadow,
                {**shadow, "shadowBlur": 60, "shadowOpacity": 100},
                {**shadow, "shadowBlur": 1, "shadowOffsetX": 30, "shadowOffsetY": 30},
                {**shadow, "shadowOffsetX": -50, "shadowOffsetY": -50, "shadowColor": "#0040FF"},
                {"borderWidth": 20, "borderColor": "#FFFFFF", "cornerRadius": 40, "shadow": True, "shadowBlur": 30},
                {"width": 30, "color": "#2060C0", "borderRadius": 50},
            ),
            Cell("logo", shapes.BORDER, {"borderWidth": 10}, "with alpha: borderWidth 10"),
        ],
    )


def _formats() -> Sheet:
    cells = [Cell("photo")]
    for name in ("jpg", "webp", "avif", "heic", "heif", "tiff", "png", "gif"):
        cells += each("photo", formats.CONVERT, {"format": name}, *({"format": name, "quality": quality} for quality in (10, 50, 90)))
    cells += [
        Cell("logo", formats.CONVERT, {"format": name}, f"with alpha: {name}")
        for name in ("jpg", "png", "webp", "avif", "gif", "tiff", "heic")
    ]
    return Sheet(formats.CONVERT.id, cells, columns=4, detail=(0.5, 0.45))


def _compressed() -> Sheet:
    cells = [Cell("portrait"), *steps("portrait", formats.COMPRESS, "quality", (1, 10, 30, 50, 80, 100))]
    cells += [Cell("portrait", formats.COMPRESS, {"mode": "targetSize", "targetSizeKb": size}) for size in (60, 30, 15, 8, 1)]
    cells += [Cell("chart", formats.COMPRESS, {"quality": quality}, f"PNG: quality {quality}") for quality in (1, 20, 80, 100)]
    cells += [Cell("chart", formats.COMPRESS, {"targetSizeKB": size}, f"PNG: targetSizeKB {size}") for size in (100, 30)]
    cells += [Cell("web", formats.COMPRESS, {"quality": quality}, f"WebP: quality {quality}") for quality in (20, 80)]
    return Sheet(formats.COMPRESS.id, cells, detail=(0.47, 0.23))


def _web() -> Sheet:
    cells = [Cell("photo")]
    for name in ("webp", "jpeg", "avif", "png"):
        cells += [Cell("photo", formats.OPTIMIZE_FOR_WEB, {"format": name, "quality": quality}) for quality in (20, 80)]
    cells += each("photo", formats.OPTIMIZE_FOR_WEB, {"maxWidth": 150}, {"maxWidth": 300, "maxHeight": 100}, {"maxWidth": 5000})
    cells += [Cell("logo", formats.OPTIMIZE_FOR_WEB, {"format": name}, f"with alpha: {name}") for name in ("webp", "jpeg", "png")]
    return Sheet(formats.OPTIMIZE_FOR_WEB.id, cells)


def _metadata() -> Sheet:
    return Sheet(
        metadata.STRIP_METADATA.id,
        [
            Cell(source, metadata.STRIP_METADATA, settings, f"{AS_PHOTO.get(source, source)}: {said}")
            for source in ("turned", "p3", "prophoto", "cmyk")
            for settings, said in (({}, "all"), ({"stripAll": False}, "nothing"), ({"stripAll": False, "stripIcc": True}, "stripIcc"))
        ],
        columns=3,
    )


def _inputs() -> Sheet:
    cells = [Cell("photo", caption="all must look like this")]
    cells += [Cell(source, formats.CONVERT, {"format": "png"}, said) for source, said in AS_PHOTO.items()]
    return Sheet("inputs", cells, columns=6)


def _orientations() -> Sheet:
    cells = []
    strip = metadata.STRIP_METADATA
    for tool, settings in ((shapes.RESIZE, {"width": 200}), (strip, {}), (strip, {"stripAll": False})):
        said = "nothing stripped" if settings == {"stripAll": False} else tool.id
        cells.append(Cell("letter", caption="all must look like this"))
        cells += [Cell(f"letter {number}", tool, settings, f"orientation {number}, {said}") for number in range(1, 9)]
    return Sheet("orientations", cells, columns=9)
