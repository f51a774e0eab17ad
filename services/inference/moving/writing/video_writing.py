"""The part of the child process that writes a video, by FFmpeg's libraries. The worker, which only names it, does without them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from services.inference.media.moving_notes import EVEN_SIDES, FRAMES_DROPPED, NO_TRANSPARENCY, name_of
from services.inference.moving.leaving import Samples
from services.inference.moving.model import MovingSaving
from services.inference.moving.writing.arriving import Arrived, arriving
from services.pictures.media_format import MediaFormat

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

CONTAINERS = {MediaFormat.MP4: "mp4", MediaFormat.MOV: "mov", MediaFormat.WEBM: "webm"}
_THREADS = 2
_CLOCK, _WEBM_CLOCK = Fraction(1, 90_000), Fraction(1, 1_000)
"""Seconds of the units of time."""
_LEAST = Fraction(1, 1_000)
"""Seconds of the last frame: files say in milliseconds when they end."""
_HELD = 2
"""Frames that wait until it is known whether they are the last ones."""
_MICRO = 1_000_000
_BT_709, _LIMITED, _FULL = 1, 1, 2
"""Numbers of ITU-T H.273 for primaries, tone curve and matrix, and FFmpeg's for the range."""
_SECONDS_BETWEEN_KEYFRAMES = 5


@dataclass(frozen=True, slots=True)
class _Coding:
    """How frames are compressed."""

    codec: str
    samples: str
    even: bool = False
    options: dict[str, str] = field(default_factory=dict)


def write(target: Path, saving: MovingSaving, ask: Callable[[], bytes]) -> dict[str, Any]:
    """Write the frames that are asked for into a file, without sound; returns how many there are, and how long they take."""
    frames = arriving(ask)
    first = next(frames)
    alpha = (saving.alpha or first.alpha is not None) and saving.format is not MediaFormat.MP4
    coding = _coding(saving, alpha=alpha)
    height, width = first.pixels.shape[:2]
    if coding.even:
        height, width = height + height % 2, width + width % 2
    writing = _Writing(target, coding, saving, (width, height), first.microseconds)
    covered = writing.write(chain((first,), frames), alpha=alpha)
    notes = [EVEN_SIDES] if (height, width) != first.pixels.shape[:2] else []
    if covered:
        notes.append(NO_TRANSPARENCY.format(format=name_of(saving.format)))
    if writing.left_out:
        notes.append(FRAMES_DROPPED.format(format=name_of(saving.format)))
    return {"frames": writing.frames, "milliseconds": round(writing.microseconds / 1000), "notes": notes, "width": width, "height": height}


