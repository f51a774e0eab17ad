"""The sheets of the tools that take several pictures."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.contact_sheet.cells import Cell, Settings, Sheet
from services.gateway.surfaces.snapotter.tool import Tool
from services.gateway.surfaces.snapotter.tools import montages, overlays, reading

_BLEND_MODES = (
    "over",
    "multiply",
    "screen",
    "overlay",
    "darken",
    "lighten",
    "hard-light",
    "soft-light",
    "difference",
    "exclusion",
)
_SOURCES = ("photo", "portrait", "logo", "turned")
"""In turn."""


def sheets() -> Sequence[Sheet]:
    """In the order in which they are made."""
    return _watermark(), _composed(), _compared(), _stitched(), _collages()


def _watermark() -> Sheet:
    settings: Sequence[Settings] = (
        {},
        {"position": "center", "opacity": 100},
        {"position": "top-left", "scale": 50},
        {"position": "top-right", "scale": 10, "opacity": 80},
        {"position": "bottom-left", "opacity": 20},
    )
    return Sheet(
        overlays.WATERMARK_IMAGE.id, [Cell("photo", overlays.WATERMARK_IMAGE, each, beside=[("watermark", "logo")]) for each in settings]
    )


def _composed() -> Sheet:
    cells = [
        Cell("portrait", overlays.COMPOSE, {"blendMode": mode, "x": 16, "y": 60}, mode, beside=[("overlay", "chart")])
        for mode in _BLEND_MODES
    ]
    return Sheet(overlays.COMPOSE.id, cells)


def _compared() -> Sheet:
    return Sheet(
        reading.COMPARE.id,
        [
            Cell("photo", reading.COMPARE, {}, said, beside=[("file", other)])
            for other, said in (("photo", "with itself"), ("p3", "with itself in another profile"), ("portrait", "with another one"))
        ],
        columns=3,
    )


def _stitched() -> Sheet:
    cells = [
        _several(montages.STITCH, 4, {"direction": direction, "resizeMode": mode, "gap": 8, "border": 8, "backgroundColor": "#ffdca8"})
        for direction in ("horizontal", "vertical", "grid")
        for mode in ("fit", "original", "stretch", "crop")
    ]
    cells += [
        _several(montages.STITCH, 4, {"resizeMode": "original", "alignment": alignment, "cornerRadius": 40})
        for alignment in ("start", "end")
    ]
    cells.append(_several(montages.STITCH, 3, {"direction": "grid", "gridColumns": 3}))
    return Sheet(montages.STITCH.id, cells, columns=4)


def _collages() -> Sheet:
    cells = [_several(montages.COLLAGE, int(name[0]), {"templateId": name, "gap": 24}, name) for name in montages.TEMPLATES]
    settings: Sequence[Settings] = (
        {"aspectRatio": "1:1", "cornerRadius": 150, "gap": 60, "backgroundColor": "#ffdca8"},
        {"aspectRatio": "9:16", "backgroundColor": "transparent", "gap": 100},
        {"cells": [{"imageIndex": 1, "zoom": 2, "panY": -100}, {"imageIndex": 0, "objectFit": "contain"}]},
    )
    said = ("round corners", "9:16, transparent, three pictures", "zoom and pan, contain")
    cells += [
        _several(montages.COLLAGE, 3, {"templateId": "4-grid"} | dict(each), label) for each, label in zip(settings, said, strict=True)
    ]
    return Sheet(montages.COLLAGE.id, cells, columns=6)


def _several(tool: Tool, count: int, settings: Settings, said: str = "") -> Cell:
    sources = [_SOURCES[number % len(_SOURCES)] for number in range(count)]
    return Cell(sources[0], tool, settings, said, [("file", source) for source in sources[1:]])
