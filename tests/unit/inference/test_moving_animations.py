"""Animations are read and written frame by frame, exactly, by children that wait for the worker."""

from __future__ import annotations

import asyncio
import io
import signal
import struct
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
import pytest
import pyvips
from PIL import Image as PillowImage

from services.inference.media import Image, Limits
from services.inference.media.animation import GifSaving
from services.inference.media.colour import to_srgb
from services.inference.moving.children import ON_DEMAND
from services.inference.moving.limits import MovingLimits
from services.inference.moving.model import Frame, MovingSaving
from services.inference.moving.reading.apng import png
from services.inference.moving.reading.reader import open_frames, read_facts
from services.inference.moving.writing.writer import write_frames
from services.pictures.media_format import MediaFormat
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.sandbox import Sandbox
from tests.unit.imaging.pictures import wide_gamut_profile
from tests.unit.inference.moving_files import Samples, picture, see_through

COUNT = 6
TIMES = [100, 40, 0, 10, 1000, 20]
AS_SHOWN = [100_000, 40_000, 100_000, 100_000, 1_000_000, 20_000]
"""Microseconds; browsers show what says at most 10 ms for 100."""


@pytest.fixture(scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(on_demand=ON_DEMAND, concurrency=4) as made:
        yield made


async def read(sandbox: Sandbox, path: Path, folder: Path, limits: MovingLimits | None = None) -> list[Frame]:
    async with open_frames(sandbox, path, folder, limits or MovingLimits()) as moving:
        return [frame async for frame in moving]


async def stream(frames: Sequence[Frame]) -> AsyncIterator[Frame]:
    for frame in frames:
        yield frame


def rgba(image: Image) -> Samples:
    alpha = np.full(image.pixels.shape[:2], 255, np.uint8) if image.alpha is None else image.alpha
    return np.dstack([image.pixels, alpha]).astype(np.uint8)


def visible(samples: Samples) -> Samples:
    """Without the colours of what is not seen."""
    return np.where(samples[..., 3:] > 0, samples, 0).astype(np.uint8)


def _by_pillow(path: Path) -> list[Samples]:
    with PillowImage.open(path) as opened:
        frames = []
        for number in range(opened.n_frames):  # type: ignore[attr-defined]
            opened.seek(number)
            frames.append(np.asarray(opened.convert("RGBA")))
        return frames


def _by_libvips(path: Path) -> list[Samples]:
    stack = pyvips.Image.new_from_file(str(path), n=-1)
    samples = (stack if stack.hasalpha() else stack.addalpha()).numpy()
    return list(samples.reshape(-1, stack.get("page-height"), stack.width, 4))


def _by_ffmpeg(path: Path) -> list[Samples]:
    with av.open(str(path)) as opened:
        return [frame.to_ndarray(format="rgba") for frame in opened.decode(video=0)]


def _by_the_book(path: Path) -> list[Samples]:
    """The frames of an APNG, each decoded on its own and composed as the standard says; Pillow and FFmpeg blend soft edges otherwise."""
    data, at, frames = path.read_bytes(), 8, list[tuple[tuple[int, ...], list[bytes]]]()
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        content = data[at + 8 : at + 8 + length]
        if kind == b"fcTL":
            frames.append((struct.unpack(">4x4I4x2B", content), []))
        elif kind in (b"IDAT", b"fdAT"):
            frames[-1][1].append(content[4 if kind == b"fdAT" else 0 :])
        at += length + 12
    canvas, shown = np.zeros((48, 64, 4)), []
    for (width, height, left, top, disposal, over), parts in frames:
        raw = zlib.decompress(b"".join(parts))
        head = struct.pack(">2I5B", width, height, 8, 6, 0, 0, 0)
        single = PillowImage.open(io.BytesIO(png([(b"IHDR", head), (b"IDAT", zlib.compress(raw))])))
        new = np.asarray(single).astype(float)
        place, before = (slice(top, top + height), slice(left, left + width)), canvas.copy()
        if over:
            front, back = new[..., 3:] / 255, canvas[place][..., 3:] / 255
            alpha = front + back * (1 - front)
            colours = new[..., :3] * front + canvas[place][..., :3] * back * (1 - front)
            new = np.concatenate([colours / np.where(alpha > 0, alpha, 1), 255 * alpha], axis=2)
        canvas[place] = np.rint(new)
        shown.append(canvas.astype(np.uint8))
        canvas = before if disposal == 2 else canvas.copy()
        if disposal == 1:
            canvas[place] = 0
    return shown


def _pictures(*, transparent: bool) -> list[PillowImage.Image]:
    frames = []
    for number in range(COUNT):
        samples = picture(number)
        frames.append(PillowImage.fromarray(np.dstack([samples, see_through(number)]) if transparent else samples))
    return frames


def _gif(path: Path, loop: int, **options: Any) -> None:
    first, *others = [
        each.quantize(64 - 8 * number, dither=PillowImage.Dither.NONE) for number, each in enumerate(_pictures(transparent=False))
    ]
    repeats = {} if loop == 1 else {"loop": max(0, loop - 1)}
    first.save(path, save_all=True, append_images=others, duration=TIMES, **repeats, **options)


def _transparent_gif(path: Path, loop: int, **options: Any) -> None:
    frames = [each.resize((64, 48)) for each in _pictures(transparent=True)]
    frames[0].putalpha(255)
    repeats = {} if loop == 1 else {"loop": max(0, loop - 1)}
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=TIMES, **repeats, **options)


