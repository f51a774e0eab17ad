"""Cut a picture into tiles."""

from __future__ import annotations

import dataclasses
import itertools
import zipfile
from collections.abc import Sequence
from pathlib import PurePosixPath

from darkroom.operations.v1 import convert_pb2
from darkroom.operations.v1.split_pb2 import Split
from services.inference.contract.flow import NewFile, WholeFile
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Metadata, Saving, encode
from services.inference.plain.colours import in_srgb
from services.pictures.media_format import MediaFormat, written_format
from services.platform.zip_archive import entry_names

_MOST = 100


def starts(length: int, pieces: int, piece: int) -> Sequence[int]:
    """Where pieces begin, and the end of the last: so many equal ones, or ones of the length `piece` if that is not 0; the last takes the
    rest."""
    if piece:
        count = min(_MOST, -(-length // piece))
    else:
        count = min(_MOST, pieces, length)
        piece = length // count
    return [*range(0, count * piece, piece), length]


_COPIES = 5
_COLUMNS = 3
_QUALITY = 90
_LOSSLESS = (MediaFormat.PNG, MediaFormat.TIFF, MediaFormat.GIF)


def peak_memory(picture: Header, _parameters: Split) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES)


def run(file: WholeFile, parameters: Split, step: PlainStep) -> NewFile:
    """The archive. Raises as `WholeFile.image`."""
    image = in_srgb(file.image()[0])
    image = dataclasses.replace(image, metadata=Metadata())
    format_ = written_format(parameters.format or convert_pb2.PICTURE_FORMAT_KEPT, image.source_format)
    if format_ is MediaFormat.JPEG and image.alpha is not None:
        format_ = MediaFormat.PNG
    saving = Saving(
        format_, quality=parameters.quality or _QUALITY, lossless=format_ in _LOSSLESS, keep_metadata=False, compact=True, quick=True
    )
    [name] = entry_names([parameters.name or PurePosixPath(file.name).stem or "tile"])
    across = starts(image.width, parameters.columns or _COLUMNS, parameters.tile_width)
    down = starts(image.height, parameters.rows or _COLUMNS, parameters.tile_height)
    target = step.folder / "tiles.zip"
    with zipfile.ZipFile(target, "w") as archive:
        for row, (top, bottom) in enumerate(_pairs(down)):
            step.report(row / (len(down) - 1), f"Row {row + 1} of {len(down) - 1}")
            for column, (left, right) in enumerate(_pairs(across)):
                step.check()
                tile = dataclasses.replace(
                    image,
                    pixels=image.pixels[top:bottom, left:right].copy(),
                    alpha=None if image.alpha is None else image.alpha[top:bottom, left:right].copy(),
                )
                archive.writestr(zipfile.ZipInfo(f"{name}_r{row + 1}_c{column + 1}.{format_.extension}"), encode(tile, saving))
    step.label("split")
    return NewFile(target, "application/zip", "zip")


def _pairs(edges: Sequence[int]) -> Sequence[tuple[int, int]]:
    return list(itertools.pairwise(edges))