class _Writing:
    def __init__(self, target: Path, coding: _Coding, saving: MovingSaving, size: tuple[int, int], microseconds: int) -> None:
        self._target, self._coding, self._saving, self._size = target, coding, saving, size
        self._rate = min(max(Fraction(_MICRO, microseconds).limit_denominator(1001), Fraction(1)), Fraction(240))
        self._clock = _WEBM_CLOCK if saving.format is MediaFormat.WEBM else _CLOCK
        self._last = -1
        self._durations: dict[int | None, int] = {}
        """In the units of the clock, of the frames that the encoder still has, by when they begin."""
        self.frames = self.microseconds = self.left_out = 0

    def write(self, frames: Iterator[Arrived], *, alpha: bool) -> bool:
        """Returns whether anything transparent was laid over the background."""
        import av
        from av.video.frame import PictureType

        covered = False
        held: deque[VideoFrame] = deque()
        with av.open(str(self._target), "w", format=CONTAINERS[self._saving.format], options=muxing(self._saving.format)) as out:
            stream = self._stream(out)

            def mux(packets: Iterable[Packet[VideoStream]]) -> None:
                # Encoders give every packet the time of the first frame, which is the file's end for the last.
                for packet in packets:
                    packet.duration = self._durations.pop(packet.pts, packet.duration)
                    out.mux(packet)

            for frame in frames:
                begin, self.microseconds = self._units, self.microseconds + frame.microseconds
                if begin <= self._last:
                    self.left_out += 1
                    continue
                covered = covered or (frame.alpha is not None and not alpha)
                converted = self._converted(frame, alpha=alpha)
                converted.time_base, converted.pts, converted.duration = self._clock, begin, max(1, self._units - begin)
                self._durations[begin] = max(converted.duration, round(_LEAST / self._clock))
                held.append(converted)
                if len(held) > _HELD:
                    mux(stream.encode(held.popleft()))
                self._last, self.frames = begin, self.frames + 1
            for converted in held:
                # Predicted from what comes before: the file has the time of the frame that is stored last, so that must be shown last.
                converted.pict_type = PictureType.P
                mux(stream.encode(converted))
            mux(stream.encode())
        return covered

    def _stream(self, out: OutputContainer) -> VideoStream:
        stream = cast("VideoStream", out.add_stream(self._coding.codec, rate=self._rate, options=dict(self._coding.options)))
        stream.width, stream.height = self._size
        stream.pix_fmt = self._coding.samples
        context = stream.codec_context
        context.time_base = stream.time_base = self._clock
        context.thread_count = _THREADS
        context.gop_size = max(1, round(self._rate * _SECONDS_BETWEEN_KEYFRAMES))
        context.color_primaries = context.color_trc = context.colorspace = _BT_709
        context.color_range = _LIMITED
        return stream

    def _converted(self, arrived: Arrived, *, alpha: bool) -> VideoFrame:
        from av.video.frame import VideoFrame
        from av.video.reformatter import Colorspace, Interpolation

        samples = self._padded(arrived.rgba if alpha else arrived.over(self._saving.background))
        frame = VideoFrame.from_ndarray(np.ascontiguousarray(samples), "rgba" if alpha else "rgb24").reformat(
            format=self._coding.samples,
            dst_colorspace=Colorspace.ITU709,
            src_color_range=_FULL,
            dst_color_range=_LIMITED,
            interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.BITEXACT,
            threads=1,
        )
        frame.color_primaries = frame.color_trc = _BT_709
        return frame

    @property
    def _units(self) -> int:
        """The time of all frames so far."""
        return round(self.microseconds / _MICRO / self._clock)

    def _padded(self, samples: Samples) -> Samples:
        """With its last row or column twice where sides must be even: nothing is lost, and nothing stands out."""
        right, below = self._size[0] - samples.shape[1], self._size[1] - samples.shape[0]
        return np.pad(samples, ((0, below), (0, right), (0, 0)), "edge") if right or below else samples


def muxing(format_: MediaFormat) -> dict[str, str]:
    """Options of the container: the index comes first, so that a browser can begin to play a file that it has not loaded, and nothing is
    drawn by chance."""
    return {"fflags": "+bitexact"} if format_ is MediaFormat.WEBM else {"fflags": "+bitexact", "movflags": "+faststart"}


def _coding(saving: MovingSaving, *, alpha: bool) -> _Coding:
    if saving.format is MediaFormat.WEBM:
        crf = round(_scaled(saving.quality, 63, 32, 8))
        options = {"crf": str(crf), "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"}
        # The encoder of alpha allows no frames that are not shown.
        return _Coding("libvpx-vp9", "yuva420p" if alpha else "yuv420p", options=options | ({"auto-alt-ref": "0"} if alpha else {}))
    if alpha:
        return _Coding("prores_ks", "yuva444p10le", options={"profile": "4444", "alpha_bits": "16", "vendor": "apl0"})
    crf = round(_scaled(saving.quality, 45, 20, 10))
    return _Coding("libx264", "yuv420p", even=True, options={"crf": str(crf), "preset": "fast"})


def _scaled(quality: int | None, worst: float, usual: float, best: float) -> float:
    """A quality of 1 to 100 as an encoder's: 75 is the usual, as None is."""
    if quality is None:
        return usual
    return usual + (best - usual) * (quality - 75) / 25 if quality > 75 else worst + (usual - worst) * (quality - 1) / 74
