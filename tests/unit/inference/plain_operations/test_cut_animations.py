"""Animations that are cut off: refused when they are uploaded, or by every operation that reads all of their frames."""

from __future__ import annotations

from itertools import product

import pytest

from services.pictures.probe.child import probe
from services.platform.errors import DarkroomError, ErrorReason
from tests.format_pairs.cases import FORMATS
from tests.format_pairs.traits import Trait
from tests.unit.inference.plain_operations.examples import EXAMPLES
from tests.unit.inference.plain_operations.running import Running

KINDS = ("gif", "webp", "png", "avif")
OPERATIONS = ("resize", "edit_animation", "inspect_animation", "extract_frames")


@pytest.mark.cases(6)
@pytest.mark.parametrize(("kind", "cut", "operation"), list(product(KINDS, (30, 70, 90, 99), OPERATIONS)))
async def test_a_cut_animation_is_refused(running: Running, kind: str, cut: int, operation: str) -> None:
    whole = FORMATS[kind].make(frozenset({Trait.FRAMES})).content
    content, name = whole[: len(whole) * cut // 100], f"file.{kind}"
    with pytest.raises(DarkroomError) as refused:
        probe(lambda at, length: content[at : at + length], len(content), name=name)
        await running.product(content, {operation: EXAMPLES[operation]}, name=name)
    assert refused.value.reason is ErrorReason.FILE_CORRUPT
