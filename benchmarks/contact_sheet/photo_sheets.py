"""The sheets of the tools that look at what a picture shows."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.contact_sheet.cells import Cell, Settings, Sheet

_WIDE: Settings = {"width": 400, "height": 200}
_TALL: Settings = {"width": 200, "height": 400}


def sheets() -> Sequence[Sheet]:
    """In the order in which the page shows them."""
    return _cropped(), _carved(), _enhanced(), _traced()


def _cropped() -> Sheet:
    faces = [
        Cell("portrait", "smart-crop", {**_TALL, "mode": "face", "facePreset": preset}, preset)
        for preset in ("closeup", "head-shoulders", "upper-body", "half-body")
    ]
    subjects = [
        Cell(source, "smart-crop", {**size, "strategy": strategy}, f"{strategy}, {size['width']} × {size['height']}")
        for source in ("photo", "portrait")
        for strategy in ("attention", "entropy")
        for size in (_WIDE, _TALL)
    ]
    trimmed = [
        Cell("logo", "smart-crop", {"mode": "trim"}, "trim"),
        Cell("logo", "smart-crop", {"mode": "trim", "padToSquare": True, "padColor": "#336699"}, "trim, padToSquare"),
        Cell("chart", "smart-crop", {"mode": "trim", "targetSize": 300}, "trim, targetSize 300"),
    ]
    return Sheet("smart-crop", [*subjects, *faces, *trimmed])


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
        "content-aware-resize",
        [
            *(Cell("photo", "content-aware-resize", one) for one in settings),
            *(Cell("portrait", "content-aware-resize", one) for one in portrait),
        ],
    )


def _enhanced() -> Sheet:
    sources = ("photo", "portrait", "noisy", "gray", "web")
    return Sheet(
        "image-enhancement",
        [
            *(Cell(source) for source in sources),
            *(Cell(source, "image-enhancement") for source in sources),
            *(Cell(source, "image-enhancement", {"intensity": 100}) for source in sources),
            *(Cell("photo", "image-enhancement", {"mode": mode}) for mode in ("portrait", "landscape", "low-light", "food", "document")),
        ],
    )


def _traced() -> Sheet:
    return Sheet(
        "vectorize",
        [
            Cell("logo", "vectorize", {"colorMode": "color"}),
            Cell("logo", "vectorize"),
            Cell("logo", "vectorize", {"invert": True}),
            Cell("photo", "vectorize", {"colorMode": "color", "filterSpeckle": 8}),
            Cell("photo", "vectorize", {"threshold": 90}),
            Cell("portrait", "vectorize", {"colorMode": "color", "pathMode": "polygon"}),
            Cell("portrait", "vectorize", {"colorMode": "color", "colorPrecision": 5}),
            Cell("portrait", "vectorize", {"threshold": 120}),
            Cell("drawing", "vectorize", {"colorMode": "color", "pathMode": "none"}),
            Cell("drawing", "vectorize"),
        ],
    )
