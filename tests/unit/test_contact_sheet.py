"""The contact sheets show every tool, with settings that it takes, and the pages show every sheet."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.contact_sheet.cells import Sheet
from benchmarks.contact_sheet.looking import display_file, sheet
from benchmarks.contact_sheet.sheets import sheets
from benchmarks.contact_sheet.sources import UNDONE, encode_file, file_of, letter
from services.gateway.surfaces.snapotter.tool_settings import read_settings
from services.gateway.surfaces.snapotter.tools.registry import TOOLS

DOCS = Path(__file__).parents[2] / "docs"
NOT_PICTURES = {
    *("info", "strip-metadata-inspect", "edit-metadata-inspect", "image-enhancement-analyze", "gif-tools-info", "color-palette"),
    *("find-duplicates", "barcode-read", "image-to-base64", "pdf-to-image-info", "pdf-to-image-preview", "image-to-pdf", "bulk-rename"),
    *("edit-metadata", "gif-tools", "split", "favicon", "pdf-to-image", "svg-to-raster", "qr-generate"),
    *("remove-background-effects", "ocr", "passport-photo-generate", "colorize"),
}
"""Tools on no sheet: they give no picture, several, one that is not looked at beside its input, or one that the guides show."""
OTHER_NAMES = {"brightness-contrast", "saturation", "color-channels", "color-adjustments"}


@pytest.mark.cases(10)
@pytest.mark.parametrize("shown", sheets(), ids=lambda shown: shown.name)
def test_every_call_is_valid(shown: Sheet) -> None:
    for cell in shown.cells:
        if cell.tool:
            name, _ = file_of(cell.source)
            assert cell.tool.plan(read_settings(json.dumps(cell.settings), cell.tool.settings), name).operations


def test_every_tool_is_on_a_sheet() -> None:
    assert {cell.tool.id for shown in sheets() for cell in shown.cells if cell.tool} == TOOLS.keys() - NOT_PICTURES - OTHER_NAMES


def test_the_pages_show_every_sheet() -> None:
    pages = "".join(page.read_text() for page in (DOCS / "operations").glob("*.md"))
    names = re.findall(r"\(\.\./images/snapotter/([\w-]+)\.webp\)", pages)
    assert sorted(names) == sorted(shown.name for shown in sheets())
    assert sorted(names) == sorted(file.stem for file in (DOCS / "images" / "snapotter").iterdir())


def test_files_are_shown_upright_and_without_what_is_hidden() -> None:
    upright = np.asarray(letter().convert("RGB")).astype(int)
    for number in UNDONE:
        shown = np.asarray(display_file(file_of(f"letter {number}")[1]).picture.convert("RGB")).astype(int)
        assert np.abs(shown - upright).mean() < 3, number
    hidden = Image.new("RGBA", (50, 50), (0, 255, 0, 0))
    drawn = np.asarray(sheet([("hidden", display_file(encode_file(hidden, "PNG")))], 1, None)).astype(int)
    assert not ((drawn[..., 1] - drawn[..., 0]) > 40).any()


def test_a_refusal_is_told_in_place_of_a_picture() -> None:
    drawn = np.asarray(sheet([("bad", "422 " + "no such thing " * 20)], 1, None))
    assert (drawn.reshape(-1, 3) == (160, 0, 0)).all(axis=1).any()
