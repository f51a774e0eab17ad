"""Find pictures that show the same."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from darkroom.operations.v1.find_duplicates_pb2 import FindDuplicates
from services.inference.contract.flow import Data, WholeFile
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image, Saving, encode
from services.inference.media.colour import array_from_vips, vips_from_array
from services.inference.media.scaling import scale
from services.pictures.geometry import Size
from services.pictures.media_format import MediaFormat

BITS = 128
_SIDE = 8


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """The facts about a picture."""

    hash: int
    """See `hash_of`."""
    pixels: int
    size: int
    """Bytes of its file."""


def hash_of(image: Image) -> int:
    """64 bits that say where a pixel is lighter than the next one of its row, and 64 for columns."""
    gray = vips_from_array(image.srgb()).colourspace("b-w")
    across = array_from_vips(scale(gray, (_SIDE + 1, _SIDE)))[..., 0].astype(int)
    down = array_from_vips(scale(gray, (_SIDE, _SIDE + 1)))[..., 0].astype(int)
    bits = np.concatenate([(across[:, :-1] > across[:, 1:]).ravel(), (down[:-1] > down[1:]).ravel()])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def distance(one: int, other: int) -> int:
    """How many bits differ."""
    return (one ^ other).bit_count()


def groups(pictures: Sequence[PictureFacts], threshold: int) -> Sequence[Sequence[int]]:
    """The indices of pictures that are alike, each group in order. A picture joins the first group whose first picture it is alike to."""
    found: list[list[int]] = []
    for index, picture in enumerate(pictures):
        near = (group for group in found if distance(pictures[group[0]].hash, picture.hash) <= threshold)
        group = next(near, None)
        if group is None:
            found.append([index])
        else:
            group.append(index)
    return [group for group in found if len(group) > 1]


def best(pictures: Sequence[PictureFacts], group: Sequence[int]) -> int:
    """The one with the most pixels, then the largest file, then the first."""
    return max(group, key=lambda index: (pictures[index].pixels, pictures[index].size, -index))


_USUAL = 8
_COPIES = 4  # of the decoded samples of one picture at a time
_THUMBNAIL_WIDTH, _QUALITY = 200, 80
_READ_SIDE = 400
"""A picture is scaled while it is read to about this longer side: enough for its thumbnail, and far more than its hash needs."""


def peak_memory(pictures: Sequence[Header], _parameters: FindDuplicates) -> int:
    """Bytes at the peak."""
    return max((picture.samples_bytes for picture in pictures), default=0) * _COPIES


def run(files: Sequence[WholeFile], parameters: FindDuplicates, step: PlainStep) -> Data:
    """The groups. Raises as `WholeFile.image`."""
    threshold = parameters.threshold if parameters.HasField("threshold") else _USUAL
    pictures: list[PictureFacts] = []
    told: list[dict[str, Any]] = []
    for number, file in enumerate(files):
        step.check()
        step.report(number / len(files), f"Picture {number + 1} of {len(files)}")
        image, (width, height) = file.image(_read_size)
        pictures.append(PictureFacts(hash_of(image), width * height, file.size))
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


def _files(group: Sequence[int], pictures: Sequence[PictureFacts], told: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
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
    small = scale(vips_from_array(image.srgb()), (width, max(1, round(image.height * width / image.width))))
    shown = Image(small.numpy())
    content = encode(shown, Saving(MediaFormat.JPEG, quality=_QUALITY, keep_metadata=False))
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"
