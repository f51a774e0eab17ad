"""When a run has changed nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from google.protobuf.message import Message

from darkroom.operations.v1.convert_pb2 import COLOR_SPACE_CMYK, COLOR_SPACE_RGB, PICTURE_FORMAT_JPEG, PICTURE_FORMAT_KEPT, Convert
from darkroom.operations.v1.remove_watermark_pb2 import RemoveWatermark
from darkroom.operations.v1.resize_pb2 import Resize
from services.inference.contract.flow import Data, Document, NewFile
from services.inference.media import Image, Saving
from services.inference.pipeline.changes import Changes, is_same, same_bytes
from services.pictures.media_format import MediaFormat

PIXELS = np.arange(600 * 4 * 3, dtype=np.uint8).reshape(600, 4, 3)
PICTURE = Image(PIXELS, source_format=MediaFormat.JPEG)


def with_last_sample_changed(pixels: np.ndarray) -> np.ndarray:
    changed = pixels.copy()
    changed[-1, -1, -1] ^= 1
    return changed


def test_samples_are_compared_to_the_last() -> None:
    assert is_same(PICTURE, Image(PIXELS.copy()))
    assert not is_same(PICTURE, Image(with_last_sample_changed(PIXELS)))
    assert not is_same(PICTURE, Image(PIXELS[:-1]))
    assert not is_same(PICTURE, Image(PIXELS.astype(np.uint16)))
    assert not is_same(PICTURE, Image(PIXELS, alpha=PIXELS[..., 0]))
    assert not is_same(PICTURE, Image(PIXELS, icc=b"profile"))
    assert not is_same(PICTURE, Data({}))


def test_colours_that_nobody_sees_are_not_compared() -> None:
    alpha = np.full(PIXELS.shape[:2], 255, np.uint8)
    alpha[-1] = 0
    assert is_same(Image(PIXELS, alpha=alpha), Image(with_last_sample_changed(PIXELS), alpha=alpha.copy()))
    assert not is_same(Image(PIXELS, alpha=alpha), Image(PIXELS[::-1].copy(), alpha=alpha))
    assert not is_same(Image(PIXELS, alpha=alpha), Image(PIXELS, alpha=alpha[::-1].copy()))


def test_files_are_compared_by_their_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"%PDF-1")
    second.write_bytes(b"%PDF-1")
    assert is_same(Document(first, 1), Document(second, 1))
    assert is_same(first, NewFile(b"%PDF-1", "application/pdf", "pdf"))
    second.write_bytes(b"%PDF-2")
    assert not is_same(Document(first, 1), Document(second, 1))
    assert not same_bytes(first, b"%PDF-2")
    assert not same_bytes(first, b"%PDF")


@pytest.mark.parametrize(
    ("conversion", "unchanged"),
    [
        (Convert(format=PICTURE_FORMAT_JPEG), True),
        (Convert(format=PICTURE_FORMAT_KEPT, quality=95, color_space=COLOR_SPACE_RGB, strip_metadata=True, compact=True, quick=True), True),
        (Convert(format=PICTURE_FORMAT_JPEG, quality=60), False),
        (Convert(format=PICTURE_FORMAT_KEPT, max_bytes=1000), False),
        (Convert(format=PICTURE_FORMAT_KEPT, strip_location=True), False),
        (Convert(format=PICTURE_FORMAT_JPEG, dpi=300), False),
        (Convert(format=PICTURE_FORMAT_JPEG, color_space=COLOR_SPACE_CMYK), False),
    ],
)
def test_a_conversion_to_the_format_that_the_file_has_is_no_change(conversion: Convert, unchanged: bool) -> None:
    changes = Changes()
    changes.note(RemoveWatermark(), PICTURE, PICTURE)
    changes.note(conversion, PICTURE, Image(PIXELS, source_format=MediaFormat.JPEG, saving=Saving(MediaFormat.JPEG)))
    assert changes.unchanged is unchanged


@pytest.mark.parametrize(
    "steps",
    [
        [],
        # Writing a file again is what such a task is for.
        [(Convert(format=PICTURE_FORMAT_KEPT), PICTURE)],
        [(RemoveWatermark(), PICTURE), (Convert(), Image(PIXELS, source_format=MediaFormat.JPEG, saving=Saving(MediaFormat.WEBP)))],
        [(RemoveWatermark(), PICTURE), (Resize(), Image(PIXELS[:2]))],
        [(Resize(), Image(PIXELS[:2])), (RemoveWatermark(), PICTURE)],
    ],
)
def test_what_is_a_change(steps: list[tuple[Message, Image]]) -> None:
    changes = Changes()
    for parameters, after in steps:
        changes.note(parameters, PICTURE, after)
    assert not changes.unchanged
