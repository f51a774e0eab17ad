"""The part of the child process that adds sound to a video. The worker, which only names it, does without FFmpeg's libraries."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.inference.moving.sound import AHEAD, CONTAINER
from services.inference.moving.writing.video_writing import CONTAINERS, muxing
from services.pictures.media_format import MediaFormat

if TYPE_CHECKING:
    from av.audio import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.stream import Stream

_OF_MP4 = frozenset({"aac", "mp3", "ac3", "eac3", "alac"})
_OF_MOV = _OF_MP4 | {"pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_f32le"}
_COPIED = {MediaFormat.MP4: _OF_MP4, MediaFormat.MOV: _OF_MOV, MediaFormat.WEBM: frozenset({"opus", "vorbis"})}
"""Codecs that all players of a format know, by FFmpeg's names."""
_OPUS_RATE = 48_000
_AAC_RATES = 8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000
_BITS_PER_CHANNEL = 96_000


def join(video: Path, sound: Path, target: Path, format_: str) -> bool:
    """Write a file with the frames of one and the sound of another; False if the sound cannot be read."""
    import av

    wanted = MediaFormat(format_)
    container = CONTAINERS[wanted]
    try:
        with (
            av.open(str(video), format="matroska" if wanted is MediaFormat.WEBM else "mov") as frames,
            av.open(str(sound), format=CONTAINER) as track,
            av.open(str(target), "w", format=container, options=muxing(wanted)) as out,
        ):
            picture, heard = frames.streams.video[0], track.streams.audio[0]
            shown: Stream = out.add_stream_from_template(picture)
            shown.time_base = picture.time_base
            copies = heard.codec.canonical_name in _COPIED[wanted]
            packets = _copied(track, heard, out) if copies else _encoded(track, heard, out, wanted)
            # Both at once in the order of their times, or the muxer would have to hold one of them.
            both = heapq.merge(_timed(_of_video(frames, picture, shown), 0), _timed(packets, 1), key=lambda each: each[:2])
            for _, _, packet in both:
                out.mux_one(packet)
    except MemoryError:
        raise
    except (av.error.FFmpegError, ValueError, IndexError):
        return False
    return True


def _timed(packets: Iterator[Packet[Any]], order: int) -> Iterator[tuple[float, int, Packet[Any]]]:
    for packet in packets:
        at = packet.dts if packet.dts is not None else packet.pts or 0
        yield float(at * packet.time_base), order, packet


def _of_video(container: InputContainer, source: Stream, target: Stream) -> Iterator[Packet[Any]]:
    for packet in container.demux(source):
        if packet.size:
            packet.stream = target
            yield packet


def _copied(container: InputContainer, source: AudioStream, out: OutputContainer) -> Iterator[Packet[Any]]:
    copied: Stream = out.add_stream_from_template(source)
    copied.time_base = source.time_base
    return _of_sound(container, source, copied)


def _of_sound(container: InputContainer, source: AudioStream, target: Stream) -> Iterator[Packet[Any]]:
    assert source.time_base is not None
    ahead = round(AHEAD / source.time_base)
    packets: Iterator[Packet[Any]] = container.demux(source)
    for packet in packets:
        if packet.size and packet.pts is not None:
            packet.pts -= ahead
            packet.dts = packet.pts
            packet.stream = target
            yield packet


def _encoded(container: InputContainer, source: AudioStream, out: OutputContainer, format_: MediaFormat) -> Iterator[Packet[Any]]:
    codec = source.codec_context
    opus = format_ is MediaFormat.WEBM
    rate = _OPUS_RATE if opus else next((each for each in _AAC_RATES if each >= codec.sample_rate), _AAC_RATES[-1])
    layout = {1: "mono", 2: "stereo"}.get(codec.layout.nb_channels, "5.1" if codec.layout.nb_channels >= 6 else "stereo")
    target = out.add_stream("libopus" if opus else "aac", rate=rate)
    target.layout = layout
    target.bit_rate = _BITS_PER_CHANNEL * target.codec_context.layout.nb_channels
    return _transcoded(container, source, target, rate, layout)


def _transcoded(container: InputContainer, source: AudioStream, target: AudioStream, rate: int, layout: str) -> Iterator[Packet[Any]]:
    import av

    target.codec_context.open()
    samples = "flt" if target.codec_context.name == "libopus" else "fltp"
    resampler = av.AudioResampler(samples, layout, rate, target.codec_context.frame_size)
    base, ahead = Fraction(1, rate), AHEAD * rate
    for packet in container.demux(source):
        try:
            decoded = source.codec_context.decode(packet if packet.size else None)
        except av.error.InvalidDataError:
            # A gap is not heard as long as there are few.
            continue
        for frame in [*decoded, *([] if packet.size else [None])]:
            for part in resampler.resample(frame):
                if part.pts is not None and part.time_base == base:
                    part.pts -= ahead
                yield from target.encode(part)
    yield from target.encode(None)
