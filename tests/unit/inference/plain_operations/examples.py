"""A call of every operation on pictures that needs no model, and what its results must be."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import pikepdf

from darkroom.operations.v1 import options_pb2
from services.inference.media import Hints, decode
from services.inference.pipeline.run import Product
from services.pictures.operations import Arity, specs
from tests.unit.inference.plain_operations.running import LIMITS

BESIDE = 7
"""The id of the picture that some need besides."""

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "resize": {"width": 80, "height": 60},
    "crop": {"aspect_ratio": "1:1"},
    "pad": {"horizontal": 20, "vertical": 10},
    "adjust": {"exposure": 20},
    "decompress": {},
    "polish": {},
    "convert": {"format": "PICTURE_FORMAT_WEBP"},
    "fill_background": {"color": "#336699"},
    "rotate": {"angle": 30},
    "border": {"width": 5, "corner_radius": 9},
    "inspect_metadata": {},
    "inspect_picture": {},
    "color_adjust": {"brightness": 10},
    "sharpen": {},
    "replace_color": {"color": "#806040", "replacement": "transparent", "tolerance": 60},
    "pixelate": {"block": 9},
    "draw_text": {"text": "Darkroom"},
    "inspect_palette": {},
    "inspect_quality": {},
    "smart_crop": {"width": 60, "height": 90, "faces": "FACE_FRAME_CLOSE_UP"},
    "trim_edges": {"square": True},
    "enhance_picture": {"intensity": 100},
    "carve_seams": {"width": 120, "height": 130, "protect_faces": True},
    "compose_cutout": {"background_file_id": BESIDE, "effects": {"blur": 20, "shadow": 40, "outline_percent": 2}},
    "compose": {"overlay_file_id": BESIDE, "scale_percent": 25, "position": "POSITION_BOTTOM_RIGHT", "margin": 20},
    "compare": {},
    "stitch": {"direction": "STITCH_DIRECTION_GRID", "gap": 3, "corner_radius": 4},
    "collage": {"template": "COLLAGE_TEMPLATE_2_H_EQUAL", "width": 120, "height": 90, "gap": 3, "corner_radius": 4},
    "read_barcodes": {},
    "vectorize": {"color": True},
    "favicons": {},
    "edit_animation": {"width": 40},
    "extract_frame": {},
    "extract_frames": {},
    "inspect_animation": {},
    "rasterize": {"width": 90},
    "split": {"columns": 2, "rows": 2},
    "find_duplicates": {"threshold": 8},
    "make_pdf": {},
    "edit_metadata": {},
}
JOINING = [name for name in EXAMPLES if specs()[name].arity is Arity.ALL]
EACH = [name for name in EXAMPLES if specs()[name].arity is Arity.EACH]


def check(made: Product, name: str) -> None:
    """Fail unless a result is a whole file of the kind that the operation gives."""
    for each in (made, *made.attachments):
        assert isinstance(each.content, bytes)
        if each.media_type.startswith("image/"):
            picture = decode(each.content, LIMITS, Hints(each.name))
            assert picture.width and picture.height
        elif each.media_type == "application/zip":
            with zipfile.ZipFile(io.BytesIO(each.content)) as archive:
                assert archive.namelist() and archive.testzip() is None
        elif each.media_type == "application/pdf":
            with pikepdf.open(io.BytesIO(each.content)) as document:
                assert len(document.pages) and not document.check_pdf_syntax()
        else:
            assert isinstance(json.loads(each.content), dict)
    kind = specs()[name].produces
    assert made.media_type.startswith("image/") == (kind == options_pb2.MEDIA_KIND_IMAGE)
