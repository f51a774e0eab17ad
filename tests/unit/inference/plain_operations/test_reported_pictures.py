"""Pictures that their files store turned, through every operation: as if they had been stored upright."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from darkroom.operations.v1 import options_pb2
from services.inference.media import Hints, Image, decode
from services.inference.pipeline.run import Product
from services.pictures.operations import Arity, specs
from tests.reported_files.orientations import ORIENTATIONS, WRITERS, turned
from tests.unit.imaging.pictures import photo, written
from tests.unit.inference.plain_operations.examples import BESIDE, EXAMPLES
from tests.unit.inference.plain_operations.running import LIMITS, Running, png

ANIMATIONS = ("edit_animation", "extract_frame", "extract_frames", "inspect_animation")
"""Operations on frames, which have tests of their own."""
AS_STORED = ("inspect_metadata", "inspect_picture")
"""Operations that tell of the file, in which the picture lies."""
NAMES = [name for name in EXAMPLES if name not in (*ANIMATIONS, *AS_STORED)]
EXACT = ("png", "webp", "tif", "heic")
"""Formats whose samples are those that were stored."""
PNG = {"convert": {"format": "PICTURE_FORMAT_PNG"}}


@cache
def upright() -> npt.NDArray[np.uint8]:
    """The picture, and nothing in it that lossy compression makes appear in one orientation alone."""
    return photo(72, 104)


def parts(made: Product) -> Iterator[npt.NDArray[Any] | object]:
    """The pictures of a result, and all else that it says."""
    for each in (made, *made.attachments):
        assert isinstance(each.content, bytes)
        if each.media_type.startswith("image/"):
            yield from samples(each.content, each.name)
        elif each.media_type == "application/zip":
            with zipfile.ZipFile(io.BytesIO(each.content)) as archive:
                for name in archive.namelist():
                    yield from samples(archive.read(name), name) if name.endswith(".png") else ()
        elif each.media_type == "application/pdf":
            yield each.content.count(b"/Page"), [part.split(b"]")[0] for part in each.content.split(b"/MediaBox")[1:]]
        else:
            yield json.loads(each.content)


def samples(content: bytes, name: str) -> Iterator[npt.NDArray[Any]]:
    picture = decode(content, LIMITS, Hints(name))
    yield picture.pixels.astype(float)
    if picture.alpha is not None:
        yield picture.alpha.astype(float)


async def made_of(running: Running, name: str, data: bytes, extension: str) -> Product:
    running.auxiliaries[BESIDE] = png(Image(photo(20, 30)))
    # The tiles would be of the input's format, which may be lossy, and a WebP that becomes one keeps its coding.
    exactly: dict[str, dict[str, Any]] = {"split": {"format": "PICTURE_FORMAT_PNG"}, "convert": {"lossless": True}}
    operation = {name: {**EXAMPLES[name], **exactly.get(name, {})}}
    if specs()[name].arity is Arity.ALL:
        return await running.joined({"first.png": png(photo()), f"second.{extension}": data}, operation)
    spec = specs()[name]
    # What is made is compared, not what a lossy format makes of it.
    ends_in_pixels = spec.produces == options_pb2.MEDIA_KIND_IMAGE and (not spec.reads_file or name == "rasterize") and name != "convert"
    steps = [operation, PNG] if ends_in_pixels else [operation]
    return await running.product(data, *steps, name=f"photo.{extension}", twice=False)


@pytest.mark.cases(40)
@pytest.mark.parametrize(("name", "orientation", "kind"), list(product(NAMES, ORIENTATIONS, WRITERS)))
async def test_it_works_on_the_upright_picture(running: Running, name: str, orientation: int, kind: str) -> None:
    found = list(parts(await made_of(running, name, turned(kind, orientation, upright()), kind)))
    expected = list(parts(await made_of(running, name, written(upright(), "PNG"), "png")))
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
            assert one.shape == other.shape
            assert np.abs(one - other).mean() <= (0.5 if kind in EXACT else 6)
        elif kind in EXACT:
            assert one == other
