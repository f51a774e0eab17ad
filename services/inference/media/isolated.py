"""Reading a picture in a child process, since files are untrusted and decoders are large C programs.

The child leaves the samples in a file and describes them; the worker trusts nothing but the samples' values.
"""

from __future__ import annotations

import base64
import dataclasses
import os
import resource
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from services.inference.media.decode import decode, read_header
from services.inference.media.errors import over_limit
from services.inference.media.exif import rewritten
from services.inference.media.header import NO_HINTS, Header, Hints
from services.inference.media.icc import Unusable, essential
from services.inference.media.image import Image, Limits, Metadata
from services.inference.media.runtime import configure_libvips
from services.inference.media.tiff_pages import Page, pages_of
from services.pictures.media_format import MediaFormat, sniff
from services.platform import sandbox as sandboxes

if TYPE_CHECKING:
    from services.platform.sandbox import Limits as SandboxLimits
    from services.platform.sandbox import Sandbox


CHILD_IMPORTS = ("cv2",)
_BLOBS = ("exif", "xmp", "iptc")


async def read_picture_header(sandbox: Sandbox, source: Path, limits: Limits, resources: SandboxLimits, hints: Hints = NO_HINTS) -> Header:
    """`media.read_header` of a file, in a child of `sandbox` within `resources`. Raises as `media.read_header` and `Sandbox.run`."""
    return header_of(await sandbox.run(describe, source, limits, hints, reads=[source], limits=resources))


async def read_picture(
    sandbox: Sandbox, source: Path, folder: Path, limits: Limits, resources: SandboxLimits, hints: Hints = NO_HINTS
) -> Image:
    """`media.decode` of a file, in a child of `sandbox` within `resources`. `folder` is for a temporary folder.

    Raises as `media.decode` and `Sandbox.run`.
    """
    own = Path(tempfile.mkdtemp(prefix="decoding-", dir=folder))
    target = own / "samples"
    try:
        described = await sandbox.run(decode_into, source, target, limits, hints, reads=[source], folder=own, limits=resources)
        return picture_of(described, target, limits)
    finally:
        shutil.rmtree(own, ignore_errors=True)


async def read_page_headers(sandbox: Sandbox, source: Path, limits: Limits, most: int, resources: SandboxLimits) -> Sequence[Page]:
    """The pages of a TIFF. Raises as `media.read_header` and `Sandbox.run`, and MEDIA_LIMIT_EXCEEDED for more than `most` pages."""
    described = await sandbox.run(describe_pages, source, limits, most, reads=[source], limits=resources)
    try:
        return [Page(int(position), header_of(header)) for position, header in described]
    except (TypeError, ValueError) as error:
        raise sandboxes.SandboxCrashed("the child's description of the pages is not valid") from error


def samples_in(path: Path | int, kind: npt.DTypeLike, count: int) -> npt.NDArray[Any]:
    """Exactly `count` samples from a file, or an open one, that a child wrote. Raises SandboxCrashed if there are not so many, or it is no
    file."""
    size = np.dtype(kind).itemsize
    named = isinstance(path, Path)
    opener = (lambda name, flags: os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK)) if named else None
    try:
        with open(path, "rb", opener=opener, closefd=named) as file:
            file.seek(0)
            if count < 1 or os.fstat(file.fileno()).st_size != count * size:
                raise sandboxes.SandboxCrashed("the child left another number of samples than it said")
            return np.fromfile(file, kind, count)
    except OSError as error:
        raise sandboxes.SandboxCrashed("the child left no samples") from error


def describe(source: Path | int, limits: Limits, hints: Hints = NO_HINTS) -> dict[str, Any]:
    """The child's part of `read_picture_header`: the header, in a form that JSON can hold."""
    configure_libvips(1)
    return dataclasses.asdict(read_header(content_of(source, limits), limits, hints))


