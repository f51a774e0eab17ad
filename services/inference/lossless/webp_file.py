"""A still WebP (RFC 9649) written again with its samples as they are coded. For child processes: files may be hostile."""

from __future__ import annotations

import struct

import pyvips

from services.inference.lossless.asked import Rewriting
from services.inference.lossless.rewriting import Rewritten, kept_metadata
from services.inference.media.colour import is_srgb
from services.inference.media.decode import blob, orientation_of
from services.inference.media.image import Limits
from services.inference.tagging.webp import chunk, chunks, header_of
from services.platform.errors import DarkroomError

_HEADER, _PROFILE, _ALPHA, _EXIF, _XMP = b"VP8X", b"ICCP", b"ALPH", b"EXIF", b"XMP "
_SAMPLES = (b"VP8 ", b"VP8L")
_FLAGS = {_PROFILE: 0x20, _EXIF: 0x08, _XMP: 0x04}
_UPRIGHT = (0, 1)


def rewrite_webp(data: bytes, asked: Rewriting, limits: Limits) -> Rewritten | None:
    """The file, not turned; None where that cannot be: if it is animated, not upright, to be converted to sRGB, damaged, or refused."""
    try:
        opened = pyvips.Image.webpload_buffer(data, access="sequential", fail_on="error")
        limits.check(opened.width, opened.height)
        animated = opened.get_typeof("n-pages") and opened.get("n-pages") > 1
        if animated or orientation_of(opened) not in _UPRIGHT:
            return None
        profile = blob(opened, "icc-profile-data")
        if asked.strip_profile and profile is not None and not is_srgb(profile, gray=False):
            return None
        width, height, channels = opened.width, opened.height, opened.bands
        metadata = kept_metadata(opened, asked, (width, height))
        # All that is coded is read.
        opened.avg()
        content = _written(data, None if asked.strip_profile else profile, *metadata)
        return None if content is None else Rewritten(content, width, height, channels)
    except (pyvips.Error, DarkroomError):
        return None


def _written(data: bytes, profile: bytes | None, exif: bytes | None, xmp: bytes | None) -> bytes | None:
    parts = {kind: (content, raw) for kind, content, raw in chunks(data) if kind in (_HEADER, _ALPHA, *_SAMPLES)}
    samples = next((kind for kind in _SAMPLES if kind in parts), None)
    if samples is None:
        # An animation of one frame.
        return None
    header = parts[_HEADER][0] if _HEADER in parts else header_of(samples, parts[samples][0])
    blocks = {_PROFILE: profile, _EXIF: exif, _XMP: xmp}
    flags = header[0]
    for kind, flag in _FLAGS.items():
        flags = flags & ~flag | (flag if blocks[kind] is not None else 0)
    pieces = [chunk(_HEADER, bytes((flags,)) + header[1:10])]
    pieces += [chunk(_PROFILE, profile)] if profile is not None else []
    pieces += [parts[kind][1] for kind in (_ALPHA, samples) if kind in parts]
    pieces += [chunk(kind, block) for kind in (_EXIF, _XMP) if (block := blocks[kind]) is not None]
    body = b"WEBP" + b"".join(pieces)
    return b"RIFF" + struct.pack("<I", len(body)) + body
