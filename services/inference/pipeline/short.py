"""Short picture work: from file to file in a warm child. The worker trusts what the child says no more than it would the file."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from darkroom.operations.v1.options_pb2 import MEDIA_KIND_DATA
from services.inference.contract.progress import Report, portion
from services.inference.media import Limits
from services.inference.pipeline import isolated
from services.inference.pipeline.registry import BoundOperation
from services.inference.pipeline.run import Run, ShortResult
from services.pictures.media_format import SNIFF_BYTES, MediaFormat, Use, sniff
from services.pictures.probe.model import MEDIA_TYPES, Probe
from services.pictures.short_pictures import LARGEST_RESULT
from services.platform.errors import DarkroomError
from services.platform.sandbox import SandboxCrashed, WarmChildren
from services.platform.sandbox.memory_file import in_memory

_LABEL = re.compile(r"[\w.-]{1,40}")
_LONGEST_TEXT = 500
_MOST_SAID = 100
_LARGEST_DOCUMENT = 4 << 20
"""Bytes of a JSON document."""
_LARGEST_SIZE = 1 << 48
"""Bytes of samples."""


class ShortWork:
    """Does the operations of a task on inputs for which that is short, and checks a child's description of the result."""

    def __init__(
        self,
        children: WarmChildren,
        account_id: int,
        operations: Sequence[BoundOperation],
        limits: Limits,
        result_limits: Limits,
        trusted_certificates: str = "",
    ) -> None:
        self._children, self._account_id = children, account_id
        self._limits, self._result_limits = limits, result_limits
        # No other operation reads them, and they take room in each message to a child.
        self._trusted = trusted_certificates if operations[0].spec.reads_file else ""
        self._names = [each.spec.name for each in operations]
        self.operations = tuple(each.message.SerializeToString() for each in operations)
        """Serialized."""
        self._makes_data = operations[-1].spec.produces == MEDIA_KIND_DATA

    async def run(self, run: Run) -> ShortResult:
        """The result of the operations on the run's picture. Raises the errors of decoding, the operations and `Sandbox.run`."""
        try:
            try:
                return await self._work(run, self._job(run))
            except SandboxCrashed:
                # As damaged files may end a library that does not decode them.
                return await self._work(run, replace(self._job(run), keeps_coding=False))
        except DarkroomError as error:
            run.operation_bytes[:] = self._done_before(error)
            raise

    async def run_unexamined(self, run: Run) -> tuple[Probe, ShortResult | None]:
        """The type and properties of the run's picture, which nobody has examined, and the result of its operations if they are short work.

        Raises the errors of examining and decoding it, of the operations and of `Sandbox.run`.
        """
        asked = self._job(run)
        with run.sources[0].path.open("rb") as source, in_memory() as target:
            files = [source.fileno(), target]
            said = await self._children.run(self._account_id, isolated.probe_and_work, files, asked, urgent=True)
            return _probe_of(said["found"]), self._checked(said, target) if "labels" in said else None

    async def _work(self, run: Run, asked: isolated.PictureJob) -> ShortResult:
        with run.sources[0].path.open("rb") as source, in_memory() as target:
            files, told = [source.fileno(), target], self._told(run.report)
            said = await self._children.run(self._account_id, isolated.work, files, asked, urgent=True, on_progress=told)
            return self._checked(said, target)

    def _job(self, run: Run) -> isolated.PictureJob:
        return isolated.PictureJob(self.operations, run.source_name, self._limits, self._result_limits, self._trusted)

    def _told(self, report: Report) -> Callable[[int, float, str], None]:
        """Passes on what the child says of its progress."""
        count = len(self.operations)

        def pass_on(number: int, done: float, doing: str) -> None:
            portion(report, int(number) / count, (int(number) + 1) / count)(float(done), str(doing))

        return pass_on

    def _checked(self, said: Any, target: int) -> ShortResult:
        """The child's description, if it is valid. Raises SandboxCrashed."""
        size = os.fstat(target).st_size
        if not 0 < size <= LARGEST_RESULT:
            raise SandboxCrashed("the child left no result")
        content = os.pread(target, size, 0)
        return checked_result(said, content, content[:SNIFF_BYTES], self._names, makes_data=self._makes_data)

    def _done_before(self, error: DarkroomError) -> Sequence[int]:
        """Bytes of the samples of what each operation gave that a child had done when it raised this."""
        try:
            return _sizes(json.loads(error.metadata.get(isolated.DONE, "[]")), len(self._names))
        except (ValueError, TypeError):
            return ()


def checked_result(said: Any, content: bytes | Path, head: bytes, names: Sequence[str], *, makes_data: bool = False) -> ShortResult:
    """The result that begins with `head`, as a child describes it, if that is valid. `names` are those of the operations.

    Raises SandboxCrashed.
    """
    try:
        format_, width, height = None, 0, 0
        if makes_data:
            _check_document(content)
        else:
            format_, width, height = MediaFormat(said["format"]), int(said["width"]), int(said["height"])
            if sniff(head) is not format_ or Use.WRITTEN not in format_.use or min(width, height) < 1:
                raise ValueError(format_)
        labels = [_LABEL.fullmatch(each)[0] for each in said["labels"]]  # type: ignore[index]  # None: TypeError
        notices = [
            (_text(code), _text(subject), _text(message), *details) for code, subject, message, *details in said["notices"][:_MOST_SAID]
        ]
        return ShortResult(
            content=content,
            format=format_,
            width=width,
            height=height,
            labels=labels[: len(names)],
            notices=[(code, subject, message, details[0] if details else None) for code, subject, message, *details in notices],
            notes=[_text(note) for note in said.get("notes", ())[:_MOST_SAID]],
            operation_bytes=_sizes(said.get("done", ()), len(names)),
            unchanged=said.get("unchanged") is True,
            seconds={stage: float(said["seconds"].get(stage, 0)) for stage in ("decode", *names, "encode")},
        )
    except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise SandboxCrashed("the child's description of its result is not valid") from error


def _probe_of(said: Any) -> Probe:
    """The child's description of a picture, if it is valid. Raises SandboxCrashed."""
    try:
        if said["media_type"] not in MEDIA_TYPES:
            raise ValueError(said)
        width, height, frames = (None if said[name] is None else int(said[name]) for name in ("width", "height", "frames"))
        return Probe(media_type=said["media_type"], width=width, height=height, frames=frames)
    except (KeyError, ValueError, TypeError) as error:
        raise SandboxCrashed("the child's description of a picture is not valid") from error


def _sizes(said: Any, most: int) -> Sequence[int]:
    sizes = [int(size) for size in said[:most]]
    if any(not 0 <= size < _LARGEST_SIZE for size in sizes):
        raise ValueError(sizes)
    return sizes


def _check_document(content: bytes | Path) -> None:
    """Raises ValueError for what is no JSON object, or a large one."""
    if isinstance(content, Path) or len(content) > _LARGEST_DOCUMENT or not isinstance(json.loads(content), dict):
        raise ValueError("no document")


def _text(said: object) -> str:
    if not isinstance(said, str) or len(said) > _LONGEST_TEXT:
        raise ValueError("no text")
    return said
