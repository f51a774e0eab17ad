"""Short picture work: from file to file in a warm child. The worker trusts what the child says no more than it would the file."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.options_pb2 import MEDIA_KIND_DATA
from services.inference.contract.progress import Report, portion
from services.inference.media import Header, Limits
from services.inference.pipeline import isolated
from services.inference.pipeline.reading import HEAD, open_file
from services.inference.pipeline.registry import BoundOperation
from services.pictures.geometry import Size
from services.pictures.media_format import MediaFormat, Use, sniff
from services.pictures.short_pictures import is_short
from services.platform.errors import DarkroomError
from services.platform.sandbox import SandboxCrashed, WarmChildren

_LABEL = re.compile(r"[\w.-]{1,40}")
_LONGEST_TEXT = 500
_MOST_SAID = 100
_MOST_CHANNELS = 4
_PERHAPS_WIDE = (MediaFormat.PNG, MediaFormat.TIFF)
_LARGEST_DOCUMENT = 4 << 20
"""Bytes of a JSON document."""
_LARGEST_SIZE = 1 << 48
"""Bytes of samples."""
LARGEST_RESULT = 256 << 20
"""Bytes of a file that short work may make."""


@dataclass(frozen=True, slots=True)
class ShortResult:
    """The results and description of a child."""

    content: bytes
    format: MediaFormat | None
    """None: a JSON document."""
    width: int
    height: int
    """0 if it is no picture."""
    labels: Sequence[str]
    notices: Sequence[tuple[str, str, str, Mapping[str, Any] | None]]
    notes: Sequence[str]
    seconds: Mapping[str, float]
    """By stage: `decode`, the operations, `encode`."""
    operation_bytes: Sequence[int] = ()
    """Bytes of the samples of what each operation gave."""


class ChildWork:
    """The operations of a task, done by a child, and what is believed of its answer."""

    def __init__(self, operations: Sequence[BoundOperation], limits: Limits, result_limits: Limits) -> None:
        self._limits, self._result_limits = limits, result_limits
        self._parameters = [each.parameters for each in operations]
        self._names = [each.spec.name for each in operations]
        self._operations = tuple(serialize(each) for each in operations)
        self._makes_data = operations[-1].spec.produces == MEDIA_KIND_DATA

    def _asked(self, name: str) -> isolated.PictureJob:
        return isolated.PictureJob(self._operations, name, self._limits, self._result_limits)

    def _told(self, report: Report) -> Callable[[int, float, str], None]:
        """Passes on what the child says of its progress."""
        count = len(self._operations)

        def pass_on(number: int, done: float, doing: str) -> None:
            portion(report, int(number) / count, (int(number) + 1) / count)(float(done), str(doing))

        return pass_on

    def _checked(self, said: Any, target: int) -> ShortResult:
        """The child's description, if it is valid. Raises SandboxCrashed."""
        size = os.fstat(target).st_size
        try:
            if not 0 < size <= LARGEST_RESULT:
                raise ValueError(size)
            content = os.pread(target, size, 0)
            format_, width, height = None, 0, 0
            if self._makes_data:
                _check_document(content)
            else:
                format_, width, height = MediaFormat(said["format"]), int(said["width"]), int(said["height"])
                if sniff(content[:HEAD]) is not format_ or Use.WRITTEN not in format_.use or min(width, height) < 1:
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
                labels=labels[: len(self._names)],
                notices=[(code, subject, message, details[0] if details else None) for code, subject, message, *details in notices],
                notes=[_text(note) for note in said.get("notes", ())[:_MOST_SAID]],
                operation_bytes=_sizes(said.get("done", ()), len(self._names)),
                seconds={stage: float(said["seconds"].get(stage, 0)) for stage in ("decode", *self._names, "encode")},
            )
        except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
            raise SandboxCrashed("the child's description of its result is not valid") from error


class ShortWork(ChildWork):
    """Does the operations of a task on inputs for which that is short."""

    def __init__(
        self, children: WarmChildren, account_id: int, operations: Sequence[BoundOperation], limits: Limits, result_limits: Limits
    ) -> None:
        super().__init__(operations, limits, result_limits)
        self._children, self._account_id = children, account_id
        self._plain = all(each.plain for each in operations)

    def suits(self, header: Header) -> bool:
        """Whether the operations on a picture with this header are short work."""
        return self._plain and is_short(self._parameters, header.format, (header.width, header.height))

    def foretold(self, path: Path, size: Size, name: str = "") -> Sequence[Header]:
        """The headers that a picture of this name and size may have, the size being that of its samples, perhaps before they are turned
        upright.

        Empty unless the operations are short work with any of them: then nobody needs to read the header first. The child does, and refuses
        what is over its limits.
        """
        with open_file(path) as file:
            format_ = sniff(os.pread(file, HEAD, 0), name)
        if not isinstance(format_, MediaFormat):
            return ()
        sizes = dict.fromkeys((size, size[::-1]))
        headers = [Header(format_, *each, channels=_MOST_CHANNELS, wide=format_ in _PERHAPS_WIDE) for each in sizes]
        return headers if all(map(self.suits, headers)) else ()

    async def run(self, path: Path, name: str, report: Report) -> ShortResult:
        """The result of the operations on the picture. Raises the errors of decoding, the operations and `Sandbox.run`."""
        asked, told = self._asked(name), self._told(report)
        target = os.memfd_create("result")
        try:
            with open_file(path) as source:
                said = await self._children.run(self._account_id, isolated.work, [source, target], asked, urgent=True, on_progress=told)
            return self._checked(said, target)
        finally:
            os.close(target)


def serialize(bound: BoundOperation) -> bytes:
    """The operation with its parameters."""
    operation = operation_pb2.Operation()
    getattr(operation, bound.spec.name).CopyFrom(bound.parameters)
    # An operation without parameters is set, too.
    getattr(operation, bound.spec.name).SetInParent()
    return operation.SerializeToString()


def operations_done(error: DarkroomError, most: int) -> Sequence[int]:
    """Bytes of the samples of what each operation gave that a child had done when it raised this."""
    try:
        return _sizes(json.loads(error.metadata.get(isolated.DONE, "[]")), most)
    except (ValueError, TypeError):
        return ()


def _sizes(said: Any, most: int) -> Sequence[int]:
    sizes = [int(size) for size in said[:most]]
    if any(not 0 <= size < _LARGEST_SIZE for size in sizes):
        raise ValueError(sizes)
    return sizes


def _check_document(content: bytes) -> None:
    """Raises ValueError for what is no JSON object, or a large one."""
    if len(content) > _LARGEST_DOCUMENT or not isinstance(json.loads(content), dict):
        raise ValueError("no document")


def _text(said: object) -> str:
    if not isinstance(said, str) or len(said) > _LONGEST_TEXT:
        raise ValueError("no text")
    return said
