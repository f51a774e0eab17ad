"""Animations: every frame and its time, and files that do not grow."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pictures
from PIL import ImageOps

from darkroom.operations.v1.edit_animation_pb2 import EditAnimation
from services.inference.contract.flow import WholeFile
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Hints, Limits, animation, decode
from services.inference.media.gif import retime
from services.inference.moving.reading import whole
from services.inference.operations.split import starts
from services.inference.plain.animations import edit_gif
from services.platform.errors import DarkroomError
from tests.reported_files.animations import SIZE, TIMES, turned_webp
from tests.reported_files.animations import gif as written_gif
from tests.unit.imaging.pictures import photo

DELAYS = [100, 50, 200]
LIMITS = Limits(1.0)


def gif(format_: str = "GIF", frames: int = 3) -> bytes:
    """A green block on red that moves to the right, with a transparent corner."""
    pictures = []
    for number in range(frames):
        one = Pictures.new("RGBA", (60, 40), (200, 20, 20, 255))
        one.paste((20, 200, 20, 255), (number * 10, 0, number * 10 + 10, 10))
        one.paste((0, 0, 0, 0), (50, 30, 60, 40))
        pictures.append(one)
    file = io.BytesIO()
    how: dict[str, Any] = {"WEBP": {"lossless": True}, "AVIF": {"quality": 100}}.get(format_, {"disposal": int(format_ == "PNG") or 2})
    pictures[0].save(file, format_, save_all=True, append_images=pictures[1:], duration=DELAYS[:frames], loop=5, **how)
    return file.getvalue()


def photographs() -> bytes:
    """Frames of a photograph that shifts, each with its own palette."""
    pictures = [Pictures.fromarray(np.roll(photo(), 5 * number, 1)).quantize(200) for number in range(4)]
    file = io.BytesIO()
    pictures[0].save(file, "GIF", save_all=True, append_images=pictures[1:], duration=80, loop=0)
    return file.getvalue()


def edit(folder: Path, data: bytes, **parameters: Any) -> bytes:
    step = PlainStep(
        source_name="a.gif",
        folder=folder,
        report=lambda done, message: None,
        check=lambda: None,
        label=lambda word: None,
        notice=lambda *said: None,
        result_limits=LIMITS,
    )
    source = folder / "source"
    source.write_bytes(data)
    return edit_gif(WholeFile(source, LIMITS), EditAnimation(**parameters), step)


def shown(data: bytes) -> tuple[list[Pictures.Image], list[int], int | None]:
    """The frames as they are seen, their times, and the repetitions."""
    opened = Pictures.open(io.BytesIO(data))
    assert opened.format == "GIF"
    frames, delays = [], []
    for number in range(getattr(opened, "n_frames", 1)):
        opened.seek(number)
        frames.append(opened.convert("RGBA"))
        delays.append(opened.info.get("duration", 0))
    return frames, delays, opened.info.get("loop")


def block(frame: Pictures.Image) -> tuple[int, int]:
    """The first green pixel."""
    samples = np.asarray(frame)
    rows, columns = np.nonzero((samples[..., 1] > 120) & (samples[..., 3] > 0))
    return int(columns.min()), int(rows.min())


@pytest.mark.cases(22)
@pytest.mark.parametrize("format_", ["GIF", "WEBP", "PNG", "AVIF"])
@pytest.mark.parametrize(
    ("parameters", "size", "blocks"),
    [
        ({"width": 30}, (30, 20), [(0, 0), (5, 0), (10, 0)]),
        ({"width": 30, "height": 10}, (15, 10), None),
        ({"percent": 200}, (120, 80), [(0, 0), (20, 0), (40, 0)]),
        ({"percent": 1}, (1, 1), None),
        ({"flip_horizontal": True}, (60, 40), [(50, 0), (40, 0), (30, 0)]),
        ({"flip_vertical": True}, (60, 40), [(0, 30), (10, 30), (20, 30)]),
        ({"angle": 90}, (40, 60), [(30, 0), (30, 10), (30, 20)]),
        ({"angle": 180}, (60, 40), [(50, 30), (40, 30), (30, 30)]),
        ({"angle": 270}, (40, 60), [(0, 50), (0, 40), (0, 30)]),
        ({"optimize": True, "dither": 1}, (60, 40), [(0, 0), (10, 0), (20, 0)]),
        ({"optimize": True, "max_colors": 4}, (60, 40), [(0, 0), (10, 0), (20, 0)]),
    ],
)
def test_every_frame_changes(tmp_path: Path, format_: str, parameters: dict[str, Any], size: tuple[int, int], blocks: Any) -> None:
    frames, delays, loop = shown(edit(tmp_path, gif(format_), loop=3, **parameters))
    # The file says how often it is repeated.
    assert (delays, loop) == (DELAYS, 2)
    assert {frame.size for frame in frames} == {size}
    if blocks is not None:
        assert [tuple(map(lambda a, b: abs(a - b) <= 1, block(frame), at)) for frame, at in zip(frames, blocks, strict=True)] == [
            (True, True)
        ] * 3
        assert all((np.asarray(frame)[..., 3] == 0).any() for frame in frames)


def test_reversed_frames_take_their_times_with_them(tmp_path: Path) -> None:
    frames, delays, _ = shown(edit(tmp_path, gif(), reverse=True, speed=2))
    assert delays in ([100, 20, 50], [100, 30, 50])
    assert [block(frame)[0] for frame in frames] == [20, 10, 0]


@pytest.mark.parametrize("factor", [0.1, 0.5, 3, 10])
def test_another_speed_keeps_every_byte_of_the_frames(tmp_path: Path, factor: float) -> None:
    before, after = photographs(), edit(tmp_path, photographs(), speed=factor, loop=0)
    assert len(after) == len(before)
    assert [frame.tobytes() for frame in shown(after)[0]] == [frame.tobytes() for frame in shown(before)[0]]
    assert shown(after)[1] == [max(20, round(80 / factor / 10) * 10)] * 4


@pytest.mark.parametrize("make", [gif, photographs])
@pytest.mark.parametrize("parameters", [{"percent": 50}, {"reverse": True}, {"angle": 180}, {"optimize": True, "dither": 1}])
def test_it_does_not_grow(tmp_path: Path, make: Any, parameters: dict[str, Any]) -> None:
    assert len(edit(tmp_path, make(), **parameters)) <= len(make())


def test_a_still_picture_is_one_frame(tmp_path: Path) -> None:
    file = io.BytesIO()
    Pictures.fromarray(photo()).save(file, "PNG")
    [frame], _, _ = shown(edit(tmp_path, file.getvalue(), width=40))
    assert frame.size == (40, 30)


def test_all_frames_count_for_the_limit(tmp_path: Path) -> None:
    with pytest.raises(DarkroomError):
        edit(tmp_path, photographs(), percent=500)
    with pytest.raises(DarkroomError):
        animation.facts(gif(), Limits(0.005), Hints())


@pytest.mark.parametrize("length", range(0, len(gif()), 7))
def test_a_cut_file_is_no_accident(length: int) -> None:
    try:
        retime(gif()[:length], lambda delay: delay, 0)
    except DarkroomError:
        return


@pytest.mark.parametrize(
    ("length", "pieces", "piece", "edges"),
    [
        (10, 3, 0, [0, 3, 6, 10]),
        (2, 3, 0, [0, 1, 2]),
        (1, 1, 0, [0, 1]),
        (25, 1, 10, [0, 10, 20, 25]),
        (5, 3, 10, [0, 5]),
        (3000, 3, 10, [*range(0, 1000, 10), 3000]),
    ],
)
def test_the_last_piece_takes_the_rest(length: int, pieces: int, piece: int, edges: list[int]) -> None:
    assert list(starts(length, pieces, piece)) == edges


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_webp_is_turned_first(tmp_path: Path, orientation: int) -> None:
    source = turned_webp(orientation)
    read = animation.read(source, LIMITS, Hints(), tmp_path)
    with Pictures.open(io.BytesIO(source)) as opened:
        for number, frame in enumerate(read.frames):
            opened.seek(number)
            frame_shown = ImageOps.exif_transpose(opened.convert("RGBA"))
            assert frame_shown is not None and np.array_equal(frame.numpy(), np.asarray(frame_shown))
    found = animation.facts(source, LIMITS, Hints())
    assert (found.width, found.height) == (read.width, read.height) == (SIZE if orientation < 5 else SIZE[::-1])
    assert found.timing == read.timing and (list(read.timing.delays), read.timing.loop) == (TIMES, 1)


@pytest.mark.parametrize("format_", ["GIF", "WEBP", "PNG", "AVIF"])
def test_frames_and_times_are_those_that_pillow_reads(tmp_path: Path, format_: str) -> None:
    source = gif(format_)
    read, found = whole.read(source, LIMITS, Hints(), tmp_path), whole.facts(source, LIMITS, Hints())
    with Pictures.open(io.BytesIO(source)) as opened:
        for number, frame in enumerate(read.frames):
            opened.seek(number)
            expected = np.asarray(opened.convert("RGBA")).astype(int)
            visible = expected[..., 3:] > 0
            assert np.abs((frame.numpy().astype(int) - expected)[..., :3] * visible).max() <= 1
            assert np.array_equal(frame.numpy()[..., 3], expected[..., 3])
    assert (found.width, found.height, found.timing) == (read.width, read.height, read.timing) == (60, 40, read.timing)
    # A GIF says how often it is repeated, and Pillow writes no repetitions into an AVIF.
    assert (list(read.timing.delays), read.timing.loop) == (DELAYS, {"GIF": 6, "AVIF": 0}.get(format_, 5))


def test_what_no_frame_has_covered_yet_is_transparent(tmp_path: Path) -> None:
    source = written_gif((8, 6), ((2, 1, 4, 3), 1, 5, 1), ((0, 0, 2, 2), 2, 12, 1), ((4, 4, 2, 2), 0, 40, 1))
    read = animation.read(source + b"junk;", LIMITS, Hints(), tmp_path)
    opaque = np.zeros((6, 8), bool)
    for frame, (left, top, width, height) in zip(read.frames, [(2, 1, 4, 3), (0, 0, 2, 2), (4, 4, 2, 2)], strict=True):
        opaque[top : top + height, left : left + width] = True
        assert np.array_equal(frame.numpy()[..., 3] == 255, opaque)
    assert list(read.timing.delays) == [50, 120, 400]
    still = decode(source, LIMITS)
    assert still.alpha is not None and int((still.alpha == 255).sum()) == 12
    assert still.notes == ("Only the first of 3 frames or pages was used.",)
    covered = decode(written_gif((8, 6), ((0, 0, 8, 6), 1, 5, 1), ((0, 0, 2, 2), 2, 12, 1)), LIMITS)
    assert covered.alpha is None


@pytest.mark.parametrize("parameters", [{"width": 4}, {"reverse": True}, {"speed": 2.0}, {"angle": 90}, {"optimize": True}])
@pytest.mark.parametrize("loop", [None, 0, 4])
def test_repetitions_and_times_are_kept(tmp_path: Path, parameters: dict[str, Any], loop: int | None) -> None:
    source = written_gif((8, 6), ((0, 0, 8, 6), 1, 0, 1), ((0, 0, 2, 2), 2, 1, 1), ((4, 4, 2, 2), 0, 40, 1), loop=loop)
    _, delays, found = shown(edit(tmp_path, source, **parameters))
    assert found == loop
    assert delays == ([20, 20, 200] if "speed" in parameters else [400, 10, 0] if "reverse" in parameters else [0, 10, 400])


@pytest.mark.parametrize("disposal", [1, 2, 3])
def test_frames_are_disposed_of_as_they_say(tmp_path: Path, disposal: int) -> None:
    """Partial frames with a transparent colour, against Pillow."""
    frames = [Pictures.new("RGBA", (30, 20), (0, 0, 0, 0)) for _ in range(4)]
    for number, frame in enumerate(frames):
        frame.paste(((200, 30, 30, 255), (30, 200, 30, 255))[number % 2], (5 * number, 2, 5 * number + 9, 9))
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=70, disposal=disposal)
    read = animation.read(file.getvalue(), LIMITS, Hints(), tmp_path)
    wanted, _, _ = shown(file.getvalue())
    assert len(read.frames) == len(wanted) > 1
    for frame, picture in zip(read.frames, wanted, strict=True):
        found, expected = frame.numpy(), np.asarray(picture)
        assert np.array_equal(found[..., 3], expected[..., 3])
        assert np.array_equal(found[found[..., 3] > 0], expected[expected[..., 3] > 0])
