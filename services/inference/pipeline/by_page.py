"""The operations of a task on every page of a TIFF, one after the other, each as on a picture of its own."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from google.protobuf.message import Message

from services.inference.contract.progress import Report, portion
from services.inference.contract.step import Tools
from services.inference.media import Header, Hints, Image
from services.inference.media.notes import CHOSEN_FRAME, notice_of
from services.inference.media.page_joining import PageJoining
from services.inference.media.tiff_pages import Page
from services.inference.moving.model import Written
from services.inference.pipeline.encoding import WRITTEN, encode_picture, finished
from services.inference.pipeline.frame_telling import FrameNotices
from services.inference.pipeline.reading import Reading, errors_naming
from services.inference.pipeline.run import Run, Source
from services.pictures.media_format import SNIFF_BYTES, MediaFormat, sniff
from services.pictures.moving import chosen_frame, reads_pages, works_by_frame
from services.platform.errors import DarkroomError, ErrorReason

Operate = Callable[[Run], Awaitable[None]]
"""Runs the operations on a run's medium."""


class ByPage:
    """The steps of a run on a file of several pages. Other files are left to the other steps."""

    def __init__(self, tools: Tools, parameters: Sequence[Message], reading: Reading, operate: Operate) -> None:
        self._tools, self._parameters, self._reading, self._operate = tools, parameters, reading, operate

    async def read_headers(self, run: Run) -> None:
        """Read the headers of all pages, or of the one that is chosen, if they are worked on. Pictures are read from their first page.

        Raises as `Reading.page_headers`, MEDIA_LIMIT_EXCEEDED if all pages together are too large, and FIELD_INVALID for a chosen page that
        the file does not have.
        """
        source, number = run.sources[0], chosen_frame(self._parameters)
        if _format_of(source) is not MediaFormat.TIFF or number == 1:
            return
        if not number and not works_by_frame(self._parameters, MediaFormat.TIFF, source.frames):
            return
        pages = await self._pages(source, all_together=not number)
        if number:
            run.pages = [pages[place_of(number, len(pages), source.name)]]
        elif len(pages) > 1:
            run.pages = pages
        run.parts, run.headers = len(pages), [page.header for page in run.pages]

    async def headers_of_all(self, source: Source) -> Sequence[Header]:
        """The headers of all pages of an input, if the operation takes them all itself; none for any other file, whose first picture is
        used. Raises as `read_headers`."""
        if not reads_pages(self._parameters) or source.frames == 1 or _format_of(source) is not MediaFormat.TIFF:
            return ()
        return [page.header for page in await self._pages(source, all_together=True)]

    async def _pages(self, source: Source, *, all_together: bool) -> Sequence[Page]:
        limits = self._tools.moving_limits
        pages = await self._reading.page_headers(source, limits.pages)
        if all_together:
            area = sum(page.header.width * page.header.height for page in pages)
            limits.check_area(f"The file has {len(pages)} pages", area, "pages")
        return pages

    async def decode(self, run: Run) -> Image:
        """The page that is chosen, as a picture. Raises as `Reading.picture`."""
        number = chosen_frame(self._parameters)
        note = CHOSEN_FRAME.format(number=number, frames=run.parts)
        with errors_naming(f"Page {number} of {run.parts}"):
            image = await self._page(run, 0)
        return image.replace(note=note) if run.parts > 1 else image

    async def apply(self, run: Run) -> None:
        """Work on all pages, and write them into one file. Raises what reading, the operations and writing raise."""
        notices, unchanged, size = FrameNotices("pages"), True, (0, 0)
        path = Path(tempfile.mkdtemp(prefix="pages-", dir=run.folder)) / "result.tiff"
        with path.open("w+b") as target:
            joining = PageJoining(target)
            for number in range(len(run.pages)):
                page = self._page_run(run, number, notices)
                with errors_naming(f"Page {number + 1} of {run.parts}"):
                    with run.stages.measure("decode"):
                        page.medium = await self._page(run, number)
                    await self._operate(page)
                assert isinstance(page.medium, Image)
                made = _as_tiff(finished(page.medium), len(run.pages))
                for note in made.notes:
                    page.notice(*notice_of(note))
                with run.stages.measure("encode"):
                    joining.add(await asyncio.to_thread(_encoded, made, page.folder))
                if not number:
                    size = made.width, made.height
                    run.labels += page.labels
                    run.attachments += page.attachments
                    run.deeds += page.deeds
                    run.operation_bytes[:] = [0] * len(page.operation_bytes)
                run.operation_bytes[:] = map(sum, zip(run.operation_bytes, page.operation_bytes, strict=True))
                unchanged = unchanged and page.unchanged
                if page.folder != run.folder:
                    await asyncio.to_thread(shutil.rmtree, page.folder, ignore_errors=True)
        notices.tell(run.notice, joining.count)
        run.unchanged = unchanged
        run.medium = Written(path, MediaFormat.TIFF, *size, joining.count, 0)

    def _page_run(self, run: Run, number: int, notices: FrameNotices) -> Run:
        """A run of one page, whose progress and notices are a part of those of the whole."""
        share, count = WRITTEN / len(run.pages), len(run.pages)
        folder = Path(tempfile.mkdtemp(prefix="page-", dir=run.folder)) if number else run.folder
        return Run(
            folder=folder,
            report=_of_page(portion(run.report, number * share, (number + 1) * share), number + 1, count),
            check=run.check,
            notice=notices.of_frame(0),
            stages=run.stages,
            keeping=run.keeping,
            last=run.last,
            taken_names=run.taken_names,
            input_ids=run.input_ids,
            sources=run.sources,
            headers=[run.pages[number].header],
        )

    async def _page(self, run: Run, number: int) -> Image:
        page, source = run.pages[number], run.sources[0]
        hints = Hints(source.name, page=page.position)
        return await self._reading.picture(source.path, page.header, run.folder, self._tools.picture_limits, hints)


def place_of(number: int, count: int, name: str) -> int:
    """The place, from 0, of a chosen frame or page. Raises FIELD_INVALID if the file has not so many."""
    if number <= count:
        return number - 1
    parts = "1 frame or page" if count == 1 else f"{count} frames or pages"
    raise DarkroomError(
        ErrorReason.FIELD_INVALID,
        f"{name or 'The file'} has {parts}, so there is no number {number}.",
        field="frame",
        allowed=(f"1 to {count}",),
    )


def _format_of(source: Source) -> MediaFormat | None:
    with source.path.open("rb") as file:
        return sniff(file.read(SNIFF_BYTES), source.name)


def _of_page(report: Report, number: int, count: int) -> Report:
    return lambda done, message: report(done, f"Page {number} of {count}: {message}")


def _as_tiff(image: Image, count: int) -> Image:
    """A page whose operation would make another format of it, as that of a cut-out does, keeps all samples in a TIFF. It gets its share of
    the bytes that the file should have."""
    saving = image.saving
    if saving.format is not MediaFormat.TIFF:
        saving = dataclasses.replace(saving, format=MediaFormat.TIFF, lossless=True)
    if saving.max_bytes is not None:
        saving = dataclasses.replace(saving, max_bytes=max(1, saving.max_bytes // count))
    return dataclasses.replace(image, saving=saving)


def _encoded(image: Image, folder: Path) -> bytes:
    made = encode_picture(image, folder)
    return made if isinstance(made, bytes) else made.read_bytes()
