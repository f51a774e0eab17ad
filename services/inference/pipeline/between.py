"""What lies between an operation on pictures and one on files: a file that is written, or one that is read again."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path, PurePosixPath

from darkroom.operations.v1 import options_pb2
from services.inference.contract.flow import Document, Medium, NewFile
from services.inference.media import Hints, Image, Limits
from services.inference.pipeline.encoding import encoded
from services.inference.pipeline.reading import Reading
from services.inference.pipeline.registry import Bound
from services.inference.pipeline.run import Run, Source


async def as_file(medium: object, run: Run) -> Source:
    """The file that an operation gets which reads files: a picture as its `saving` says."""
    content: bytes | Path
    match medium:
        case Image():
            with run.stages.timed("encode"):
                content = await asyncio.to_thread(encoded, medium, run.folder)
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


async def read_back(made: NewFile, operation: Bound, reading: Reading, limits: Limits, run: Run) -> Medium:
    """What the operation gets that follows one that has made a file. Raises as `Reading`."""
    source = await as_file(made, run)
    if operation.spec.accepts == options_pb2.MEDIA_KIND_PDF:
        return Document(source.path, source.pages)
    with run.stages.timed("decode"):
        header = await reading.header(source.path, limits, Hints(source.name))
        return await reading.picture(source.path, header, run.folder, limits, Hints(source.name))
