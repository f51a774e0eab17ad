"""Pictures as Claid's replies describe them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compat.claid.v1 import images_pb2
from darkroom.files.v1 import files_service_pb2
from services.pictures.geometry import Size
from services.pictures.media_format import MediaFormat
from services.tasks.model.media import InputFile

_NAMES: Mapping[str, tuple[str, str]] = {each.media_type: (each.extension, each.value.upper()) for each in MediaFormat} | {
    "image/jpeg": ("jpeg", "JPEG"),
    "image/avif": ("av1", "AVIF"),
}
"""Claid's extension and name of a format: the usual ones but for two."""


def input_fields(file: InputFile) -> dict[str, Any]:
    """`input_object` of a picture, or of another file, which has no size in pixels."""
    return _fields(file.media_type, file.image_size)


def input_image(file: InputFile) -> images_pb2.InputImage:
    """The same as a message."""
    return images_pb2.InputImage(**input_fields(file))


def output_image(download: files_service_pb2.Download) -> images_pb2.OutputImage:
    """`output_object` of a result."""
    file = download.file
    size = (file.image.width, file.image.height) if file.HasField("image") else None
    return images_pb2.OutputImage(**_fields(file.media_type, size), tmp_url=download.url)


def _fields(media_type: str, size: Size | None) -> dict[str, Any]:
    kind = media_type.rpartition("/")[2]
    ext, format_ = _NAMES.get(media_type, (kind, kind.upper()))
    fields: dict[str, Any] = {"ext": ext, "mime": media_type, "format": format_}
    if size is not None:
        width, height = size
        fields |= {"mps": width * height / 1e6, "width": width, "height": height}
    return fields
