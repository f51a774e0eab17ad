"""The part of the child process that reads a video, by FFmpeg's libraries. The worker, which only names it, does without them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from services.inference.media.errors import damaged_video, unsupported_error
from services.inference.media.moving_notes import HIGH_RANGE, OTHER_TRACKS, SOUND_UNREAD
from services.inference.moving.leaving import Ask, Leaving, Samples
from services.inference.moving.limits import MovingLimits
from services.inference.moving.reading.cut_off import is_cut_off
from services.inference.moving.reading.wide_colour import is_hdr
from services.inference.moving.sound import copy_sound, sound_of
from services.pictures.media_format import MediaFormat

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

SOUND = "sound"
"""The name of the file in the folder that gets the sound."""
_SUBJECT = "The video"
_DEMUXERS = {MediaFormat.MP4: "mov", MediaFormat.MOV: "mov", MediaFormat.WEBM: "matroska"}
_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""The decoders that also decode the second picture that holds the alpha."""
_THREADS = 2
_SHAPES = Fraction(1, 8), Fraction(8)
"""Width to height of pixels; others are not meant."""
_USUAL_RATE = 25
_MICRO = 1_000_000


def facts(source: Path, format_: str, limits: MovingLimits) -> dict[str, Any]:
    """The fields of `Facts`. Raises FILE_CORRUPT, MEDIA_LIMIT_EXCEEDED and MEDIA_UNSUPPORTED."""
    with _opened(source, MediaFormat(format_), limits) as video:
        return video.facts()


def read(source: Path, folder: Path, format_: str, limits: MovingLimits, ask: Ask) -> dict[str, Any]:
    """Leave every frame in `folder`, and then the sound; returns whether there is any. Raises as `facts`."""
    leaving = Leaving(folder, ask)
    with _opened(source, MediaFormat(format_), limits) as video:
        for pixels, alpha, microseconds in video.pictures():
            leaving.leave(pixels, alpha, microseconds)
        begin, end = video.begin, video.end
    if not leaving.count:
        raise damaged_video(format_)
    with _container(source, MediaFormat(format_)) as container:
        had = sound_of(container) is not None
        has = copy_sound(container, folder / SOUND, begin, end)
        return {"sound": has, "notes": [SOUND_UNREAD] if had and not has else []}


@contextmanager
def _container(source: Path, format_: MediaFormat) -> Iterator[InputContainer]:
    import av

    try:
        # A file may name others, and a playlist is a file too: only this one is opened, as what it is.
        with av.open(
            str(source), format=_DEMUXERS[format_], options={"protocol_whitelist": "file"}, metadata_errors="replace"
        ) as container:
            yield container
    except MemoryError:
        raise
    except (av.error.FFmpegError, UnicodeError, OverflowError) as error:
        raise damaged_video(format_) from error


@contextmanager
def _opened(source: Path, format_: MediaFormat, limits: MovingLimits) -> Iterator[_Video]:
    if is_cut_off(source, format_):
        raise damaged_video(format_)
    with _container(source, format_) as container:
        yield _Video(container, format_, limits)


