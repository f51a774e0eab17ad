"""A run on a file whose operations change nothing of its coded samples, or only their places: in a child, from file to file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from darkroom.operations.v1 import operation_pb2
from services.inference.contract.step import Tools
from services.inference.credentials.manifest import Deed
from services.inference.lossless.asked import rewriting_of
from services.inference.pipeline import isolated
from services.inference.pipeline.registry import BoundOperation
from services.inference.pipeline.run import Run, ShortResult
from services.inference.pipeline.short import checked_result
from services.pictures.media_format import SNIFF_BYTES, MediaFormat, sniff
from services.pictures.operations import Arity
from services.platform.sandbox import SandboxError
from services.platform.sandbox.memory_file import in_memory


class Undecoded:
    """Does the operations of a task without decoding, where that can be."""

    def __init__(self, tools: Tools, account_id: int, operations: Sequence[BoundOperation]) -> None:
        each = all(operation.spec.arity is Arity.EACH for operation in operations)
        self._tools, self._account_id, self._operations = tools, account_id, operations
        self._formats = {
            format_
            for format_ in (MediaFormat.JPEG, MediaFormat.WEBP)
            if each and rewriting_of([operation.parameters for operation in operations], format_) is not None
        }

    async def result(self, run: Run) -> ShortResult | None:
        """The result on the run's picture; None if it must be decoded. Its memory is no more than what the operations declare."""
        if _format(run.sources[0].path) not in self._formats:
            return None
        result = await self._rewritten(run, [each.message for each in self._operations])
        if result is not None:
            run.deeds += [Deed.of(each.spec, ()) for each in self._operations]
        return result

    async def in_its_coding(self, run: Run) -> ShortResult | None:
        """As `result`, of conversions that ask for another coding as if they did not."""
        if _format(run.sources[0].path) not in (MediaFormat.JPEG, MediaFormat.WEBP):
            return None
        messages = []
        for operation in self._operations:
            message = operation_pb2.Operation.FromString(operation.message.SerializeToString())
            message.convert.keep_coding, message.convert.max_bytes = True, 0
            message.convert.ClearField("lossless")
            messages.append(message)
        return await self._rewritten(run, messages)

    async def _rewritten(self, run: Run, messages: Sequence[operation_pb2.Operation]) -> ShortResult | None:
        tools, source = self._tools, run.sources[0].path
        job = isolated.PictureJob(
            tuple(each.SerializeToString() for each in messages), run.source_name, tools.picture_limits, tools.result_limits
        )
        try:
            return await (self._in_memory(source, job) if run.short and tools.warm is not None else self._in_files(source, run, job))
        except SandboxError:
            # Decoding it finds the cause, and has libraries that fail in better ways.
            return None

    async def _in_memory(self, source: Path, job: isolated.PictureJob) -> ShortResult | None:
        assert self._tools.warm is not None
        with source.open("rb") as file, in_memory() as target:
            files = [file.fileno(), target]
            said = await self._tools.warm.run(self._account_id, isolated.rewrite_into, files, job, urgent=True)
            return None if said is None else self._checked(said, os.pread(target, os.fstat(target).st_size, 0))

    async def _in_files(self, source: Path, run: Run, job: isolated.PictureJob) -> ShortResult | None:
        own = Path(tempfile.mkdtemp(prefix="rewriting-", dir=run.folder))
        target, limits = own / "result", self._tools.picture_resources
        said = await self._tools.sandbox.run(isolated.rewrite_into, source, target, job, reads=[source], folder=own, limits=limits)
        return None if said is None or target.is_symlink() or not target.is_file() else self._checked(said, target)

    def _checked(self, said: Any, content: bytes | Path) -> ShortResult:
        head = content[:SNIFF_BYTES] if isinstance(content, bytes) else _head(content)
        return checked_result(said, content, head, [each.spec.name for each in self._operations])


def _format(path: Path) -> MediaFormat | None:
    return sniff(_head(path))


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(SNIFF_BYTES)