def describe_pages(source: Path | int, limits: Limits, most: int) -> list[tuple[int, dict[str, Any]]]:
    """The child's part of `read_page_headers`: the place of each page's directory, and its header."""
    pages = pages_of(content_of(source, limits))
    if pages is None or len(pages) > most:
        count = "too many" if pages is None else len(pages)
        raise over_limit(f"The file has {count} pages.", allowed=f"at most {most} pages")
    for page in pages:
        limits.check(page.header.width, page.header.height, "A page")
    return [(page.position, dataclasses.asdict(page.header)) for page in pages]


def decode_into(source: Path | int, target: Path | int, limits: Limits, hints: Hints = NO_HINTS) -> dict[str, Any]:
    """The child's part of `read_picture`: write the samples of the picture, and then of its alpha, to `target`, and describe them."""
    # Its limit on processor time counts all threads.
    configure_libvips(1)
    image = decode(content_of(source, limits), limits, hints)
    with open(target, "wb", closefd=isinstance(target, Path)) as file:
        return described_samples(image, file)


def described_samples(image: Image, file: BinaryIO) -> dict[str, Any]:
    """Write the samples of a picture, and then of its alpha, and describe them for `picture_of`."""
    image.pixels.tofile(file)
    if image.alpha is not None:
        image.alpha.tofile(file)
    return {
        "shape": image.pixels.shape,
        "type": image.pixels.dtype.name,
        "alpha": image.alpha is not None,
        "icc": _text(image.icc),
        **{name: _text(getattr(image.metadata, name)) for name in _BLOBS},
        "pixels_per_mm": image.metadata.pixels_per_mm,
        "format": image.source_format,
        "quality": image.source_quality,
        "progressive": image.source_progressive,
        "notes": image.notes,
    }


def content_of(source: Path | int, limits: Limits) -> bytes:
    """The content of a file, or an open file. If it is an SVG, this process has its time for drawing one from now on."""
    data = source.read_bytes() if isinstance(source, Path) else os.pread(source, os.fstat(source).st_size, 0)
    if sniff(data) is MediaFormat.SVG:
        # A few hundred bytes of filters or of references to references draw for hours.
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        soft = max(1, round(limits.svg_seconds))
        resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))
    return data


def header_of(described: dict[str, Any]) -> Header:
    """The header that the child described. Raises SandboxCrashed if the description makes no sense."""
    try:
        numbers = {name: int(described[name]) for name in ("width", "height", "channels")}
        return Header(MediaFormat(described["format"]), **numbers, wide=bool(described["wide"]))
    except (KeyError, TypeError, ValueError) as error:
        raise sandboxes.SandboxCrashed("the child's description of the picture is not valid") from error


def picture_of(described: dict[str, Any], target: Path | int, limits: Limits) -> Image:
    """The picture that the child described. Raises SandboxCrashed if the description does not match the file that it left."""
    try:
        height, width, bands = described["shape"]
        limits.check(width, height)
        count, area = height * width * bands, height * width
        kind = {"uint8": np.uint8, "uint16": np.uint16}[described["type"]]
        samples = samples_in(target, kind, count + (area if described["alpha"] else 0))
        density = described["pixels_per_mm"]
        icc = _bytes(described["icc"])
        if icc is not None:
            essential(icc)
        blobs = {name: _bytes(described[name]) for name in _BLOBS}
        return Image(
            pixels=samples[:count].reshape(height, width, bands),
            alpha=samples[count:].reshape(height, width) if described["alpha"] else None,
            icc=icc,
            metadata=Metadata(
                **{**blobs, "exif": rewritten(blobs["exif"])},
                pixels_per_mm=(float(density[0]), float(density[1])) if density else None,
            ),
            source_format=MediaFormat(described["format"]) if described["format"] is not None else None,
            source_quality=min(max(int(described["quality"]), 1), 100) if described["quality"] is not None else None,
            source_progressive=described["progressive"] is True,
            notes=tuple(map(str, described["notes"])),
        )
    except (KeyError, ValueError, TypeError, IndexError, Unusable) as error:
        raise sandboxes.SandboxCrashed("the child's description of the picture is not valid") from error


def _text(blob: bytes | None) -> str | None:
    return None if blob is None else base64.b64encode(blob).decode()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text, validate=True)
