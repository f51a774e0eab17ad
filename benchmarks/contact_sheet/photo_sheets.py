"""The sheets of the tools that look at what a picture shows."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.contact_sheet.cells import Cell, Settings, Sheet
from services.gateway.surfaces.snapotter.tools import codes, photos

_WIDE: Settings = {"width": 400, "height": 200}
_TALL: Settings = {"width": 200, "height": 400}


def sheets() -> Sequence[Sheet]:
    """In the order in which they are made."""
    return _cropped(), _carved(), _enhanced(), _traced()


def _cropped() -> Sheet:
    faces = [
        Cell("portrait", photos.SMART_CROP, {**_TALL, "mode": "face", "facePreset": preset}, preset)
        for preset in ("closeup", "head-shoulders", "upper-body", "half-body")
    ]
    subjects = [
        Cell(source, photos.SMART_CROP, {**size, "strategy": strategy}, f"{strategy}, {size['width']} × {size['height']}")
        for source in ("photo", "portrait")
        for strategy in ("attention", "entropy")
        for size in (_WIDE, _TALL)
    ]
    trimmed = [
        Cell("logo", photos.SMART_CROP, {"mode": "trim"}, "trim"),
        Cell("logo", photos.SMART_CROP, {"mode": "trim", "padToSquare": True, "padColor": "#336699"}, "trim, padToSquare"),
        Cell("chart", photos.SMART_CROP, {"mode": "trim", "targetSize": 300}, "trim, targetSize 300"),
    ]
    return Sheet(photos.SMART_CROP.id, [*subjects, *faces, *trimmed])


def _carved() -> Sheet:
    settings: Sequence[Settings] = ({"width": 500}, {"width": 800}, {"height": 300}, {"square": True}, {"width": 500, "height": 300})
    portrait: Sequence[Settings] = (
        {"width": 380},
        {"width": 380, "protectFaces": True},
        {"width": 640},
        {"height": 380},
        {"height": 380, "protectFaces": True},
    )
    return Sheet(
        photos.CONTENT_AWARE_RESIZE.id,
        [
            *(Cell("photo", photos.CONTENT_AWARE_RESIZE, one) for one in settings),
            *(Cell("portrait", photos.CONTENT_AWARE_RESIZE, one) for one in portrait),
        ],
    )


def _enhanced() -> Sheet:
    sources = ("photo", "portrait", "noisy", "gray", "web")
    return Sheet(
        photos.IMAGE_ENHANCEMENT.id,
        [
            *(Cell(source) for source in sources),
            *(Cell(source, photos.IMAGE_ENHANCEMENT) for source in sources),
            *(Cell(source, photos.IMAGE_ENHANCEMENT, {"intensity": 100}) for source in sources),
            *(
                Cell("photo", photos.IMAGE_ENHANCEMENT, {"mode": mode})
                for mode in ("portrait", "landscape", "low-light", "food", "document")
            ),
        ],
    )


def _traced() -> Sheet:
    return Sheet(
        codes.VECTORIZE.id,
        [
            Cell("logo", codes.VECTORIZE, {"colorMode": "color"}),
            Cell("logo", codes.VECTORIZE),
            Cell("logo", codes.VECTORIZE, {"invert": True}),
            Cell("photo", codes.VECTORIZE, {"colorMode": "color", "filterSpeckle": 8}),
            Cell("photo", codes.VECTORIZE, {"threshold": 90}),
            Cell("portrait", codes.VECTORIZE, {"colorMode": "color", "pathMode": "polygon"}),
            Cell("portrait", codes.VECTORIZE, {"colorMode": "color", "colorPrecision": 5}),
            Cell("portrait", codes.VECTORIZE, {"threshold": 120}),
            Cell("drawing", codes.VECTORIZE, {"colorMode": "color", "pathMode": "none"}),
            Cell("drawing", codes.VECTORIZE),
        ],
    )
