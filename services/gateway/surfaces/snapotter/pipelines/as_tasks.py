"""What tools need to be done as tasks, whose files are stored already: how many files, which of them operations name, and what a tool does
with a form that its plan does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compat.snapotter.v1.background_tools_pb2 import RemoveBackgroundSettings
from compat.snapotter.v1.pdf_tools_pb2 import ImageToPdfSettings, PdfToImageSettings
from darkroom.operations.v1 import operation_pb2
from services.gateway.surfaces.snapotter.errors import Refusal
from services.gateway.surfaces.snapotter.names import Name
from services.gateway.surfaces.snapotter.tools import bulk_rename
from services.gateway.surfaces.snapotter.tools._cutouts import surroundings
from services.gateway.surfaces.snapotter.tools.image_to_pdf import LEAST_BYTES, TOO_SMALL, target_bytes
from services.pictures.operations import Arity, spec_of
from services.pictures.page_list import BadPageList, ranges_of

MOST_FILES = 500
"""Of a task."""
MOST_OPERATIONS = 64
"""Of a task of a batch."""
_PICTURE_BEHIND = "image"
_FEWEST: Mapping[str, int] = {"compare": 2, "find-duplicates": 2, "stitch": 2}
"""Of tools that need more than one file."""
_MOST: Mapping[str, int] = {"compare": 2}
NO_TASKS: Mapping[str, str] = {
    "image-to-base64": "It answers with the text of pictures, which no task makes. Call POST /api/v1/tools/image-to-base64.",
    "passport-photo-generate": "It works on what a job has found. Plan passport-photo, which finds the face and makes the photo.",
    "remove-background-effects": "It works on what a job has cut out. Plan remove-background, which has the same effects.",
}
"""Tools that are no operations on files, and what to do instead."""


@dataclass(frozen=True, slots=True)
class Beside:
    """A file that an operation names, besides the files of the task."""

    part: str
    """What the tool's form calls it."""
    field: str
    """Where its id goes, within the operation: `compose.overlay_file_id`."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What is known of the files of a task."""

    name: str = ""
    """The first one's; empty if it is not known."""
    names: Sequence[str] = ()
    """All of them, in order; empty if they are not known."""
    most_pages: int = 0
    """Pages of a PDF that are shown; 0 for all."""


def fewest_and_most(tool_id: str, operations: Sequence[operation_pb2.Operation]) -> tuple[int, int]:
    """How many files a task of this tool takes."""
    if spec_of(operations[0]).arity is Arity.NONE:
        return 0, 0
    return _FEWEST.get(tool_id, 1), _MOST.get(tool_id, MOST_FILES)


def finish(tool_id: str, settings: Any, operations: Sequence[operation_pb2.Operation], sources: Sources) -> Sequence[Beside]:
    """Complete the operations of a tool as a task, and return the files that the first one names. Raises `Refusal`."""
    known = _FINISHED.get(tool_id)
    return () if known is None else known(settings, operations[0], sources)


def _erase_object(_settings: Any, _first: operation_pb2.Operation, _sources: Sources) -> Sequence[Beside]:
    return [Beside("mask", "erase.mask_file_id")]


def _watermark_image(_settings: Any, _first: operation_pb2.Operation, _sources: Sources) -> Sequence[Beside]:
    return [Beside("watermark", "compose.overlay_file_id")]


def _compose(_settings: Any, _first: operation_pb2.Operation, _sources: Sources) -> Sequence[Beside]:
    return [Beside("overlay", "compose.overlay_file_id")]


def _remove_background(settings: RemoveBackgroundSettings, first: operation_pb2.Operation, _sources: Sources) -> Sequence[Beside]:
    if settings.background_type != _PICTURE_BEHIND:
        return ()
    first.remove_background.effects.CopyFrom(surroundings(settings, has_picture=True).effects)
    return [Beside("backgroundImage", "remove_background.background_file_id")]


def _favicon(_settings: Any, first: operation_pb2.Operation, sources: Sources) -> Sequence[Beside]:
    first.favicons.names.extend(Name.of(name).stem or "icon" for name in sources.names)
    return ()


def _split(_settings: Any, first: operation_pb2.Operation, sources: Sources) -> Sequence[Beside]:
    if not sources.name:
        # Tiles are then named after the file.
        first.split.name = ""
    return ()


def _bulk_rename(settings: Any, first: operation_pb2.Operation, sources: Sources) -> Sequence[Beside]:
    if not sources.names:
        raise Refusal(400, "No files provided", details=[{"path": "names", "message": "must be the names of the files"}])
    first.CopyFrom(bulk_rename.plan(settings, *sources.names).operations[0])
    return ()


def _pdf_to_image(settings: PdfToImageSettings, _first: operation_pb2.Operation, _sources: Sources) -> Sequence[Beside]:
    try:
        ranges_of(settings.pages)
    except BadPageList as error:
        raise Refusal(400, str(error), details=[{"path": "pages", "message": str(error)}]) from error
    return ()


def _pdf_preview(_settings: Any, first: operation_pb2.Operation, sources: Sources) -> Sequence[Beside]:
    first.inspect_pdf.max_thumbnails = sources.most_pages
    return ()


def _image_to_pdf(settings: ImageToPdfSettings, _first: operation_pb2.Operation, _sources: Sources) -> Sequence[Beside]:
    if settings.HasField("target_size") and target_bytes(settings.target_size) < LEAST_BYTES:
        raise Refusal(400, TOO_SMALL, details=[{"path": "targetSize", "message": TOO_SMALL}])
    return ()


_FINISHED: Mapping[str, Callable[[Any, operation_pb2.Operation, Sources], Sequence[Beside]]] = {
    "bulk-rename": _bulk_rename,
    "compose": _compose,
    "erase-object": _erase_object,
    "favicon": _favicon,
    "image-to-pdf": _image_to_pdf,
    "pdf-to-image": _pdf_to_image,
    "pdf-to-image-preview": _pdf_preview,
    "remove-background": _remove_background,
    "split": _split,
    "watermark-image": _watermark_image,
}
