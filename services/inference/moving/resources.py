"""Memory and time for the children that read and write animations and videos."""

from __future__ import annotations

from services.inference.moving.limits import MovingLimits
from services.inference.moving.model import Facts
from services.platform.sandbox import Limits as SandboxLimits

_PROGRAM = 3 << 29
"""Bytes of address space for the interpreter, its libraries, half of which are FFmpeg's, and the stacks of threads."""
_COPIES = 3
"""The compressed file, as decoders of animations have it."""
_BYTES_PER_PIXEL = 120
"""A decoder may keep 16 frames for reference, of 1.5 bytes a pixel, or 3 for 10 bits, and one for each of its threads; colours are
converted in 6 bytes a pixel, and results take 4."""
_ENCODING_BYTES_PER_PIXEL = 400
"""An encoder looks ahead at 40 to 60 frames, of 1.5 bytes a pixel and as much for smaller copies of them; alpha has an encoder of its
own."""
_SECONDS = 60
"""Processor time for what does not depend on the size."""
_SECONDS_PER_MEGAPIXEL = 0.6
"""Ten times as long as decoding usually takes, and four times as long as fitting HDR into sRGB."""
_ENCODING_SECONDS_PER_MEGAPIXEL = 3.0
"""Five times as long as a GIF of many colours takes, and ten times as long as VP9."""
_WALL_SECONDS = 24 * 60 * 60.0
"""A child waits for the other operations most of the time; the time for a task ends before."""
_FILE_BYTES = 8 << 30
_MEGA = 1_000_000


def facts_resources(limits: MovingLimits, file_bytes: int) -> SandboxLimits:
    """For reading headers and one frame of a file of this size."""
    memory = _memory(limits.picture.megapixels, _BYTES_PER_PIXEL) + _COPIES * file_bytes
    return SandboxLimits(memory_bytes=memory, cpu_seconds=_SECONDS, wall_seconds=2.0 * _SECONDS)


def reading_resources(facts: Facts, limits: MovingLimits, file_bytes: int) -> SandboxLimits:
    """For reading all frames of a file of this size."""
    frame = facts.width * facts.height / _MEGA
    whole = frame * facts.frames if facts.frames else limits.megapixels
    return SandboxLimits(
        memory_bytes=_memory(frame, _BYTES_PER_PIXEL) + _COPIES * file_bytes,
        cpu_seconds=round(_SECONDS + _SECONDS_PER_MEGAPIXEL * whole),
        wall_seconds=_WALL_SECONDS,
        file_bytes=_FILE_BYTES,
    )


def writing_resources(width: int, height: int, limits: MovingLimits) -> SandboxLimits:
    """For writing frames of this size, as many as there may be."""
    return SandboxLimits(
        memory_bytes=_memory(width * height / _MEGA, _ENCODING_BYTES_PER_PIXEL),
        cpu_seconds=round(_SECONDS + _ENCODING_SECONDS_PER_MEGAPIXEL * limits.megapixels),
        wall_seconds=_WALL_SECONDS,
        file_bytes=_FILE_BYTES,
    )


def joining_resources(seconds: float) -> SandboxLimits:
    """For adding sound that is so long, which may have to be encoded again."""
    processor = round(_SECONDS + seconds)
    return SandboxLimits(memory_bytes=_PROGRAM, cpu_seconds=processor, wall_seconds=4.0 * processor, file_bytes=_FILE_BYTES)


def _memory(megapixels: float, per_pixel: int) -> int:
    return round(_PROGRAM + megapixels * _MEGA * per_pixel)
