"""A JPEG written again with its samples as they are coded, turned by quarters at most. For child processes: files may be hostile."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pyvips

from services.inference.lossless import jpeg_file
from services.inference.lossless.asked import Rewriting
from services.inference.lossless.jpeg_file import JpegFile, Segment, segment
from services.inference.lossless.libjpeg import turned
from services.inference.lossless.rewriting import Rewritten, kept_metadata
from services.inference.lossless.turn import UNTURNED, Turn
from services.inference.media.colour import is_srgb
from services.inference.media.decode import blob, orientation_of
from services.inference.media.ending import completed
from services.inference.media.image import Limits
from services.inference.media.notes import NO_END
from services.inference.tagging import photoshop
from services.pictures.geometry import Size
from services.pictures.media_format import MediaFormat
from services.platform.errors import DarkroomError

_COLOURS = ("srgb", "b-w")
_PER_INCH = 1
"""The unit of a resolution (T.871, 10.1)."""
_INCH = 25.4
_UNKNOWN = 1, 1
"""A resolution without a unit: samples are square."""
_ASSUMED = 72, 72
"""The resolution that libvips gives where a file says nothing."""
_PLAIN = b"\1\1"
"""Version 1.01 of JFIF."""
_NO_THUMBNAIL = bytes(2)
_PROGRESSIVE = 0xC2


def rewrite_jpeg(data: bytes, asked: Rewriting, limits: Limits) -> Rewritten | None:
    """The file, upright, with its coded samples; None where that cannot be, as for all files that are damaged or refused, with no reason
    given: decoding it finds that."""
    try:
        opened = _opened(data, limits)
        whole = completed(data, MediaFormat.JPEG)
        file = jpeg_file.read(whole)
        if file is None or opened.interpretation not in _COLOURS or not _is_sound(whole):
            return None
        return _rewritten(file, opened, asked, () if whole is data else (NO_END,))
    except (pyvips.Error, DarkroomError, ValueError):
        return None


def _rewritten(file: JpegFile, opened: pyvips.Image, asked: Rewriting, notes: tuple[str, ...]) -> Rewritten | None:
    turn = Turn.upright(orientation_of(opened)).then(asked.turn)
    progressive = any(each.marker == _PROGRESSIVE for each in file.segments)
    if not turn.fits((file.width, file.height), file.unit) or asked.progressive not in (None, progressive):
        return None
    profile = blob(opened, "icc-profile-data")
    if asked.strip_profile and profile is not None and not is_srgb(profile, gray=len(file.components) == 1):
        return None
    size = (file.height, file.width) if turn.transposed else (file.width, file.height)
    metadata = _metadata(file, opened, asked, size)
    header = _header(file, opened, turn)
    if header is not None and not file.may_have_jfif:
        if not any(each.content.startswith(jpeg_file.EXIF) for each in metadata):
            return None
        header = None
    profiles = [] if asked.strip_profile else file.kept(jpeg_file.APP2, jpeg_file.PROFILE)
    adobe = file.kept(jpeg_file.APP14, jpeg_file.ADOBE)
    samples: Sequence[Segment] | None = file.needed if turn == UNTURNED else _turned(file, adobe, turn)
    if samples is None:
        return None
    content = jpeg_file.written([*([header] if header else []), *metadata, *profiles, *adobe], samples)
    return Rewritten(content, *size, len(file.components), notes)


def _opened(data: bytes, limits: Limits) -> pyvips.Image:
    opened = pyvips.Image.jpegload_buffer(data, access="sequential", fail_on="error")
    limits.check(opened.width, opened.height)
    return opened


def _is_sound(data: bytes) -> bool:
    """Whether all samples can be decoded. An eighth of them takes little time, but all that is coded is read."""
    try:
        pyvips.Image.jpegload_buffer(data, access="sequential", fail_on="error", shrink=8).avg()
    except pyvips.Error:
        return False
    return True


def _turned(file: JpegFile, adobe: Sequence[Segment], turn: Turn) -> Sequence[Segment] | None:
    bare = jpeg_file.written([*file.kept(jpeg_file.APP0, jpeg_file.JFIF), *adobe], file.needed)
    moved = turned(bare, turn)
    read = None if moved is None else jpeg_file.read(moved)
    return None if read is None else read.needed


def _metadata(file: JpegFile, opened: pyvips.Image, asked: Rewriting, size: Size) -> list[Segment]:
    """The metadata that stay."""
    exif, packet = kept_metadata(opened, asked, size)
    iptc = None if asked.strip_metadata else photoshop.iptc_in(b"".join(file.contents(jpeg_file.APP13, jpeg_file.PHOTOSHOP)))
    blocks = (
        (jpeg_file.APP1, None if exif is None else jpeg_file.EXIF + exif),
        (jpeg_file.APP1, None if packet is None else jpeg_file.XMP + packet),
        (jpeg_file.APP13, None if iptc is None else jpeg_file.PHOTOSHOP + photoshop.with_iptc(b"", iptc)),
    )
    return [segment(marker, content) for marker, content in blocks if content is not None]


def _header(file: JpegFile, opened: pyvips.Image, turn: Turn) -> Segment | None:
    """The JFIF header with the resolution, which Exif data may say that go; None if nothing is known."""
    unit, density = None, _UNKNOWN
    for content in file.jfif[:1]:
        unit, density = content[2], struct.unpack_from(">HH", content, 3)
    by_exif = round(opened.xres * _INCH), round(opened.yres * _INCH)
    if not unit and by_exif != _ASSUMED:
        unit, density = _PER_INCH, by_exif
    if unit is None:
        return None
    if not all(0 < each < 1 << 16 for each in density):
        # The header stays, which says how to understand the colours.
        unit, density = 0, _UNKNOWN
    density = density[::-1] if turn.transposed else density
    return segment(jpeg_file.APP0, jpeg_file.JFIF + _PLAIN + struct.pack(">BHH", unit, *density) + _NO_THUMBNAIL)