def _other(path: Path, loop: int, **options: Any) -> None:
    first, *others = _pictures(transparent=True)
    first.save(path, save_all=True, append_images=others, duration=TIMES, loop=loop, **options)


@pytest.mark.parametrize(
    ("name", "make", "reference", "loop", "options"),
    [
        ("a.gif", _gif, _by_pillow, 0, {"disposal": 0}),
        ("a.gif", _gif, _by_pillow, 5, {"disposal": 1, "optimize": False}),
        ("a.gif", _transparent_gif, _by_ffmpeg, 1, {"disposal": 2}),
        ("a.gif", _transparent_gif, _by_ffmpeg, 0, {"disposal": [1, 3, 2, 3, 1, 0]}),
        ("a.png", _other, _by_ffmpeg, 0, {"blend": 0, "disposal": 0}),
        ("a.png", _other, _by_the_book, 1, {"blend": [0, 1, 1, 0, 1, 1], "disposal": [0, 1, 2, 0, 2, 1]}),
        ("a.webp", _other, _by_libvips, 5, {"lossless": True}),
        ("a.webp", _other, _by_libvips, 0, {"quality": 60}),
    ],
)
async def test_frames_are_those_of_another_reader(
    sandbox: Sandbox,
    tmp_path: Path,
    name: str,
    make: Callable[..., None],
    reference: Callable[[Path], list[Samples]],
    loop: int,
    options: dict[str, Any],
) -> None:
    path = tmp_path / name
    make(path, loop, **options)
    async with open_frames(sandbox, path, tmp_path, MovingLimits()) as moving:
        frames = [frame async for frame in moving]
    assert (moving.facts.width, moving.facts.height, moving.facts.frames, moving.facts.loop) == (64, 48, COUNT, loop)
    assert [frame.microseconds for frame in frames] == AS_SHOWN
    for frame, expected in zip(frames, reference(path), strict=True):
        np.testing.assert_array_equal(visible(rgba(frame.image)), visible(expected))
    assert [each.name for each in tmp_path.iterdir()] == [name]


