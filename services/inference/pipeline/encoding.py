"""The last step of a run: files of what its operations have made."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from darkroom.files.v1 import file_pb2
from services.inference.contract.flow import DATA_EXTENSION, DATA_TYPE, Attachment, Data, Document, Examination, Medium, NewFile
from services.inference.media import Image, encode, encode_into, final_saving
from services.inference.moving.model import Written
from services.inference.pipeline.run import Product, Run, ShortResult
from services.pictures.media_format import SNIFF_BYTES, MediaFormat, sniff
from services.pictures.moving import VIDEOS

WRITTEN = 0.95
"""Share of the time for one input after which the result is written."""
_LONGEST = 200
"""Bytes in UTF-8; records allow 300 characters, and most file systems 255 bytes."""
_LONGEST_WORDS = 40
_MOST_LABELS = 8
_ENCODED_IN_MEMORY = 64 << 20
"""Largest picture that is encoded in memory, in bytes of its samples; beyond that, memory would have to hold the file, too."""


def product_of_child(finished: ShortResult, run: Run) -> Product:
    """The result of work in a child."""
    for stage, seconds in finished.seconds.items():
        run.stages.add(stage, seconds, operation=stage not in ("decode", "encode"))
    run.operation_bytes[:] = finished.operation_bytes
    for notice in finished.notices:
        run.notice(*notice)
    run.tell_notes(finished.notes)
    if finished.format is None:
        name = result_name(run.source_name, finished.labels, DATA_EXTENSION, run.taken_names)
        return Product(name, DATA_TYPE, finished.content, None)
    name = result_name(run.source_name, finished.labels, finished.format.extension, run.taken_names)
    info = file_pb2.ImageInfo(width=finished.width, height=finished.height, frames=1)
    return Product(name, finished.format.media_type, finished.content, info)


def product_of_frames(written: Written, run: Run) -> Product:
    """An animation or a video, with what comes after it."""
    name = result_name(run.source_name, run.labels, written.format.extension, run.taken_names)
    milliseconds = written.milliseconds if written.format in VIDEOS else 0
    info = file_pb2.ImageInfo(width=written.width, height=written.height, frames=written.frames, duration_milliseconds=milliseconds)
    return Product(name, written.format.media_type, written.path, info, _attached(run.attachments, run))


async def write_product(medium: Medium, run: Run) -> Product | None:
    """The operations' results in a file; None if they have made nothing."""
    if medium is None:
        return None
    run.report(WRITTEN, "Writing the result")
    after = _attached(run.attachments, run)
    match medium:
        case NewFile():
            return replace(_of_file(medium, run.labels, run), attachments=after)
        case Document():
            name = result_name(run.source_name, run.labels, "pdf", run.taken_names)
            return Product(name, "application/pdf", medium.path, file_pb2.DocumentInfo(pages=medium.pages), after)
        case Examination():
            first, *others = _attached(medium.attachments, run)
            return replace(first, attachments=tuple(others))
        case Data():
            return Product(
                result_name(run.source_name, run.labels, DATA_EXTENSION, run.taken_names), DATA_TYPE, medium.content, None, after
            )
        case Image():
            medium = finished(medium, generated=run.generated_picture is not None)
            run.tell_notes(medium.notes)
            content, format_ = await asyncio.to_thread(encode_picture, medium, run.folder), medium.saving.format
            name = result_name(run.source_name, run.labels, format_.extension, run.taken_names)
            return Product(name, format_.media_type, content, file_pb2.ImageInfo(width=medium.width, height=medium.height, frames=1), after)


def given_back(product: Product, run: Run) -> Product:
    """The product of a run that has changed nothing, with the bytes of the input if the format is the same and all of it was read: a
    picture loses something each time that it is written."""
    read_in_part = isinstance(run.medium, Image | ShortResult) and bool(run.medium.notes)
    with run.sources[0].path.open("rb") as file:
        format_ = sniff(file.read(SNIFF_BYTES), run.source_name)
    if read_in_part or not isinstance(format_, MediaFormat) or format_.media_type != product.media_type:
        return product
    return replace(product, content=run.sources[0].path)


def finished(image: Image, *, generated: bool = False) -> Image:
    """The picture as it is written at the end of a task: as an operation says, else in the format of the input; a generated one as PNG."""
    if generated and image.saving.follows_input:
        return image
    saving, note = final_saving(image, image.width, image.height)
    return replace(image, saving=saving, notes=(*image.notes, note) if note else image.notes)


def encode_picture(image: Image, folder: Path) -> bytes | Path:
    """The picture as a file, as its `saving` says; in `folder` if it is large."""
    if image.pixels.nbytes <= _ENCODED_IN_MEMORY:
        return encode(image, image.saving)
    target = folder / "result"
    encode_into(target, image, image.saving)
    return target


def _attached(attachments: Sequence[Attachment | NewFile], run: Run) -> tuple[Product, ...]:
    return tuple(
        _of_file(each, (), run)
        if isinstance(each, NewFile)
        else Product(result_name(run.source_name, (each.label,), each.extension, run.taken_names), each.media_type, each.content, None)
        for each in attachments
    )


def _of_file(made: NewFile, labels: Sequence[str], run: Run) -> Product:
    info: file_pb2.ImageInfo | file_pb2.DocumentInfo | None = None
    if made.width and made.height:
        info = file_pb2.ImageInfo(width=made.width, height=made.height, frames=1)
    elif made.pages:
        info = file_pb2.DocumentInfo(pages=made.pages)
    name = made.name or result_name(run.source_name, labels, made.extension, run.taken_names)
    return Product(name, made.media_type, made.content, info)


def name_of_words(text: str) -> str:
    """The first words of a text as a file stem: `A red cup, on a table` as `a-red-cup-on-a-table`. `picture` if it has no words."""
    words = re.findall(r"\w+", text.lower())
    stem = words[0][:_LONGEST_WORDS] if words else "picture"
    for word in words[1:]:
        if len(stem) + 1 + len(word) > _LONGEST_WORDS:
            break
        stem += f"-{word}"
    return stem


def result_name(source: str, labels: Sequence[str], extension: str, taken: Collection[str] = ()) -> str:
    """`portrait.jpg` with the labels `cutout` and `2x` as `portrait-cutout-2x.png`; numbered if that is `taken`.

    A source without a name is called `result`. A long name is truncated before the labels, of which there are at most eight.
    """
    stem = PurePosixPath(source).stem.strip() or "result"
    tail = "".join(f"-{label}" for label in labels[:_MOST_LABELS])
    number = 1
    while True:
        ending = f"{tail}{'' if number == 1 else f'-{number}'}.{extension}"
        name = stem.encode()[: _LONGEST - len(ending.encode())].decode(errors="ignore") + ending
        if name not in taken:
            return name
        number += 1
