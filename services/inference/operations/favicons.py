"""Make the icons of a website."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import PurePosixPath

from darkroom.operations.v1.favicons_pb2 import Favicons
from services.inference.contract.flow import NewFile, WholeFile
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header
from services.inference.plain.graph import Work
from services.inference.plain.icons import icons_of
from services.pictures.geometry import Size
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.zip_archive import entry_names

_COPIES = 4  # of the decoded samples of one picture at a time
_READ_SIDE = 1024
"""A picture is scaled while it is read to about this shorter side: twice the largest icon's."""


def peak_memory(pictures: Sequence[Header], _parameters: Favicons) -> int:
    """Bytes at the peak."""
    return max((picture.samples_bytes for picture in pictures), default=0) * _COPIES


def run(files: Sequence[WholeFile], parameters: Favicons, step: PlainStep) -> NewFile:
    """The archive. Raises FIELD_INVALID for another number of names than of files, and as `WholeFile.image`."""
    if parameters.names and len(parameters.names) != len(files):
        raise DarkroomError(ErrorReason.FIELD_INVALID, f"names: {len(parameters.names)} names for {len(files)} files.", field="names")
    names = parameters.names or [PurePosixPath(file.name).stem or "icon" for file in files]
    folders = entry_names(names)
    target = step.folder / "icons.zip"
    with zipfile.ZipFile(target, "w") as archive:
        for number, (file, name, folder) in enumerate(zip(files, names, folders, strict=True)):
            step.check()
            step.report(number / len(files), f"Picture {number + 1} of {len(files)}")
            image, _ = file.image(_read_size)
            for entry, content in icons_of(image, name, Work(step.folder, step.check)).items():
                archive.writestr(entry if len(files) == 1 else f"{folder}/{entry}", content)
    step.label("favicons")
    return NewFile(target, "application/zip", "zip")


def _read_size(size: Size) -> Size | None:
    scale = _READ_SIDE / min(size)
    return (round(size[0] * scale), round(size[1] * scale)) if scale < 1 else None
