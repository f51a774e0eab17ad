"""Videos are read and written frame by frame: their times, turns, colours, alpha and sound."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from services.inference.media import Image, Limits
from services.inference.media.moving_notes import EVEN_SIDES, HIGH_RANGE, NO_TRANSPARENCY, OTHER_TRACKS, SOUND_UNREAD
from services.inference.moving.children import ON_DEMAND
from services.inference.moving.limits import MovingLimits
from services.inference.moving.model import Facts, Frame, MovingSaving, Written
from services.inference.moving.reading.reader import open_frames
from services.inference.moving.writing.writer import write_frames
from services.pictures.media_format import MediaFormat
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.sandbox import Sandbox
from tests.unit.inference.moving_files import Samples, picture, see_through, video

COUNT = 6
FINE = {"crf": "5"}
FINE_VP9 = {"crf": "5", "b": "0"}
UNEVEN = [0, 40, 100, 500, 510, 2000]
OPAQUE = [picture(number) for number in range(COUNT)]
TRANSPARENT = [np.dstack([picture(number), see_through(number)]) for number in range(COUNT)]


@pytest.fixture(scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(on_demand=ON_DEMAND, concurrency=4) as made:
        yield made


async def read(sandbox: Sandbox, path: Path, limits: MovingLimits | None = None) -> tuple[Facts, list[Frame]]:
    async with open_frames(sandbox, path, path.parent, limits or MovingLimits()) as moving:
        return moving.facts, [frame async for frame in moving]


async def through(sandbox: Sandbox, path: Path, saving: MovingSaving) -> Written:
    async with open_frames(sandbox, path, path.parent, MovingLimits()) as moving:
        return await write_frames(sandbox, aiter(moving), saving, path.parent, lambda: moving.sound)


async def stream(frames: Sequence[Frame]) -> AsyncIterator[Frame]:
    for frame in frames:
        yield frame


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as opened:
        return [bytes(packet) for packet in opened.demux(opened.streams.audio[0]) if packet.size]


def sound_span(path: Path) -> tuple[float, float]:
    """Seconds after the first frame at which the sound begins, and that it lasts, decoded."""
    with av.open(str(path)) as opened:
        first = next(opened.decode(video=0))
        opened.seek(0)
        frames = list(opened.decode(audio=0))
        begin = (frames[0].time or 0.0) - (first.time or 0.0)
        return begin, sum(frame.samples for frame in frames) / frames[0].sample_rate


def differences(frames: Sequence[Frame], expected: Sequence[Samples]) -> float:
    """The largest mean difference of a frame."""
    assert len(frames) == len(expected)
    return max(
        float(np.abs(frame.image.pixels.astype(int) - samples[..., :3]).mean()) for frame, samples in zip(frames, expected, strict=True)
    )


def _turned(path: Path) -> Path:
    """By a quarter clockwise, by the matrix in the head of the track."""
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 44
    content[at : at + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 48 << 16, 0, 1 << 30)
    path.write_bytes(content)
    return path


def _without_first_keyframe(path: Path) -> Path:
    source = video(path.with_name("whole.mp4"), options=FINE | {"g": "2", "bf": "0"})
    with av.open(str(source)) as opened, av.open(str(path), "w") as out:
        copied = out.add_stream_from_template(opened.streams.video[0])
        for number, packet in enumerate(opened.demux(opened.streams.video[0])):
            if packet.size and number:
                packet.stream = copied
                out.mux(packet)
    return path


MADE: dict[str, tuple[str, Callable[[Path], object], list[Samples]]] = {
    "BT.601": ("a.mp4", lambda path: video(path, options=FINE), OPAQUE),
    "BT.709": ("a.mp4", lambda path: video(path, options=FINE, matrix=1, stream={"colorspace": 1}), OPAQUE),
    "BT.2020": ("a.mov", lambda path: video(path, options=FINE, matrix=9, stream={"colorspace": 9}), OPAQUE),
    "full range": ("a.mp4", lambda path: video(path, options=FINE, full=True, stream={"color_range": 2}), OPAQUE),
    "10 bits": ("a.mp4", lambda path: video(path, options=FINE, samples="yuv420p10le"), OPAQUE),
    "odd sides": (
        "a.webm",
        lambda path: video(path, "libvpx-vp9", options=FINE_VP9, frames=[each[:47, :63] for each in OPAQUE]),
        [each[:47, :63] for each in OPAQUE],
    ),
    "turned": ("a.mp4", lambda path: _turned(video(path, options=FINE)), [np.rot90(each, -1) for each in OPAQUE]),
    "without the first keyframe": ("a.mp4", _without_first_keyframe, OPAQUE[2:]),
}


@pytest.mark.parametrize("name", MADE)
async def test_frames_are_those_that_were_encoded(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    file, make, expected = MADE[name]
    make(tmp_path / file)
    facts, frames = await read(sandbox, tmp_path / file)
    assert differences(frames, expected) < 2.5
    assert (facts.height, facts.width) == expected[0].shape[:2]
    assert [frame.microseconds for frame in frames] == [40_000] * len(expected)
    assert not any(frame.image.alpha is not None for frame in frames)


@pytest.mark.parametrize(
    ("file", "codec", "samples", "options"),
    [
        ("a.webm", "libvpx-vp9", "yuva420p", FINE_VP9 | {"auto-alt-ref": "0"}),
        ("a.webm", "libvpx", "yuva420p", {"crf": "5", "b": "2M", "auto-alt-ref": "0"}),
        ("a.mov", "prores_ks", "yuva444p10le", {"profile": "4444", "alpha_bits": "16"}),
    ],
)
async def test_alpha(sandbox: Sandbox, tmp_path: Path, file: str, codec: str, samples: str, options: dict[str, str]) -> None:
    facts, frames = await read(sandbox, video(tmp_path / file, codec, samples=samples, options=options, frames=TRANSPARENT))
    assert facts.alpha
    assert differences(frames, TRANSPARENT) < 2.5
    for frame, expected in zip(frames, TRANSPARENT, strict=True):
        assert frame.image.alpha is not None
        assert np.abs(frame.image.alpha.astype(int) - expected[..., 3]).mean() < 1


@pytest.mark.parametrize("file", ["a.mp4", "a.webm"])
async def test_times_are_those_of_the_frames(sandbox: Sandbox, tmp_path: Path, file: str) -> None:
    codec = "libx264" if file == "a.mp4" else "libvpx-vp9"
    late = [500 + time for time in UNEVEN]
    _, frames = await read(sandbox, video(tmp_path / file, codec, times=late))
    assert [frame.microseconds for frame in frames[:-1]] == [40_000, 60_000, 400_000, 10_000, 1_490_000]
    written = await through(sandbox, tmp_path / file, MovingSaving(MediaFormat.MP4))
    _, again = await read(sandbox, written.path)
    assert [frame.microseconds for frame in again] == pytest.approx([frame.microseconds for frame in frames], abs=12)
    assert written.milliseconds == round(sum(frame.microseconds for frame in frames) / 1000)


async def test_pixels_that_are_not_square(sandbox: Sandbox, tmp_path: Path) -> None:
    wide = video(tmp_path / "a.mp4", options=FINE, stream={"sample_aspect_ratio": Fraction(4, 3)})
    facts, frames = await read(sandbox, wide)
    assert (facts.width, facts.height) == (frames[0].image.width, frames[0].image.height) == (86, 48)
    tall = video(tmp_path / "b.mp4", options=FINE, stream={"sample_aspect_ratio": Fraction(1, 2)})
    assert (await read(sandbox, tall))[1][0].image.pixels.shape == (96, 64, 3)


@pytest.mark.parametrize("curve", [16, 18])
async def test_hdr_fits_into_srgb(sandbox: Sandbox, tmp_path: Path, curve: int) -> None:
    """The signals of 10, 100, 203 and 1000 cd/m², by ITU-R BT.2100 and BT.2408."""
    signals = {16: (0.3022, 0.5081, 0.5807, 0.7518), 18: (0.2546, 0.6296, 0.75, 1.0)}[curve]
    level = np.repeat(signals, 16)[np.newaxis, :, np.newaxis]
    samples = np.rint(255 * np.broadcast_to(level, (48, 64, 3))).astype(np.uint8)
    tags = {"color_primaries": 9, "color_trc": curve, "colorspace": 9}
    facts, frames = await read(
        sandbox, video(tmp_path / "a.mp4", options=FINE, samples="yuv420p10le", frames=[samples], matrix=9, stream=tags)
    )
    assert facts.notes == (HIGH_RANGE,)
    shown = frames[0].image.pixels[24, 8::16].astype(int)
    assert np.ptp(shown, axis=1).max() <= 2
    assert shown[:, 1] == pytest.approx([63, 187, 238, 254], abs=4)


async def test_only_the_first_video_track(sandbox: Sandbox, tmp_path: Path) -> None:
    facts, frames = await read(sandbox, video(tmp_path / "a.mp4", more_streams=1))
    assert facts.notes == (OTHER_TRACKS,)
    assert len(frames) == COUNT


@pytest.mark.parametrize(
    ("source", "codec", "sound", "target", "kept"),
    [
        ("a.mp4", "libx264", "aac", MediaFormat.MP4, True),
        ("a.mp4", "libx264", "aac", MediaFormat.MOV, True),
        ("a.mp4", "libx264", "aac", MediaFormat.WEBM, False),
        ("a.webm", "libvpx-vp9", "libopus", MediaFormat.WEBM, True),
        ("a.webm", "libvpx-vp9", "libopus", MediaFormat.MP4, False),
        ("a.mov", "libx264", "pcm_s16le", MediaFormat.MOV, True),
        ("a.mov", "libx264", "pcm_s16le", MediaFormat.MP4, False),
    ],
)
async def test_sound(sandbox: Sandbox, tmp_path: Path, source: str, codec: str, sound: str, target: MediaFormat, kept: bool) -> None:
    path = video(tmp_path / source, codec, sound=sound, frames=OPAQUE * 4)
    written = await through(sandbox, path, MovingSaving(target))
    assert written.sound
    assert written.frames == 4 * COUNT
    begin, seconds = sound_span(written.path)
    assert begin == pytest.approx(0, abs=0.025)
    assert seconds == pytest.approx(written.milliseconds / 1000, abs=0.06)
    before, after = packets(path), packets(written.path)
    assert (after == before[: len(after)]) is kept
    assert {each.name.partition("-")[0] for each in tmp_path.iterdir()} == {source, "sound", "result"}


async def test_sound_that_cannot_be_read_is_left_out(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "sound").write_bytes(bytes(1000))
    frames = [Frame(Image(each), 40_000) for each in OPAQUE]
    written = await write_frames(sandbox, stream(frames), MovingSaving(MediaFormat.MP4), tmp_path, lambda: tmp_path / "sound")
    assert (written.sound, written.notes) == (False, (SOUND_UNREAD,))
    assert len((await read(sandbox, written.path))[1]) == COUNT


async def test_sound_is_left_out_of_animations(sandbox: Sandbox, tmp_path: Path) -> None:
    written = await through(sandbox, video(tmp_path / "a.mp4", sound="aac"), MovingSaving(MediaFormat.WEBP))
    assert not written.sound
    assert written.notes == ("There is no sound in WebP: it was left out.",)


@pytest.mark.parametrize("format_", [MediaFormat.MP4, MediaFormat.MOV, MediaFormat.WEBM])
@pytest.mark.parametrize("transparent", [False, True])
async def test_what_is_written_can_be_read(sandbox: Sandbox, tmp_path: Path, format_: MediaFormat, transparent: bool) -> None:
    frames = [Frame(Image(each[..., :3], each[..., 3] if transparent else None), 33_367) for each in TRANSPARENT]
    written = await write_frames(sandbox, stream(frames), MovingSaving(format_, quality=95, background=(0, 0, 255)), tmp_path)
    assert (written.width, written.height, written.frames, written.milliseconds) == (64, 48, COUNT, 200)
    facts, back = await read(sandbox, written.path)
    keeps = transparent and format_ is not MediaFormat.MP4
    assert facts.alpha is keeps
    assert written.notes == ((NO_TRANSPARENCY.format(format="MP4"),) if transparent and not keeps else ())
    assert [frame.microseconds for frame in back] == pytest.approx([33_367] * COUNT, abs=700 if format_ is MediaFormat.WEBM else 12)
    covered = np.array([0, 0, 255])
    for before, after in zip(frames, back, strict=True):
        expected = before.image.pixels.astype(float)
        if transparent and not keeps:
            assert before.image.alpha is not None
            share = before.image.alpha[..., np.newaxis] / 255
            expected = expected * share + covered * (1 - share)
        difference = after.image.pixels - expected
        assert np.abs(difference).mean() < 4
        assert np.abs(difference.mean(axis=(0, 1))).max() < 1.5
        if keeps:
            assert before.image.alpha is not None
            assert after.image.alpha is not None
            assert np.abs(after.image.alpha.astype(int) - before.image.alpha).mean() < 1.5
    with av.open(str(written.path)) as opened:
        context = opened.streams.video[0].codec_context
        assert (context.colorspace, context.color_range) == (1, 1)
    head = written.path.read_bytes()
    assert format_ is MediaFormat.WEBM or head.index(b"moov") < head.index(b"mdat")


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 12])
@pytest.mark.parametrize("moves", [False, True])
@pytest.mark.parametrize("format_", [MediaFormat.MP4, MediaFormat.MOV, MediaFormat.WEBM])
async def test_the_last_frame_keeps_its_time(sandbox: Sandbox, tmp_path: Path, format_: MediaFormat, moves: bool, count: int) -> None:
    """Also where nothing moves, so that the encoder stores frames in another order than they are shown in."""
    times = [80_000, *[120_000] * (count - 2), 1_200_000][-count:]
    frames = [Frame(Image(picture(number if moves else 0)), time) for number, time in enumerate(times)]
    written = await write_frames(sandbox, stream(frames), MovingSaving(format_), tmp_path)
    _, back = await read(sandbox, written.path)
    assert [frame.microseconds for frame in back] == pytest.approx(times, abs=1000)


@pytest.mark.parametrize("format_", [MediaFormat.MP4, MediaFormat.WEBM])
async def test_frames_that_follow_at_once_are_left_out(sandbox: Sandbox, tmp_path: Path, format_: MediaFormat) -> None:
    frames = [Frame(Image(each), time) for each, time in zip(OPAQUE, (40_000, 3, 1, 2, 50_000_000, 1), strict=True)]
    written = await write_frames(sandbox, stream(frames), MovingSaving(format_), tmp_path)
    assert written.milliseconds == 50_040
    _, back = await read(sandbox, written.path)
    assert len(back) == written.frames == (3 if format_ is MediaFormat.WEBM else 4)
    assert len(written.notes) == 1


async def test_odd_sides_get_even(sandbox: Sandbox, tmp_path: Path) -> None:
    frames = [Frame(Image(each[:47, :63]), 40_000) for each in OPAQUE]
    written = await write_frames(sandbox, stream(frames), MovingSaving(MediaFormat.MP4, quality=95), tmp_path)
    assert (written.width, written.height, written.notes) == (64, 48, (EVEN_SIDES,))
    _, back = await read(sandbox, written.path)
    assert differences([Frame(Image(frame.image.pixels[:47, :63]), 1) for frame in back], [each[:47, :63] for each in OPAQUE]) < 4
    written = await write_frames(sandbox, stream(frames), MovingSaving(MediaFormat.WEBM), tmp_path)
    assert (written.width, written.height, written.notes) == (63, 47, ())


@pytest.mark.parametrize("file", ["a.mp4", "first.mp4", "a.webm"])
async def test_damaged_files_are_refused(sandbox: Sandbox, tmp_path: Path, file: str) -> None:
    path = tmp_path / file
    if file == "first.mp4":
        path = (await through(sandbox, video(tmp_path / "b.mp4", frames=OPAQUE * 3), MovingSaving(MediaFormat.MP4))).path
    else:
        video(path, "libx264" if file == "a.mp4" else "libvpx-vp9", frames=OPAQUE * 3)
    content = path.read_bytes()
    damaged = [content[: round(len(content) * part)] for part in (0.3, 0.7, 0.99)]
    if file != "a.webm":
        at = content.index(b"mdat") + len(content) // 2
        damaged.append(content[:at] + bytes(each ^ 0xFF for each in content[at : at + 200]) + content[at + 200 :])
    for each in damaged:
        path.write_bytes(each)
        with pytest.raises(DarkroomError, match="video is truncated or damaged") as raised:
            await read(sandbox, path)
        assert raised.value.reason is ErrorReason.FILE_CORRUPT


async def test_files_without_frames(sandbox: Sandbox, tmp_path: Path) -> None:
    source = video(tmp_path / "a.mp4", sound="aac")
    for kept, reason in (("audio", ErrorReason.MEDIA_UNSUPPORTED), ("video", ErrorReason.FILE_CORRUPT)):
        path = tmp_path / f"{kept}.mp4"
        with av.open(str(source)) as opened, av.open(str(path), "w") as out:
            found = getattr(opened.streams, kept)[0]
            copied = out.add_stream_from_template(found)
            for packet in opened.demux(found):
                if packet.size and kept == "audio":
                    packet.stream = copied
                    out.mux(packet)
            out.start_encoding()
        with pytest.raises(DarkroomError) as raised:
            await read(sandbox, path)
        assert raised.value.reason is reason


async def test_limits_hold_whatever_the_header_says(sandbox: Sandbox, tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4", times=UNEVEN)
    for limits in (MovingLimits(seconds=1.9), MovingLimits(megapixels=0.01), MovingLimits(Limits(megapixels=0.003))):
        with pytest.raises(DarkroomError) as raised:
            await read(sandbox, path, limits)
        assert raised.value.reason is ErrorReason.MEDIA_LIMIT_EXCEEDED
    content = bytearray(path.read_bytes())
    for box in (b"mvhd", b"mdhd"):
        at = content.index(box) + 20
        content[at : at + 4] = (1).to_bytes(4, "big")
    path.write_bytes(content)
    with pytest.raises(DarkroomError) as raised:
        await read(sandbox, path, MovingLimits(seconds=1.9))
    assert raised.value.reason is ErrorReason.MEDIA_LIMIT_EXCEEDED


async def test_one_frame(sandbox: Sandbox, tmp_path: Path) -> None:
    facts, frames = await read(sandbox, video(tmp_path / "a.mp4", frames=OPAQUE[:1]))
    assert (facts.frames, len(frames), frames[0].microseconds) == (1, 1, 40_000)


def test_no_part_of_ffmpeg_is_loaded_before_the_first_video() -> None:
    import subprocess
    import sys

    code = (
        "import sys; import services.inference.moving.reading.reader, services.inference.moving.writing.writer; print('av' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"
