"""Plain operations in a child: from a picture file to a picture file or to data, with nothing in between but samples in memory.

Where libvips can, not even those: it decodes, changes and encodes in one pass (`one_graph`).
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyvips
from google.protobuf.message import Message

from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.convert_pb2 import Convert
from darkroom.operations.v1.resize_pb2 import Resize
from services.inference.contract.flow import Data, WholeFile
from services.inference.contract.plain_step import Original, PlainStep
from services.inference.lossless.asked import rewriting_of
from services.inference.lossless.jpeg_rewrite import rewrite_jpeg
from services.inference.lossless.webp_file import rewrite_webp
from services.inference.media import (
    Hints,
    Image,
    LazyImage,
    Limits,
    as_graph,
    as_read_back,
    configure_libvips,
    encode,
    final_saving,
    in_memory,
)
from services.inference.media import isolated as media_child
from services.inference.media.decode import open_scaled
from services.inference.media.notes import notice_of
from services.inference.pipeline import one_graph
from services.inference.pipeline.changes import Changes
from services.pictures.geometry import Size
from services.pictures.media_format import MediaFormat, sniff
from services.pictures.moving import works_by_frame
from services.pictures.operations import parameters_of, spec_of
from services.pictures.probe import child as probing
from services.pictures.result_size import resolve_percentages
from services.pictures.short_pictures import LARGEST_AT_ONCE, READ_QUICKLY, is_short
from services.platform.errors import DarkroomError

_Medium = Image | LazyImage | WholeFile | Data
CHILD_IMPORTS = (*media_child.CHILD_IMPORTS, *probing.CHILD_IMPORTS)
DONE = "operation_bytes"
"""In the metadata of an error: the sizes in bytes of what the operations before it gave, as JSON."""
_TINY = 16, 16
_ROTATED = "rotated"
"""The label of `rotate`."""
_NOWHERE = Path("/nonexistent")
"""Samples of short work stay in memory, so no operation makes a file."""


@dataclass(frozen=True, slots=True)
class PictureJob:
    """A job on a picture."""

    operations: tuple[bytes, ...]
    """Plain ones, each a serialized `Operation`."""
    source_name: str
    limits: Limits
    result_limits: Limits
    trusted_certificates: str = ""
    """As in `PlainStep`."""
    keeps_coding: bool = True
    """Whether a file may be written again without being decoded."""


def work(source: Path | int, target: Path | int, asked: PictureJob, tell: Callable[[int, float, str], None]) -> dict[str, Any]:
    """Write what the operations make of the picture in the file, or open file, `source` to `target`, and describe it.

    `tell` gets the operation's number, the fraction of it that is done, and the activity. Raises what decoding and the operations raise.
    """
    configure_libvips(1)
    operations = [operation_pb2.Operation.FromString(each) for each in asked.operations]
    if asked.keeps_coding and (said := rewrite_into(source, target, asked)) is not None:
        return said
    done: list[int] = []
    try:
        return {**_worked(source, target, operations, asked, tell, done), "done": done}
    except DarkroomError as error:
        error.metadata[DONE] = json.dumps(done)
        raise


def rewrite_into(source: Path | int, target: Path | int, asked: PictureJob) -> dict[str, Any] | None:
    """As `work`, without decoding the picture; None, and nothing is written, where that cannot be. It raises nothing."""
    operations = [operation_pb2.Operation.FromString(each) for each in asked.operations]
    started, data = time.perf_counter(), media_child.content_of(source, asked.limits)
    format_ = sniff(data, asked.source_name)
    wanted = rewriting_of([parameters_of(each) for each in operations], format_)
    if wanted is None:
        return None
    configure_libvips(1)
    made = (rewrite_jpeg if format_ is MediaFormat.JPEG else rewrite_webp)(data, wanted, asked.limits)
    if made is None or made.width * made.height > asked.result_limits.megapixels * 1_000_000:
        return None
    with open(target, "wb", closefd=isinstance(target, Path)) as file:
        file.write(made.content)
    size = made.width * made.height * made.channels
    return {
        "width": made.width,
        "height": made.height,
        "format": format_,
        "notes": made.notes,
        "labels": [_ROTATED] * wanted.turns,
        "notices": [],
        "seconds": {spec_of(operations[-1]).name: time.perf_counter() - started},
        "done": [size] * len(operations),
    }


def rehearse(source: int, target: int) -> None:
    """Work on a tiny picture, between empty open files."""
    configure_libvips(1)
    os.write(source, pyvips.Image.black(*_TINY, bands=3).copy(interpretation="srgb").write_to_buffer(".jpg"))
    operation = operation_pb2.Operation(resize=Resize(width=_TINY[0] // 2))
    probe_and_work(source, target, PictureJob((operation.SerializeToString(),), "tiny.jpg", Limits(), Limits()))


def probe_and_work(source: int, target: int, asked: PictureJob) -> dict[str, Any]:
    """As `work` on a file that nobody has examined, if the work is short; `found` holds the fields of its Probe in any case.

    Raises what `probe` raises, too.
    """
    found = probing.probe_open(source, asked.source_name)
    return {"found": found, **(work(source, target, asked, _say_nothing) if _is_short(found, asked) else {})}


def _is_short(found: Mapping[str, Any], asked: PictureJob) -> bool:
    width, height = found["width"] or 0, found["height"] or 0
    format_ = next((each for each in READ_QUICKLY if each.media_type == found["media_type"]), None)
    if format_ is None or not 0 < width * height <= LARGEST_AT_ONCE[0] * LARGEST_AT_ONCE[1]:
        return False
    parameters = [parameters_of(operation_pb2.Operation.FromString(each)) for each in asked.operations]
    if works_by_frame(parameters, format_, found["frames"]):
        return False
    # Which of the two is the width depends on an orientation tag.
    return all(is_short(parameters, format_, size) for size in ((width, height), (height, width)))


def _say_nothing(_number: int, _done: float, _doing: str) -> None:
    """Nobody asks how far it is."""


def _worked(
    source: Path | int,
    target: Path | int,
    operations: Sequence[operation_pb2.Operation],
    asked: PictureJob,
    tell: Callable[[int, float, str], None],
    done: list[int],
) -> dict[str, Any]:
    labels: list[str] = []
    notices: list[tuple[object, ...]] = []
    seconds: dict[str, float] = {}
    with _timed(seconds, "decode"):
        opened = _opened(source, operations, asked)
    medium: _Medium = opened.medium
    size, whole = opened.size, opened.size if opened.is_scaled else None
    changes = Changes(changed=opened.is_scaled)
    original = Original(*size, transparent=isinstance(medium, Image) and medium.alpha is not None)
    for number, operation in enumerate(operations):
        name, parameters = spec_of(operation).name, resolve_percentages(parameters_of(operation), size)
        step = PlainStep(
            source_name=asked.source_name,
            folder=_NOWHERE,
            report=partial(tell, number),
            check=_go_on,
            label=labels.append,
            notice=lambda *notice: notices.append(notice),
            result_limits=asked.result_limits,
            original=original,
            trusted_certificates=asked.trusted_certificates,
            whole=whole,
        )
        if isinstance(medium, Image | LazyImage):
            before = operations[number - 1] if number else None
            unread = isinstance(medium, LazyImage) and medium.from_file
            with _timed(seconds, "decode" if before is None or unread else spec_of(before).name):
                if before is not None and before.HasField("convert"):
                    medium = as_read_back(medium)
                medium = _prepared(medium, parameters, whole, changed=changes.changed)
        with _timed(seconds, name):
            made = importlib.import_module(f"services.inference.operations.{name}").run(medium, parameters, step)
        changes.note(parameters, medium, made)
        if isinstance(medium, Image | LazyImage) and not isinstance(made, Image | LazyImage):
            notices.extend(map(notice_of, medium.notes))
        medium = made
        whole = one_graph.size_after(parameters, whole)
        assert not isinstance(medium, WholeFile)
        done.append(_size_bytes(medium, whole))
    if isinstance(medium, Image | LazyImage):
        saving, note = final_saving(medium, medium.width, medium.height)
        medium = dataclasses.replace(medium, saving=saving, notes=(*medium.notes, note) if note else medium.notes)
    with _timed(seconds, "encode"), open(target, "wb", closefd=isinstance(target, Path)) as file:
        file.write(_content(medium))
    return {**_description(medium), "labels": labels, "notices": notices, "seconds": seconds, "unchanged": changes.unchanged}


@dataclass(frozen=True, slots=True)
class _Opened:
    """The input of the first operation."""

    medium: Image | LazyImage | WholeFile
    size: Size
    """The size of the upright picture; for a file that only the operation reads, nothing."""
    is_scaled: bool = False
    """Whether the picture has been scaled while it was read."""


def _opened(source: Path | int, operations: Sequence[operation_pb2.Operation], asked: PictureJob) -> _Opened:
    hints = Hints(asked.source_name)
    if spec_of(operations[0]).reads_file:
        return _Opened(WholeFile(source, asked.limits, hints), (0, 0))
    parameters = [parameters_of(operation) for operation in operations]

    def wanted(size: Size) -> Size | None:
        return one_graph.first_scaling([resolve_percentages(each, size) for each in parameters], size)

    image, size = open_scaled(media_child.content_of(source, asked.limits), asked.limits, wanted, hints)
    return _Opened(image, size, (image.width, image.height) != size)


def _prepared(image: Image | LazyImage, parameters: Message, whole: Size | None, *, changed: bool) -> Image | LazyImage:
    """The picture as the operation takes it: as a graph if it can be part of one."""
    if not one_graph.can_join(parameters, image, whole, changed=changed):
        return in_memory(image)
    return as_graph(image) if isinstance(image, Image) and not isinstance(parameters, Convert) else image


def _size_bytes(medium: Image | LazyImage | Data, whole: Size | None) -> int:
    """Bytes of the samples, as if the picture had not been scaled while it was read."""
    if whole is None or isinstance(medium, Data):
        return medium.size_bytes
    return medium.size_bytes // (medium.width * medium.height) * whole[0] * whole[1]


def _content(medium: _Medium) -> bytes:
    if isinstance(medium, Data):
        return medium.content
    assert not isinstance(medium, WholeFile)
    return encode(medium, medium.saving)


def _description(medium: _Medium) -> dict[str, Any]:
    """Data describe themselves."""
    if isinstance(medium, Data | WholeFile):
        return {}
    return {"width": medium.width, "height": medium.height, "format": medium.saving.format, "notes": medium.notes}


def _go_on() -> None:
    """Stopping a child kills it."""


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[stage] = seconds.get(stage, 0.0) + time.perf_counter() - started