async def test_a_gif_is_transparent_where_no_frame_has_been(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    _gif(path, 0)
    content = bytearray(path.read_bytes())
    content[6:10] = (80).to_bytes(2, "little") + (60).to_bytes(2, "little")
    path.write_bytes(content)
    first = (await read(sandbox, path, tmp_path))[0].image
    assert first.alpha is not None
    assert first.alpha[:48, :64].min() == 255
    assert first.alpha[48:].max() == first.alpha[:, 64:].max() == 0


async def test_an_avif_is_close_to_what_it_was_made_of(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "a.avif"
    first, *others = _pictures(transparent=True)
    first.save(path, save_all=True, append_images=others, duration=[1000, 40, 50, 60, 70, 80], quality=95, subsampling="4:4:4")
    frames = await read(sandbox, path, tmp_path)
    assert [frame.microseconds for frame in frames] == [1_000_000, 40_000, 50_000, 60_000, 70_000, 80_000]
    for number, frame in enumerate(frames):
        expected = np.dstack([picture(number), see_through(number)])
        assert np.abs(visible(rgba(frame.image)).astype(int) - visible(expected)).mean() < 2


async def test_frames_are_upright_and_in_srgb(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    _other(path, 0, lossless=True, exif=exif, icc_profile=wide_gamut_profile())
    image = (await read(sandbox, path, tmp_path))[0].image
    expected = np.rot90(np.dstack([to_srgb(picture(0), wide_gamut_profile()), see_through(0)]), -1)
    np.testing.assert_array_equal(visible(rgba(image)), visible(expected))
    assert image.icc is None


@pytest.mark.parametrize("format_", [MediaFormat.PNG, MediaFormat.WEBP, MediaFormat.AVIF, MediaFormat.GIF])
@pytest.mark.parametrize("transparent", [False, True])
async def test_what_is_written_can_be_read(sandbox: Sandbox, tmp_path: Path, format_: MediaFormat, transparent: bool) -> None:
    frames = [
        Frame(Image(picture(number), alpha=see_through(number) if transparent else None), time)
        for number, time in enumerate([33_333, 33_333, 33_334, 500_000, 1_000_000, 20_000])
    ]
    written = await write_frames(sandbox, stream(frames), MovingSaving(format_, lossless=True, loop=3), tmp_path)
    assert (written.width, written.height, written.frames) == (64, 48, COUNT)
    facts = await read_facts(sandbox, written.path, MovingLimits())
    assert facts.loop == (0 if format_ is MediaFormat.AVIF else 3)
    back = await read(sandbox, written.path, tmp_path)
    unit = 10_000 if format_ is MediaFormat.GIF else 1_000
    ends = np.cumsum([frame.microseconds for frame in back])
    assert np.abs(ends - np.cumsum([frame.microseconds for frame in frames])).max() <= unit
    assert written.milliseconds == ends[-1] / 1000
    for before, after in zip(frames, back, strict=True):
        expected = rgba(before.image)
        if format_ is MediaFormat.GIF:
            expected[..., 3] = np.where(expected[..., 3] >= 128, 255, 0)
        difference = np.abs(visible(rgba(after.image)).astype(int) - visible(expected))
        assert difference.mean() < {MediaFormat.GIF: 4, MediaFormat.AVIF: 1}.get(format_, 1e-9)
        assert difference[..., 3].max() == 0
        assert format_ is not MediaFormat.AVIF or difference[..., :3][expected[..., 3] > 0].max() <= 2
    assert list(tmp_path.iterdir()) == [written.path]


async def test_pieces_of_a_gif_fit_together(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece is compressed on its own: what is transparent, and what stays from the frame before, must go on over their ends."""
    from services.inference.moving.writing import gif_writing
    from services.inference.moving.writing.arriving import Arrived

    monkeypatch.setattr(gif_writing, "_PIECE_BYTES", 1)
    alphas = [None, None, see_through(2), see_through(3), None, None, None, see_through(7), None, see_through(9), None, None]
    with (tmp_path / "a.gif").open("wb") as file:
        frames = ((Arrived(picture(number // 2), alpha, 0), 5 + number) for number, alpha in enumerate(alphas))
        gif_writing.write_gif(file, frames, GifSaving(effort=1), 2)
    back = await read(sandbox, tmp_path / "a.gif", tmp_path)
    assert [frame.microseconds for frame in back] == [10_000 * (5 + number) for number in range(len(alphas))]
    for number, (alpha, frame) in enumerate(zip(alphas, back, strict=True)):
        expected = np.dstack([picture(number // 2), np.full((48, 64), 255, np.uint8) if alpha is None else np.where(alpha >= 128, 255, 0)])
        difference = np.abs(visible(rgba(frame.image)).astype(int) - visible(expected.astype(np.uint8)))
        assert difference[..., 3].max() == 0
        assert difference.mean() < 4


async def test_a_gif_of_few_colours_is_exact(sandbox: Sandbox, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    colours = random.integers(0, 256, (200, 3), np.uint8)
    frames = [Frame(Image(colours[random.integers(0, 200, (40, 60))]), 40_000) for _ in range(3)]
    written = [await write_frames(sandbox, stream(frames), MovingSaving(MediaFormat.GIF), tmp_path) for _ in range(2)]
    for before, after in zip(frames, await read(sandbox, written[0].path, tmp_path), strict=True):
        np.testing.assert_array_equal(after.image.pixels, before.image.pixels)
    assert written[0].path.read_bytes() == written[1].path.read_bytes()


async def test_frames_that_follow_too_fast_are_left_out(sandbox: Sandbox, tmp_path: Path) -> None:
    frames = [Frame(Image(picture(number)), 8_333) for number in range(12)]
    written = await write_frames(sandbox, stream(frames), MovingSaving(MediaFormat.GIF), tmp_path)
    assert (written.frames, written.milliseconds) == (5, 100)
    assert len(written.notes) == 1
    assert len(await read(sandbox, written.path, tmp_path)) == 5


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp", "a.avif"])
async def test_damaged_files_are_refused(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    first, *others = _pictures(transparent=False)
    first.save(path, save_all=True, append_images=others, duration=100)
    content = path.read_bytes()
    for part in (0.3, 0.7):
        path.write_bytes(content[: round(len(content) * part)])
        with pytest.raises(DarkroomError, match=f"The {name[2:]} picture is truncated or damaged") as raised:
            await read(sandbox, path, tmp_path)
        assert raised.value.reason is ErrorReason.FILE_CORRUPT


async def test_limits_hold_whatever_the_header_says(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    first, *others = _pictures(transparent=False)
    first.save(path, save_all=True, append_images=others, duration=100)
    content = bytearray(path.read_bytes())
    for limits in (MovingLimits(frames=5), MovingLimits(megapixels=0.01), MovingLimits(Limits(megapixels=0.003))):
        with pytest.raises(DarkroomError) as raised:
            await read(sandbox, path, tmp_path, limits)
        assert raised.value.reason is ErrorReason.MEDIA_LIMIT_EXCEEDED
    at = content.index(b"acTL") + 4
    content[at : at + 4] = (2**31 - 1).to_bytes(4, "big")
    path.write_bytes(content)
    with pytest.raises(DarkroomError) as raised:
        await read(sandbox, path, tmp_path)
    assert raised.value.reason in (ErrorReason.MEDIA_LIMIT_EXCEEDED, ErrorReason.FILE_CORRUPT)
    with pytest.raises(DarkroomError) as raised:
        await write_frames(
            sandbox, stream([Frame(Image(picture(0)), 40_000)] * 9), MovingSaving(MediaFormat.WEBP), tmp_path, limits=MovingLimits(frames=8)
        )
    assert raised.value.reason is ErrorReason.MEDIA_LIMIT_EXCEEDED


async def test_leaving_early_leaves_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    _other(path, 0)
    async with open_frames(sandbox, path, tmp_path, MovingLimits()) as moving:
        await anext(moving)
        # The child goes on until enough frames wait.
        await asyncio.sleep(0.2)
        waiting = [each.name for each in tmp_path.glob("frames-*/*")]
    assert len(waiting) <= 1
    assert [each.name for each in tmp_path.iterdir()] == ["a.webp"]

    async def broken() -> AsyncIterator[Frame]:
        yield Frame(Image(picture(0)), 40_000)
        raise DarkroomError(ErrorReason.FIELD_INVALID, "no")

    with pytest.raises(DarkroomError, match="no"):
        await write_frames(sandbox, broken(), MovingSaving(MediaFormat.WEBP), tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["a.webp"]


async def test_the_file_is_not_to_blame_for_an_encoder_that_dies(sandbox: Sandbox, tmp_path: Path) -> None:
    def children() -> set[psutil.Process]:
        return {each for nursery in psutil.Process().children() for each in nursery.children()}

    others = children()

    async def frames() -> AsyncIterator[Frame]:
        for number in range(50):
            yield Frame(Image(picture(0)), 40_000)
            if number == 3:
                for child in children() - others:
                    child.send_signal(signal.SIGSEGV)

    with pytest.raises(DarkroomError, match="could not be written") as raised:
        await write_frames(sandbox, frames(), MovingSaving(MediaFormat.WEBP), tmp_path)
    assert raised.value.reason is ErrorReason.INTERNAL
    assert list(tmp_path.iterdir()) == []
