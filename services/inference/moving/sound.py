"""The sound of a video: its packets are copied, not decoded, to a file that the child which writes reads."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream

CONTAINER = "nut"
"""It keeps every codec's packets, and times without rounding them."""
AHEAD = 10
"""Seconds that times in the file are ahead of the video's: sound may begin before the first frame, and no container has times below 0."""
_BEFORE = Fraction(1, 10)
"""Seconds of packets before the first frame that are kept: a decoder needs one or two to begin."""


def sound_of(container: InputContainer) -> AudioStream | None:
    """The first stream of sound that can be copied."""
    return next((each for each in container.streams.audio if each.codec_context is not None and each.time_base), None)


def copy_sound(container: InputContainer, target: Path, begin: Fraction, end: Fraction) -> bool:
    """Copy what sounds between two seconds of the file's clock; whether there is any that can be copied. `begin` becomes `AHEAD`."""
    import av

    source = sound_of(container)
    if source is None:
        return False
    copied = False
    try:
        with av.open(str(target), "w", format=CONTAINER) as out:
            stream: Stream = out.add_stream_from_template(source)
            stream.time_base = source.time_base
            for packet in _between(container, source, begin, end):
                packet.stream = stream
                out.mux(packet)
                copied = True
    except (av.error.FFmpegError, ValueError):
        copied = False
    if not copied:
        target.unlink(missing_ok=True)
    return copied


def _between(container: InputContainer, source: AudioStream, begin: Fraction, end: Fraction) -> Iterator[Packet[Any]]:
    base, last = source.time_base, None
    assert base is not None
    packets: Iterator[Packet[Any]] = container.demux(source)
    for packet in packets:
        if packet.pts is None or not packet.size:
            continue
        at = packet.pts * base - begin
        now = round((at + AHEAD) / base)
        if -_BEFORE <= at < end - begin and (last is None or now > last):
            packet.pts = packet.dts = last = now
            yield packet
