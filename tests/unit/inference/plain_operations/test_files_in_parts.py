"""Files of several frames or pages: an operation that works on the first alone says so."""

from __future__ import annotations

import pytest

from services.pictures.operations import Arity, specs
from tests.reported_files.animations import IN_PARTS
from tests.unit.imaging.pictures import photo
from tests.unit.inference.plain_operations.examples import BESIDE, EXAMPLES
from tests.unit.inference.plain_operations.running import Running, png

OF_ALL_PARTS = {"edit_animation", "extract_frame", "extract_frames", "inspect_animation"}
"""Operations that read every frame of an animation."""
OF_THE_FILE = {"edit_metadata", "inspect_metadata", "inspect_picture"}
"""Those that leave all frames as they are, or count them."""
IN_WHOLE = ("frames.png", "frames.gif", "frames.webp", "frames.avif", "pages.tif")
"""The files on all of whose frames or pages an operation works that has the option `by_frame`."""


async def notes_of(running: Running, operation: str, name: str) -> list[tuple[str, str]]:
    running.auxiliaries[BESIDE] = png(photo(20, 30))
    made = {operation: EXAMPLES[operation]}
    if specs()[operation].arity is Arity.ALL:
        await running.joined({"first.png": png(photo()), name: IN_PARTS[name]()}, made)
    else:
        await running.product(IN_PARTS[name](), made, name=name)
    return [notice for notice in running.notices if notice[0] == "picture_note"]


@pytest.mark.cases(6)
@pytest.mark.parametrize("name", IN_PARTS)
async def test_a_notice_of_what_was_left_out(running: Running, name: str) -> None:
    assert await notes_of(running, "resize", name) == ([] if name in IN_WHOLE else [("picture_note", "")])


@pytest.mark.parametrize("operation", ["split", "inspect_palette", "inspect_quality", "make_pdf", "favicons"])
async def test_a_notice_by_operations_of_every_kind(running: Running, operation: str) -> None:
    assert await notes_of(running, operation, "frames.png") == [("picture_note", "")]


async def test_a_notice_of_a_picture_besides(running: Running) -> None:
    running.auxiliaries[BESIDE] = IN_PARTS["frames.png"]()
    await running.product(png(photo()), {"compose": EXAMPLES["compose"]})
    assert ("picture_note", "") in running.notices


@pytest.mark.thorough
@pytest.mark.parametrize("name", IN_PARTS)
@pytest.mark.parametrize("operation", EXAMPLES)
async def test_a_notice_by_every_operation(running: Running, operation: str, name: str) -> None:
    whole = operation in OF_THE_FILE or (operation in OF_ALL_PARTS and name.startswith("frames."))
    whole = whole or (operation in ("make_pdf", "extract_frame", "extract_frames") and name == "pages.tif")
    # The example of a conversion is to WebP, which has no pages.
    whole = whole or (specs()[operation].by_frame and name in IN_WHOLE and (operation, name) != ("convert", "pages.tif"))
    assert await notes_of(running, operation, name) == ([] if whole else [("picture_note", "")])