class _Video:
    def __init__(self, container: InputContainer, format_: MediaFormat, limits: MovingLimits) -> None:
        from av.stream import Disposition

        self._container, self._format, self._limits = container, format_, limits
        # A cover is a stream too.
        streams = [each for each in container.streams.video if not each.disposition & Disposition.attached_pic]
        if not container.streams:
            raise damaged_video(format_)
        if not streams:
            raise unsupported_error("The file has no moving picture, only sound or other data.", allowed=("a video",))
        self._stream: VideoStream = streams[0]
        self._others = len(streams) > 1
        if self._stream.codec_context is None:
            raise unsupported_error(
                "The video is compressed in a way that is not supported.", allowed=("H.264", "H.265", "VP8", "VP9", "AV1")
            )
        self.has_alpha = self._stream.metadata.get("alpha_mode") == "1"
        self._check_header()
        self.begin = self.end = Fraction(0)
        """Seconds of the file's clock: the span of the frames."""
        self._decoded = self._decode()
        self._first = next(self._decoded, None)
        if self._first is None:
            raise damaged_video(format_)

    def _check_header(self) -> None:
        context = self._stream.codec_context
        self._limits.check(_SUBJECT, context.width, context.height, self._stream.frames, self._seconds(), video=True)

    def _seconds(self) -> float:
        """As the file says; 0 if it does not."""
        if self._stream.duration and self._stream.time_base:
            return max(0.0, float(self._stream.duration * self._stream.time_base))
        return max(0.0, (self._container.duration or 0) / _MICRO)

    def facts(self) -> dict[str, Any]:
        assert self._first is not None
        width, height = self._size(self._first)
        turned = _turning(self._first)[0]
        return {
            "width": height if turned else width,
            "height": width if turned else height,
            "frames": self._stream.frames,
            "milliseconds": round(1000 * self._seconds()),
            "alpha": self.has_alpha or _with_alpha(self._first),
            "sound": sound_of(self._container) is not None,
            "notes": [*([OTHER_TRACKS] if self._others else []), *([HIGH_RANGE] if is_hdr(self._first.color_trc) else [])],
        }

    def pictures(self) -> Iterator[tuple[Samples, Samples | None, int]]:
        """Each frame: pixels, alpha and how long it is shown, in microseconds."""
        from services.inference.moving.reading.video_colour import Conversion

        assert self._first is not None
        size, turning = self._size(self._first), _turning(self._first)
        conversion = Conversion(size)
        shown = [(self._first, self._time(self._first, Fraction(0)))]
        self.begin = shown[0][1]
        said = 0
        for frame in self._decoded:
            before, since = shown[0]
            now = self._time(frame, since + self._usual(before))
            # A player shows the last of two at the same time.
            if now > since:
                until = round((now - self.begin) * _MICRO)
                if until > said:
                    yield (*_turned(*conversion.samples(before), turning), until - said)
                    said = until
            shown[0] = frame, max(now, since)
        last, since = shown[0]
        self.end = since + self._usual(last)
        yield (*_turned(*conversion.samples(last), turning), max(1, round((self.end - self.begin) * _MICRO) - said))

    def _decode(self) -> Iterator[VideoFrame]:
        decoder = self._decoder()
        count = 0
        for packet in self._container.demux(self._stream):
            if packet.is_corrupt:
                raise damaged_video(self._format)
            for frame in self._frames_of(decoder, packet, begun=count > 0):
                count += 1
                # Also those that are not shown. The worker checks what it gets.
                self._limits.check(_SUBJECT, frame.width, frame.height, count, video=True)
                yield frame

    def _frames_of(self, decoder: VideoCodecContext, packet: Packet[Any], *, begun: bool) -> Iterator[VideoFrame]:
        import av

        try:
            # The last packet, which is empty, asks for the frames that are left.
            frames = decoder.decode(packet if packet.size else None)
        except av.error.FFmpegError:
            # A video that was cut begins with frames that need one before the cut.
            if begun:
                raise
            return
        for frame in frames:
            if not frame.is_corrupt:
                yield frame
            elif begun:
                raise damaged_video(self._format)

    def _decoder(self) -> VideoCodecContext:
        import av

        own = self._stream.codec_context
        other = _WITH_ALPHA.get(own.name) if self.has_alpha else None
        decoder = own
        if other is not None:
            created = av.CodecContext.create(other, "r")
            assert isinstance(created, type(own))
            decoder = created
            decoder.extradata = own.extradata
        decoder.thread_count = _THREADS
        # With threads for slices of one frame, no frame would be known as damaged.
        decoder.thread_type = "FRAME"
        return decoder

    def _size(self, frame: VideoFrame) -> tuple[int, int]:
        """Width and height with square pixels, not yet upright: the short side of a pixel is stretched, so nothing is lost."""
        shape = self._stream.sample_aspect_ratio or Fraction(1)
        width, height = frame.width, frame.height
        if shape == 1 or not _SHAPES[0] <= shape <= _SHAPES[1]:
            return width, height
        size = (_even(width * shape), height) if shape > 1 else (width, _even(height / shape))
        self._limits.check(_SUBJECT, *size, self._stream.frames, video=True)
        return size

    def _time(self, frame: VideoFrame, otherwise: Fraction) -> Fraction:
        """Seconds of the file's clock."""
        return otherwise if frame.pts is None or self._stream.time_base is None else frame.pts * self._stream.time_base

    def _usual(self, frame: VideoFrame) -> Fraction:
        """How long a frame is shown if no other follows."""
        if frame.duration and self._stream.time_base:
            return frame.duration * self._stream.time_base
        rate = self._stream.average_rate or self._stream.guessed_rate
        return 1 / rate if rate else Fraction(1, _USUAL_RATE)


def _even(side: Fraction) -> int:
    """Most formats of videos have no odd sides."""
    return max(2, 2 * round(side / 2))


def _with_alpha(frame: VideoFrame) -> bool:
    return any(component.is_alpha for component in frame.format.components)


def _turning(frame: VideoFrame) -> tuple[bool, bool, bool]:
    """How a frame gets upright: whether its axes are swapped, and then left and right, and top and bottom (ISO/IEC 14496-12, 6.2.2)."""
    from av.sidedata.sidedata import SideData

    found = frame.side_data.get("DISPLAYMATRIX")
    matrix = bytes(found) if isinstance(found, SideData) else b""
    if len(matrix) < 36:
        return False, False, False
    a, b, _, c, d = struct.unpack_from("=5i", matrix)
    return (True, c < 0, b < 0) if abs(b) > abs(a) else (False, a < 0, d < 0)


def _turned(pixels: Samples, alpha: Samples | None, turning: tuple[bool, bool, bool]) -> tuple[Samples, Samples | None]:
    return _upright(pixels, turning), None if alpha is None else _upright(alpha, turning)


def _upright(samples: Samples, turning: tuple[bool, bool, bool]) -> Samples:
    swapped, across, down = turning
    if swapped:
        samples = np.swapaxes(samples, 0, 1)
    return samples[:: -1 if down else 1, :: -1 if across else 1]
