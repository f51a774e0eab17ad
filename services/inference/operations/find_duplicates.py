"""Find pictures that show the same."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from darkroom.operations.v1.find_duplicates_pb2 import FindDuplicates
from services.inference.contract.flow import Data, WholeFile
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image, Saving, encode
from services.inference.media.colour import vips_from_array
from services.inference.media.scaling import scaled
from services.inference.plain.likeness import BITS, Known, best, distance, groups, hash_of
from services.pictures.geometry import Size
from services.pictures.media_format import MediaFormat

_USUAL = 8
_COPIES = 4  # of the decoded samples of one picture at a time
_THUMBNAIL_WIDTH, _QUALITY = 200, 80
_READ_SIDE = 400
"""A picture is scaled, as it is read, to about this longer side: enough for its thumbnail, and far more than its hash needs."""


def peak_memory(pictures: Sequence[Header], _parameters: FindDuplicates) -> int:
    """Bytes at the peak."""
    return max((picture.samples_bytes for picture in pictures), default=0) * _COPIES


def run(files: Sequence[WholeFile], parameters: FindDuplicates, step: PlainStep) -> Data:
    """The groups. Raises as `WholeFile.image`."""
    threshold = parameters.threshold if parameters.HasField("threshold") else _USUAL
    pictures: list[Known] = []
    told: list[dict[str, Any]] = []
    for number, file in enumerate(files):
        step.check()
        step.report(number / len(files), f"Picture {number + 1} of {len(files)}")
        image, (width, height) = file.image(_read_size)
        pictures.append(Known(hash_of(image), width * height, file.size))
        told.append(
            {
                "index": number,
                "filename": file.name,
                "width": width,
                "height": height,
                "fileSize": file.size,
                "format": _called(image.source_format),
                "thumbnail": _thumbnail(image),
            }
        )
    step.label("duplicates")
    found = groups(pictures, threshold)
    listed = [{"groupId": number, "files": _files(group, pictures, told)} for number, group in enumerate(found, start=1)]
    inside = sum(map(len, found))
    saved = sum(pictures[index].size for group in found for index in group if index != best(pictures, group))
    return Data({"totalImages": len(files), "duplicateGroups": listed, "uniqueImages": len(files) - inside, "spaceSaveable": saved})


def _files(group: Sequence[int], pictures: Sequence[Known], told: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    first, kept = pictures[group[0]].hash, best(pictures, group)
    return [
        {
            **{name: value for name, value in told[index].items() if name != "thumbnail"},
            "similarity": round(100 * (1 - distance(first, pictures[index].hash) / BITS), 2),
            "isBest": index == kept,
            "thumbnail": told[index]["thumbnail"],
        }
        for index in group
    ]


def _read_size(size: Size) -> Size | None:
    scale = _READ_SIDE / max(size)
    return (max(1, round(size[0] * scale)), max(1, round(size[1] * scale))) if scale < 1 else None


def _called(format_: MediaFormat | None) -> str:
    return "heif" if format_ in (MediaFormat.HEIC, MediaFormat.HEIF) else str(format_ or "")


def _thumbnail(image: Image) -> str:
    width = min(_THUMBNAIL_WIDTH, image.width)
    small = scaled(vips_from_array(image.srgb()), (width, max(1, round(image.height * width / image.width))))
    shown = Image(small.numpy())
    content = encode(shown, Saving(MediaFormat.JPEG, quality=_QUALITY, keep_metadata=False))
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"
