"""Background removal and blurred backgrounds of frames: one box for all, no frame left as it was, and what the owner is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest

from darkroom.operations.v1.blur_background_pb2 import BlurBackground
from darkroom.operations.v1.remove_background_pb2 import CUTOUT_FORMAT_WEBP, RemoveBackground
from services.inference.contract.flow import NothingInFrames
from services.inference.contract.step import Step
from services.inference.media import Image
from services.inference.moving.model import Frame
from services.inference.operations import blur_background, remove_background
from services.pictures.media_format import MediaFormat

Pixels = npt.NDArray[np.uint8]
_HEIGHT, _WIDTH, _SIDE = 90, 120, 30
_RED = (230, 20, 20)


def red_square(left: int | None) -> Frame:
    """A square on a chequered ground; None: the ground alone."""
    rows, columns = np.mgrid[:_HEIGHT, :_WIDTH]
    pixels = np.repeat((80 + 60 * ((rows // 3 + columns // 3) % 2)).astype(np.uint8)[..., None], 3, axis=2)
    if left is not None:
        pixels[30 : 30 + _SIDE, left : left + _SIDE] = _RED
    return Frame(Image(pixels), 40_000)


async def stream(frames: Sequence[Frame]) -> AsyncIterator[Frame]:
    for frame in frames:
        yield frame


class RedFinder:
    """A model server whose network finds what is red."""

    def model(self, name: str) -> Any:
        assert name == "red-finder"
        return self._infer

    async def _infer(self, pictures: Pixels) -> Pixels:
        red = pictures[..., :1].astype(int) - pictures[..., 1:2] > 100
        return (red * 255).astype(np.uint8)


def step_in(folder: Path, notices: list[tuple[Any, ...]]) -> Step:
    async def no_auxiliary(_file_id: int) -> Image:
        raise AssertionError

    return Step(
        source_name="clip.mp4",
        folder=folder,
        report=lambda _done, _message: None,
        check=lambda: None,
        label=lambda _label: None,
        notice=lambda *notice: notices.append(notice),
        result_limits=cast(Any, None),
        tools=cast(Any, SimpleNamespace(triton=RedFinder(), models=SimpleNamespace(cutout="red-finder"))),
        keeping=cast(Any, None),
        last=True,
        auxiliary=no_auxiliary,
    )


async def test_frames_are_trimmed_to_one_box_and_none_stays_as_it_was(tmp_path: Path) -> None:
    notices: list[tuple[Any, ...]] = []
    parameters = RemoveBackground(trim=True, background_color="#0000ff", keep_original=True, format=CUTOUT_FORMAT_WEBP)
    frames = [red_square(left) for left in (10, 12, 40, None)]
    made = [each async for each in remove_background.over_frames(stream(frames), parameters, step_in(tmp_path, notices), 2)]
    (size,) = {(each.image.width, each.image.height) for each in made}
    # Its edges may be soft.
    assert np.abs(np.subtract(size, (40 + _SIDE - 10, _SIDE))).max() <= 4
    assert [each.microseconds for each in made] == [40_000] * 4
    assert all(each.image.saving.format is MediaFormat.WEBP and each.image.alpha is None for each in made)
    assert tuple(made[0].image.pixels[15, 15]) == _RED
    # Behind the subject, and in a frame without one, is the colour.
    assert tuple(made[0].image.pixels[15, -5]) == (0, 0, 255)
    assert np.abs(made[3].image.pixels.astype(int) - (0, 0, 255)).max() <= 8
    assert {(code, subject) for code, subject, *_ in notices} == {("frames_without_subject", ""), ("not_applied", "keep_original")}
    assert notices[0][3] == {"model": "red-finder", "frames": 4, "without_subject": 1, "unsure": 0}


async def test_no_subject_in_any_frame_is_told_as_of_a_picture_and_undone(tmp_path: Path) -> None:
    cut, blurred = list[tuple[Any, ...]](), list[tuple[Any, ...]]()
    parameters = RemoveBackground(trim=True, background_color="#0000ff", keep_shadow=True)
    with pytest.raises(NothingInFrames):
        _ = [each async for each in remove_background.over_frames(stream([red_square(None)] * 3), parameters, step_in(tmp_path, cut), 2)]
    with pytest.raises(NothingInFrames):
        _ = [
            each
            async for each in blur_background.over_frames(stream([red_square(None)] * 3), BlurBackground(), step_in(tmp_path, blurred), 2)
        ]
    assert {(code, subject, details.get("why")) for code, subject, _, details in cut} == {
        ("no_subject_found", "", None),
        ("not_applied", "keep_shadow", "not_cut_out"),
        ("not_applied", "background_color", "not_cut_out"),
        ("not_applied", "trim", "not_cut_out"),
    }
    assert [(code, message) for code, _, message, _ in blurred] == [
        ("no_subject_found", "No subject was found in clip.mp4, so its background was not blurred.")
    ]


async def test_all_is_blurred_but_the_subject(tmp_path: Path) -> None:
    notices: list[tuple[Any, ...]] = []
    frames = [red_square(left) for left in (10, 11, None)]
    made = [each async for each in blur_background.over_frames(stream(frames), BlurBackground(), step_in(tmp_path, notices), 2)]
    for frame, result in zip(frames, made, strict=True):
        ground = frame.image.pixels[:25].astype(float), result.image.pixels[:25].astype(float)
        assert np.std(ground[1]) < 0.5 * np.std(ground[0])
        assert result.image.alpha is None
    assert tuple(made[1].image.pixels[45, 25]) == _RED
    assert [code for code, *_ in notices] == ["frames_without_subject"]
