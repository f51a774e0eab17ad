"""Animations that are stored turned, through operations on each frame: upright in every format, and nothing says to turn them again."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from darkroom.operations.v1 import operation_pb2
from services.inference.media import isolated
from services.inference.moving import children
from services.inference.pipeline.run import Source
from services.platform.sandbox import Sandbox
from tests.unit.imaging.pictures import exif
from tests.unit.inference.test_by_frame import Running

_SIZE = (60, 40)
_COUNT = 3
_WRITTEN = ("GIF", "WEBP", "PNG", "AVIF", "KEPT")


@pytest.fixture(scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(preload=[isolated.__name__], on_demand=children.ON_DEMAND, concurrency=4) as made:
        yield made


def _frame(number: int) -> PillowImage.Image:
    """Upright: a red corner, and another shade for each frame."""
    frame = PillowImage.new("RGB", _SIZE, (0, 0, 80 * number + 40))
    frame.paste((230, 20, 20), (0, 0, 30, 20))
    return frame


def _source(folder: Path, format_: str) -> Source:
    lying = [_frame(number).transpose(PillowImage.Transpose.ROTATE_90) for number in range(_COUNT)]
    how = {"lossless": True} if format_ == "WEBP" else {}
    path = folder / "input"
    lying[0].save(path, format_, save_all=True, append_images=lying[1:], duration=100, exif=exif(6), **how)
    return Source(f"turned.{format_.lower()}", path, 0, _SIZE[::-1], _COUNT)


@pytest.mark.cases(4)
@pytest.mark.parametrize("written", _WRITTEN)
@pytest.mark.parametrize("stored", ["WEBP", "PNG"])
async def test_frames_are_upright_once(sandbox: Sandbox, tmp_path: Path, stored: str, written: str) -> None:
    running = Running(sandbox, tmp_path)
    source = _source(tmp_path, stored)
    convert = operation_pb2.Operation(convert={"format": f"PICTURE_FORMAT_{written}"})
    made = await running.registered(source, operation_pb2.Operation(resize={"width": 30}), convert)
    content = made.content if isinstance(made.content, bytes) else made.content.read_bytes()
    with PillowImage.open(io.BytesIO(content)) as opened:
        assert (opened.size, getattr(opened, "n_frames", 1)) == ((30, 20), _COUNT)
        assert opened.getexif().get(0x0112, 1) == 1
        for number in range(_COUNT):
            opened.seek(number)
            expected = np.asarray(_frame(number).resize((30, 20), PillowImage.Resampling.BOX)).astype(int)
            assert np.abs(np.asarray(opened.convert("RGB")) - expected).mean() < 12
