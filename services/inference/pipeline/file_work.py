"""Operations on files: each in a child of its own, what is believed of its answer, and the files between operations."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from darkroom.operations.v1 import options_pb2
from services.inference.contract.flow import DATA_EXTENSION, DATA_TYPE, Data, Document, Medium, NewFile
from services.inference.contract.progress import Report
from services.inference.contract.step import Tools
from services.inference.credentials.manifest import Deed
from services.inference.media import Hints, Image, Limits
from services.inference.media.isolated import picture_of
from services.inference.moving.model import Written
from services.inference.pipeline import file_child
from services.inference.pipeline.changes import Changes
from services.inference.pipeline.encoding import encode_picture, finished
from services.inference.pipeline.reading import Reading
from services.inference.pipeline.registry import BoundOperation
from services.inference.pipeline.run import Run, Source
from services.pictures.media_format import SNIFF_BYTES, MediaFormat, sniff
from services.platform.sandbox import Limits as SandboxLimits
from services.platform.sandbox import SandboxCrashed


async def as_file(medium: object, run: Run) -> Source:
    """The file that an operation gets which reads files: a picture as its `saving` says."""
    content: bytes | Path
    match medium:
        case Image():
            with run.stages.measure("encode"):
                content = await asyncio.to_thread(encode_picture, medium, run.folder)
            extension, pages = medium.saving.format.extension, 0
        case Document():
            content, extension, pages = medium.path, "pdf", medium.pages
        case NewFile():
            content, extension, pages = medium.content, medium.extension, medium.pages
        case _:
            raise TypeError(f"{type(medium).__name__} is no file")
    if isinstance(content, bytes):
        target = Path(tempfile.mkdtemp(prefix="between-", dir=run.folder)) / "file"
        await asyncio.to_thread(target.write_bytes, content)
        content = target
    return Source(f"{PurePosixPath(run.source_name).stem or 'file'}.{extension}", content, pages)


async def read_back(made: NewFile, operation: BoundOperation, reading: Reading, limits: Limits, run: Run) -> Medium:
    """The input of an operation after one that has made a file. Raises as `Reading`."""
    source = await as_file(made, run)
    if operation.spec.accepts == options_pb2.MEDIA_KIND_PDF:
        return Document(source.path, source.pages)
    with run.stages.measure("decode"):
        header = await reading.header(source.path, limits, Hints(source.name))
        return await reading.picture(source.path, header, run.folder, limits, Hints(source.name))


_LARGEST_DATA = 64 << 20
"""Bytes of a JSON document."""
_MOST_FILES = 500
_MOST_SAID = 100
_LONGEST_TEXT = 500
_LABEL = re.compile(r"[\w.-]{1,40}")
_NAME = re.compile(r"[^/\\\0-\x1f\x7f]{1,200}")
_LARGEST_NUMBER = 1 << 31
_EXTENSIONS: Mapping[str, tuple[bytes, str]] = {"application/zip": (b"PK", "zip"), "application/pdf": (b"%PDF-", "pdf")}
"""The first bytes of files that are not pictures, and their extensions, by media type."""


@dataclass(frozen=True, slots=True)
class FileResult:
    """The results and description of a child."""

    first: Image | Data | NewFile
    others: Sequence[NewFile]
    labels: Sequence[str]
    notices: Sequence[tuple[str, str, str, Mapping[str, Any] | None]]


async def apply_to_files(
    tools: Tools, operation: BoundOperation, run: Run, report: Report, changes: Changes, dpi: int, *, last: bool
) -> None:
    """Run an operation that reads files on the run's medium. `last`: no other operation follows. Raises what it raises."""
    before = run.medium
    if last and isinstance(before, Image) and operation.spec.produces == options_pb2.MEDIA_KIND_IMAGE:
        # It changes no more than the file, which is the result.
        before = finished(before, generated=run.generated_picture is not None)
    if isinstance(before, Image):
        run.tell_notes(before.notes)
    assert not isinstance(before, Written)
    files = before if isinstance(before, Sequence) else [await as_file(before, run)]
    with run.stages.measure(operation.spec.name, operation=True):
        worked = await on_files(tools, operation, files, run.folder, report, dpi, len(run.headers))
    run.deeds.append(Deed.of(operation.spec, ()))
    for notice in worked.notices:
        run.notice(*notice)
    run.labels += worked.labels
    run.attachments += worked.others
    await asyncio.to_thread(changes.note, operation.parameters, files[0].path if len(files) == 1 else None, worked.first)
    run.medium = worked.first
    if isinstance(before, Image) and isinstance(run.medium, Image):
        # The file between them is no input of the task.
        kept = before.kept_format or before.source_format
        run.medium = dataclasses.replace(
            run.medium, kept_format=kept, source_quality=before.source_quality, source_progressive=before.source_progressive
        )


