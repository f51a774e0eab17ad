"""A pipeline in one pass gives what its steps give one by one, through files, only better: nothing is compressed in between."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from darkroom.operations.v1 import operation_pb2
from services.gateway.surfaces.snapotter.pipelines.plans import checked_pipeline, sent_steps
from services.gateway.surfaces.snapotter.tools.registry import TOOLS
from services.inference.media import Image, Limits, Saving, decode, encode
from services.inference.pipeline import isolated
from services.pictures.media_format import MediaFormat
from services.platform.errors import DarkroomError
from tests.unit.imaging.pictures import exif, photo, written

_LIMITS = Limits(50_000_000)
_SIZE = (90, 120)
Step = tuple[str, Mapping[str, Any]]
ROTATE: Step = ("rotate", {"angle": 90})
TILT: Step = ("rotate", {"angle": 20})
ROUND: Step = ("border", {"borderWidth": 4, "cornerRadius": 20})
SMALLER: Step = ("resize", {"width": 60})
STRIP: Step = ("strip-metadata", {})
STRIP_NOTHING: Step = ("strip-metadata", {"stripAll": False, "stripExif": False, "stripGps": False, "stripIcc": False, "stripXmp": False})
BRIGHT: Step = ("brightness-contrast", {"brightness": 20})


def to(format_: str, **more: Any) -> Step:
    return ("convert", {"format": format_, **more})


def compress(**how: Any) -> Step:
    return ("compress", how)


def picture(format_: MediaFormat, *, alpha: bool = False, wide: bool = False, gray: bool = False) -> bytes:
    rows, columns = np.mgrid[0 : _SIZE[0], 0 : _SIZE[1]]
    channels = [columns * 2, rows * 2, (rows + columns) % 200 + 20][: 1 if gray else 3]
    pixels: npt.NDArray[Any] = np.stack(channels, axis=2).astype(np.uint8)
    veil: npt.NDArray[Any] | None = (columns * 2).astype(np.uint8) if alpha else None
    if wide:
        pixels, veil = pixels.astype(np.uint16) * 257, None if veil is None else veil.astype(np.uint16) * 257
    image = Image(pixels, veil)
    return encode(image, Saving(format=format_, lossless=format_ is not MediaFormat.JPEG, quality=97))


def worked(tmp_path: Path, content: bytes, operations: Sequence[operation_pb2.Operation]) -> tuple[bytes, dict[str, Any]]:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(content)
    asked = isolated.PictureJob(tuple(each.SerializeToString() for each in operations), "picture", _LIMITS, _LIMITS)
    said = isolated.work(source, target, asked, lambda *_: None)
    return target.read_bytes(), said


def plan(*steps: Step) -> Sequence[operation_pb2.Operation]:
    return (
        checked_pipeline(sent_steps(json.dumps([{"toolId": tool, "settings": settings} for tool, settings in steps])), TOOLS)
        .plan("a.jpg")
        .operations
    )


def one_by_one(tmp_path: Path, content: bytes, steps: Sequence[Step]) -> bytes:
    for step in steps:
        content, _ = worked(tmp_path, content, plan(step))
    return content


def at_once(tmp_path: Path, content: bytes, steps: Sequence[Step]) -> bytes:
    return worked(tmp_path, content, plan(*steps))[0]


def shown(content: bytes) -> tuple[MediaFormat | None, tuple[int, int], bool, npt.NDArray[np.float64]]:
    """Format, size, whether there is alpha, and the samples over white."""
    image = decode(content, _LIMITS)
    alpha = 1.0 if image.alpha is None else image.alpha[..., np.newaxis] / image.maximum
    return image.source_format, (image.width, image.height), image.alpha is not None, image.srgb() * alpha + 255 * (1 - alpha)


@pytest.mark.parametrize(
    ("source", "steps"),
    [
        ("jpeg", [SMALLER, ROTATE]),
        ("jpeg", [to("png"), SMALLER]),
        ("jpeg", [to("webp"), ROTATE, SMALLER]),
        ("jpeg", [to("png"), ROUND, to("jpg"), ROTATE]),
        ("jpeg", [ROUND, SMALLER]),
        ("jpeg", [TILT, STRIP]),
        ("jpeg", [ROUND, STRIP, ROTATE]),
        ("jpeg", [to("tiff"), SMALLER]),
        ("jpeg", [to("tiff", quality=80), ROUND]),
        ("jpeg", [to("avif"), ROTATE]),
        ("jpeg", [to("heic"), ROTATE]),
        ("jpeg", [to("gif"), to("png")]),
        ("jpeg", [compress(quality=60), ROTATE, BRIGHT]),
        ("jpeg", [("optimize-for-web", {"format": "webp", "maxWidth": 50}), ROTATE]),
        ("alpha", [SMALLER, ROTATE]),
        ("alpha", [to("jpg"), to("png")]),
        ("alpha", [to("jpg"), ROUND]),
        ("alpha", [to("jpg"), BRIGHT, to("webp")]),
        ("alpha", [to("webp"), ROTATE]),
        ("alpha", [to("tiff", quality=90), ROTATE]),
        ("wide", [to("jpg"), to("png")]),
        ("wide", [SMALLER, ROTATE]),
        ("gray", [to("jpg"), ROUND, SMALLER]),
        ("gray", [to("webp"), to("png")]),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(tool for tool, _ in value),
)
def test_the_same_picture(tmp_path: Path, source: str, steps: Sequence[Step]) -> None:
    content = picture(
        MediaFormat.JPEG if source == "jpeg" else MediaFormat.PNG, alpha=source == "alpha", wide=source == "wide", gray=source == "gray"
    )
    expected, found = shown(one_by_one(tmp_path, content, steps)), shown(at_once(tmp_path, content, steps))
    assert found[:3] == expected[:3]
    error = np.sqrt(np.mean((found[3] - expected[3]) ** 2))
    # Files in between lose more, those of few colours the most.
    assert error < (9 if to("gif") in steps else 4.5)


@pytest.mark.parametrize("last", [ROTATE, STRIP, BRIGHT])
def test_a_chosen_size_stays_to_the_end(tmp_path: Path, last: Step) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (*_SIZE, 3), np.uint8)
    content = encode(Image(noise), Saving(format=MediaFormat.JPEG, quality=95, lossless=False))
    small = compress(mode="targetSize", targetSizeKb=4)
    # Stripping a JPEG codes nothing again.
    assert (len(one_by_one(tmp_path, content, [small, last])) > 4096) == (last is not STRIP)
    assert len(at_once(tmp_path, content, [small, last])) <= 4096
    # A later choice counts.
    assert len(at_once(tmp_path, content, [small, last, compress(quality=95)])) > 4096


def test_what_was_stripped_stays_out(tmp_path: Path) -> None:
    content = written(photo(), "JPEG", exif=exif(1))
    assert b"Darkroom" in at_once(tmp_path, content, [STRIP_NOTHING, STRIP_NOTHING])
    for steps in ([STRIP, STRIP_NOTHING], [ROTATE, STRIP_NOTHING], [STRIP_NOTHING, ROTATE]):
        assert b"Darkroom" not in at_once(tmp_path, content, steps)


@pytest.mark.parametrize(("steps", "dots"), [([to("png"), ROTATE], [300, 0]), ([ROTATE, to("png")], [0, 0]), ([STRIP, to("gif")], [0, 0])])
def test_only_the_first_step_draws(steps: Sequence[Step], dots: Sequence[int]) -> None:
    assert [each.convert.svg_dpi for each in plan(*steps) if each.HasField("convert")] == dots


def test_it_says_how_far_it_has_come(tmp_path: Path) -> None:
    content, steps = picture(MediaFormat.JPEG), [SMALLER, ("crop", {"left": 0, "top": 0, "width": 4000, "height": 10}), ROTATE]
    with pytest.raises(DarkroomError) as raised:
        worked(tmp_path, content, plan(*steps))
    assert json.loads(raised.value.metadata[isolated.DONE]) == [60 * 45 * 3] * 2
    _, said = worked(tmp_path, content, plan(SMALLER, ROTATE))
    assert said["done"] == [60 * 45 * 3] * 4
