"""What one run of a pipeline starts from, and the files that it makes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from darkroom.files.v1 import file_pb2
from services.inference.contract.flow import (
    DATA_EXTENSION,
    DATA_TYPE,
    Attachment,
    Data,
    Document,
    Examination,
    Keeping,
    Medium,
    NewFile,
)
from services.inference.contract.plain_step import Notify
from services.inference.contract.progress import Report
from services.inference.media import Image, encode, encode_into
from services.inference.pipeline.naming import result_name
from services.inference.pipeline.short import Finished
from services.inference.pipeline.stages import Stages
from services.pictures.geometry import Size

WRITTEN = 0.95
"""Share of the time for one input after which the result is written."""
_ENCODED_IN_MEMORY = 64 << 20
"""Largest picture that is encoded in memory, in bytes of its samples; beyond that, memory would have to hold the file, too."""


@dataclass(frozen=True, slots=True)
class Source:
    """An input in the working folder."""

    name: str
    path: Path
    pages: int
    """0 if it is not a document."""
    size: Size | None = None
    """Of a picture whose size is recorded: width and height in pixels, perhaps before it is turned upright."""


@dataclass(frozen=True, slots=True)
class Product:
    """An encoded result."""

    name: str
    media_type: str
    content: bytes | Path
    info: file_pb2.ImageInfo | file_pb2.DocumentInfo | None
    attachments: tuple[Product, ...] = ()
    """Delivered after it."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """Where one run of a pipeline works, and where it reports to."""

    folder: Path
    report: Report
    check: Callable[[], None]
    notice: Notify
    stages: Stages
    keeping: Keeping
    last: bool = False
    taken_names: Collection[str] = ()
    done: list[int] = field(default_factory=list)
    """Bytes of the samples of what each operation gave, so far."""


def finished_product(finished: Finished, source: Source, context: RunContext) -> Product:
    """The result of work in a child."""
    for stage, seconds in finished.seconds.items():
        context.stages.add(stage, seconds, operation=stage not in ("decode", "encode"))
    context.done[:] = finished.done
    for notice in finished.notices:
        context.notice(*notice)
    for note in finished.notes:
        context.notice("picture_note", "", note)
    if finished.format is None:
        name = result_name(source.name, finished.labels, DATA_EXTENSION, context.taken_names)
        return Product(name, DATA_TYPE, finished.content, None)
    name = result_name(source.name, finished.labels, finished.format.extension, context.taken_names)
    info = file_pb2.ImageInfo(width=finished.width, height=finished.height, frames=1)
    return Product(name, finished.format.media_type, finished.content, info)


async def written(
    medium: Medium, source: Source | None, labels: Sequence[str], context: RunContext, attachments: Sequence[Attachment | NewFile]
) -> Product | None:
    """Whatever the operations have made as a file; None if they have made nothing."""
    if medium is None:
        return None
    context.report(WRITTEN, "Writing the result")
    source_name = source.name if source is not None else ""
    after = _attached(source_name, attachments, context)
    if isinstance(medium, NewFile):
        return replace(_of_file(medium, source_name, labels, context), attachments=after)
    if isinstance(medium, Document):
        name = result_name(source_name, labels, "pdf", context.taken_names)
        return Product(name, "application/pdf", medium.path, file_pb2.DocumentInfo(pages=medium.pages), after)
    if isinstance(medium, Examination):
        first, *others = _attached(source_name, medium.attachments, context)
        return replace(first, attachments=tuple(others))
    if isinstance(medium, Data):
        return Product(result_name(source_name, labels, DATA_EXTENSION, context.taken_names), DATA_TYPE, medium.content, None, after)
    for note in medium.notes:
        context.notice("picture_note", "", note)
    content = await asyncio.to_thread(encoded, medium, context.folder)
    format_ = medium.saving.format
    name = result_name(source_name, labels, format_.extension, context.taken_names)
    return Product(name, format_.media_type, content, file_pb2.ImageInfo(width=medium.width, height=medium.height, frames=1), after)


def encoded(image: Image, folder: Path) -> bytes | Path:
    """The picture as a file, as its `saving` says; in `folder` if it is large."""
    if image.pixels.nbytes <= _ENCODED_IN_MEMORY:
        return encode(image, image.saving)
    target = folder / "result"
    encode_into(target, image, image.saving)
    return target


def _attached(source_name: str, attachments: Sequence[Attachment | NewFile], context: RunContext) -> tuple[Product, ...]:
    return tuple(
        _of_file(each, source_name, (), context)
        if isinstance(each, NewFile)
        else Product(result_name(source_name, (each.label,), each.extension, context.taken_names), each.media_type, each.content, None)
        for each in attachments
    )


def _of_file(made: NewFile, source_name: str, labels: Sequence[str], context: RunContext) -> Product:
    info: file_pb2.ImageInfo | file_pb2.DocumentInfo | None = None
    if made.width and made.height:
        info = file_pb2.ImageInfo(width=made.width, height=made.height, frames=1)
    elif made.pages:
        info = file_pb2.DocumentInfo(pages=made.pages)
    name = made.name or result_name(source_name, labels, made.extension, context.taken_names)
    return Product(name, made.media_type, made.content, info)
