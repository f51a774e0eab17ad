"""The mask of what was changed, from a JPEG to a PNG."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from PIL import Image as Pil

from darkroom.operations.v1.convert_pb2 import PICTURE_FORMAT_PNG
from darkroom.operations.v1.remove_watermark_pb2 import PercentBox, RemoveWatermark
from services.inference.contract.flow import Several
from services.inference.contract.step import Step
from services.inference.media import Image, encode
from services.inference.operations import remove_watermark
from tests.unit.watermark.marked import layer, over, photo


class Notices(list[str]):
    """The codes of the notices of a step."""

    def __call__(self, code: str, *_rest: object) -> None:
        self.append(code)


def step(folder: Path, notices: Notices) -> Step:
    """A step without networks."""
    nothing: Any = lambda *_: None  # noqa: E731 - one for all of its functions
    tools = SimpleNamespace(triton=SimpleNamespace(model=nothing), models=SimpleNamespace(paint="", inpaint=""))
    made = SimpleNamespace(
        source_name="cup.jpg", folder=folder, report=nothing, check=nothing, label=nothing, notice=notices, tools=tools, last=True
    )
    return cast(Step, made)


async def test_nothing_outside_the_mask_differs_from_the_decoded_jpeg(tmp_path: Path) -> None:
    truth = photo()
    height, width = truth.shape[:2]
    file = io.BytesIO()
    Pil.fromarray(over(truth, layer(truth.shape, "© Jane Doe Photo", 20, (width - 12, 12), "rt"), 1.0, 255)).save(file, "JPEG", quality=92)
    decoded = np.asarray(Pil.open(file).convert("RGB"))
    box = PercentBox(x1=100 - 20000 / width, y1=400 / height, x2=100 - 200 / width, y2=4400 / height)
    parameters, notices = RemoveWatermark(boxes=[box], format=PICTURE_FORMAT_PNG, mask=True), Notices()

    made = await remove_watermark.run(Image(decoded), parameters, step(tmp_path, notices))

    assert notices == ["watermark_removed"]
    assert isinstance(made, Several)
    assert isinstance(made.first, Image)
    result = np.asarray(Pil.open(io.BytesIO(encode(made.first, made.first.saving))).convert("RGB"))
    (mask,) = made.others
    assert (mask.name, mask.media_type, mask.width, mask.height) == ("cup-mask.png", "image/png", width, height)
    shown = Pil.open(cast(Path, mask.content))
    assert shown.mode == "L"
    np.testing.assert_array_equal(np.asarray(shown) == 255, (result != decoded).any(axis=2))
    assert set(np.unique(np.asarray(shown))) == {0, 255}
    assert 0 < (np.asarray(shown) == 255).mean() < 0.05


async def test_the_mask_of_a_picture_that_stays_is_empty(tmp_path: Path) -> None:
    plain, notices = np.full((40, 60, 3), 120, np.uint8), Notices()
    made = await remove_watermark.run(
        Image(plain), RemoveWatermark(boxes=[PercentBox(x1=20, y1=20, x2=60, y2=60)], mask=True), step(tmp_path, notices)
    )
    assert notices == ["watermark_kept", "no_watermark_found"]
    assert isinstance(made, Several)
    assert not np.asarray(Pil.open(cast(Path, made.others[0].content))).any()
