"""A run on a JPEG whose operations change nothing of its coded samples, or only their places: in a child, from file to file."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

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


class Undecoded:
    """Does the operations of a task without decoding, where that can be."""

    def __init__(self, tools: Tools, operations: Sequence[BoundOperation]) -> None:
        each = all(operation.spec.arity is Arity.EACH for operation in operations)
        self._tools, self._operations = tools, operations
        self._applies = each and rewriting_of([operation.parameters for operation in operations]) is not None

    async def result(self, run: Run) -> ShortResult | None:
        """The result on the run's picture; None if it must be decoded. Its memory is no more than what the operations declare."""
        source = run.sources[0]
        if not self._applies or not _is_jpeg(source.path):
            return None
        own = Path(tempfile.mkdtemp(prefix="rewriting-", dir=run.folder))
        target, tools = own / "result", self._tools
        messages = tuple(each.message.SerializeToString() for each in self._operations)
        asked = isolated.PictureJob(messages, run.source_name, tools.picture_limits, tools.result_limits)
        try:
            said = await tools.sandbox.run(
                isolated.rewrite_into, source.path, target, asked, reads=[source.path], folder=own, limits=tools.picture_resources
            )
            if said is None or target.is_symlink() or not target.is_file():
                return None
            with target.open("rb") as file:
                head = file.read(SNIFF_BYTES)
            result = checked_result(said, target, head, [each.spec.name for each in self._operations])
        except SandboxError:
            # Decoding it finds the cause, and has libraries that fail in better ways.
            return None
        run.deeds += [Deed.of(each.spec, ()) for each in self._operations]
        return result


def _is_jpeg(path: Path) -> bool:
    with path.open("rb") as file:
        return sniff(file.read(SNIFF_BYTES)) is MediaFormat.JPEG
