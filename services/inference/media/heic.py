"""HEIC and HEIF (pictures encoded as HEVC), which libvips is usually built without, read and written through pillow-heif and libheif."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pillow_heif

from services.inference.media import colour
from services.inference.media.errors import damaged_error, over_limit, unread
from services.inference.media.exif import rewritten
from services.inference.media.header import Header
from services.inference.media.image import Image, Limits, Metadata, from_samples
from services.inference.media.notes import MAIN_PICTURE
from services.pictures.media_format import MediaFormat

_FAILURES = (OSError, ValueError, RuntimeError, SyntaxError, EOFError, IndexError)
_BRAND_AT = 8
"""Where a file has its major brand: after the length and type of its first box."""


def read_header(data: bytes, format_: MediaFormat, limits: Limits) -> Header:
    """The header. Raises `FILE_CORRUPT`, `MEDIA_UNSUPPORTED` and `MEDIA_LIMIT_EXCEEDED`."""
    file = open_checked(data, format_, limits)
    width, height = file.size
    return Header(format_, width, height, channels=len(file.mode.partition(";")[0]), wide=int(file.info["bit_depth"]) > 8)


def decode(data: bytes, format_: MediaFormat, limits: Limits) -> Image:
    """Decodes the primary picture. libheif makes it upright; EXIF orientation is ignored. Raises as `read_header`."""
    file = open_checked(data, format_, limits)
    try:
        samples = np.asarray(file)
    except _FAILURES as error:
        raise _refused(format_, error) from error
    if samples.ndim == 2:
        samples = samples[..., np.newaxis]
    if samples.dtype == np.uint16:
        samples = colour.widen(samples, int(file.info["bit_depth"]))
    metadata = Metadata(exif=rewritten(file.info.get("exif")), xmp=file.info.get("xmp"))
    image = from_samples(samples, file.info.get("icc_profile"), metadata, format_)
    return image.replace(note=MAIN_PICTURE.format(pictures=len(file)) if len(file) > 1 else None)


def encode(
    pixels: npt.NDArray[np.uint8],
    alpha: npt.NDArray[np.uint8] | None,
    icc: bytes | None,
    metadata: Metadata,
    quality: int | None,
    brand: bytes,
) -> bytes:
    """A HEIC file of height x width x 1 or 3 samples. `quality` is 1 to 100, None for no loss; `brand` is the file's first one.

    Raises `MEDIA_LIMIT_EXCEEDED` for a size that the encoder refuses.
    """
    if alpha is not None:
        pixels = np.dstack((pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2), alpha))
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[pixels.shape[2]]
    height, width = pixels.shape[:2]
    exactly = {"chroma": 444, "matrix_coefficients": 0 if mode != "L" else 1}
    how = {"quality": -1, **exactly} if quality is None else {"quality": quality}
    blobs = {"exif": metadata.exif, "xmp": metadata.xmp}
    file = pillow_heif.from_bytes(mode, (width, height), colour.contiguous(pixels).tobytes())
    if icc is not None:
        file.info.update(icc_profile=icc, icc_profile_type="prof")
    buffer = io.BytesIO()
    try:
        file.save(buffer, **how, **{name: blob for name, blob in blobs.items() if blob is not None})
    except (RuntimeError, ValueError, OSError) as error:
        raise over_limit(f"The result has {width} x {height} pixels, too many for {MediaFormat.HEIC}.", allowed="fewer pixels") from error
    content = buffer.getvalue()
    return content[:_BRAND_AT] + brand + content[_BRAND_AT + len(brand) :]


def open_checked(data: bytes, format_: MediaFormat, limits: Limits) -> pillow_heif.HeifFile:
    """Parses the boxes and checks the size of the primary picture; no pixel is decoded yet."""
    try:
        file = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False, hdr_to_16bit=False)
        width, height = file.size
    except _FAILURES as error:
        raise _refused(format_, error) from error
    limits.check(width, height)
    return file


def _refused(format_: MediaFormat, error: Exception) -> Exception:
    # Pictures in other encodings are left out of the list, which is then empty.
    if "nsupported" in str(error) or isinstance(error, IndexError):
        return unread(format_, "is in an encoding other than HEVC and AV1")
    return damaged_error(format_)