async def on_files(
    tools: Tools, operation: BoundOperation, files: Sequence[Source], folder: Path, report: Report, svg_dpi: int, pictures: int
) -> FileResult:
    """The results of an operation on files, all in one folder if there are several. The results stay in `folder`. `pictures`: how many
    pictures are in the files, as far as their headers were read.

    Raises what the operation and `Sandbox.run` raise.
    """
    own = Path(tempfile.mkdtemp(prefix="working-", dir=folder))
    asked = file_child.FileJob(
        operation.message.SerializeToString(),
        tuple(file.name for file in files),
        tools.picture_limits,
        tools.result_limits,
        svg_dpi,
        tools.trusted_certificates,
    )
    paths = [file.path for file in files]
    said = await tools.sandbox.run(
        file_child.apply,
        own,
        asked,
        *paths,
        reads=paths if len(paths) == 1 else [paths[0].parent],
        folder=own,
        limits=_resources(tools, operation, files, pictures),
        on_progress=lambda done, doing: report(min(1.0, max(0.0, float(done))), str(doing)[:_LONGEST_TEXT]),
    )
    try:
        first, *others = [_made(each, own / file_child.left_name(number), tools) for number, each in enumerate(said["made"][:_MOST_FILES])]
        files_made = [each for each in others if isinstance(each, NewFile)]
        labels = [_checked(_LABEL, each) for each in said["labels"][:_MOST_SAID]]
        notices = [
            (_text(code), _text(subject), _text(message), details[0] if details else None)
            for code, subject, message, *details in said["notices"][:_MOST_SAID]
        ]
        return FileResult(first, files_made, labels, notices)
    except (KeyError, ValueError, TypeError, AttributeError, OSError) as error:
        raise SandboxCrashed("the child's description of its result is not valid") from error


def _resources(tools: Tools, operation: BoundOperation, files: Sequence[Source], pictures: int) -> SandboxLimits:
    """The limits of the child: time for each of several pictures."""
    if operation.spec.accepts == options_pb2.MEDIA_KIND_PDF:
        return tools.documents.of(sum(file.pages for file in files))
    limits, count = tools.picture_resources, max(pictures, len(files))
    return replace(limits, cpu_seconds=limits.cpu_seconds * count, wall_seconds=limits.wall_seconds * count)


def _made(said: Mapping[str, Any], path: Path, tools: Tools) -> Image | Data | NewFile:
    """One result. Raises ValueError and others for what makes no sense, and SandboxCrashed."""
    if not path.is_file() or path.is_symlink() or not path.stat().st_size:
        raise ValueError("no file")
    match said["kind"]:
        case "samples":
            return picture_of(dict(said), path, tools.result_limits)
        case "data":
            if path.stat().st_size > _LARGEST_DATA:
                raise ValueError("too much data")
            return Data(_object(json.loads(path.read_bytes())))
        case "file":
            return _file(said, path)
        case kind:
            raise ValueError(kind)


def _file(said: Mapping[str, Any], path: Path) -> NewFile:
    media_type, extension = str(said["media_type"]), str(said["extension"])
    with path.open("rb") as file:
        head = file.read(SNIFF_BYTES)
    if media_type == DATA_TYPE:
        if extension != DATA_EXTENSION or path.stat().st_size > _LARGEST_DATA:
            raise ValueError(media_type)
        _object(json.loads(path.read_bytes()))
    elif media_type in _EXTENSIONS:
        begins, known = _EXTENSIONS[media_type]
        if not head.startswith(begins) or extension != known:
            raise ValueError(media_type)
    else:
        format_: MediaFormat | str | None = sniff(head, f"file.{extension}")
        if format_ is MediaFormat.HEIC and media_type == MediaFormat.HEIF.media_type:
            # The container's name, under which a result may be written.
            format_ = MediaFormat.HEIF
        if not isinstance(format_, MediaFormat) or format_.media_type != media_type or extension not in format_.extensions:
            raise ValueError(media_type)
    name = str(said["name"])
    width, height, pages = (int(said[each]) for each in ("width", "height", "pages"))
    if any(not 0 <= number < _LARGEST_NUMBER for number in (width, height, pages)):
        raise ValueError("sizes")
    return NewFile(path, media_type, extension, name and _checked(_NAME, name), width, height, pages)


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("no object")
    return value


def _checked(pattern: re.Pattern[str], text: object) -> str:
    if not isinstance(text, str) or pattern.fullmatch(text) is None:
        raise ValueError("no such text")
    return text


def _text(said: object) -> str:
    if not isinstance(said, str) or len(said) > _LONGEST_TEXT:
        raise ValueError("no text")
    return said
