"""One run of a task's operations: on an input, on all inputs together, on nothing, or on a picture that the first operation has made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from darkroom.files.v1 import file_pb2
from services.inference.contract.flow import Attachment, GeneratedPicture, Keeping, Medium, NewFile
from services.inference.contract.plain_step import Notify
from services.inference.contract.progress import Report
from services.inference.credentials.manifest import Deed
from services.inference.media import Header, Image
from services.inference.media.notes import notice_of
from services.inference.media.tiff_pages import Page
from services.inference.moving.model import Facts, Written
from services.inference.pipeline.stages import Stages
from services.pictures.geometry import Size
from services.pictures.media_format import MediaFormat


@dataclass(frozen=True, slots=True)
class Source:
    """An input in the working folder."""

    name: str
    path: Path
    pages: int
    """0 if it is not a document."""
    size: Size | None = None
    """For a picture whose size is recorded: width and height in pixels, perhaps before it is turned upright."""
    frames: int | None = None
    """How many frames or pages are recorded; None or 0 if they were not counted."""


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
class ShortResult:
    """The result of short work, or of a file that was not decoded, as a child describes it."""

    content: bytes | Path
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
    unchanged: bool = False
    """Whether no operation changed the picture."""


@dataclass(slots=True)
class Run:
    """Where a run works and reports to, and what each of its steps leaves for the following ones."""

    folder: Path
    report: Report
    check: Callable[[], None]
    notice: Notify
    stages: Stages
    keeping: Keeping
    last: bool = False
    taken_names: Collection[str] = ()
    operation_bytes: list[int] = field(default_factory=list)
    """Bytes of the samples of what each operation gave, so far."""
    overall: Report = lambda _done, _message: None
    """As `report`, but of fetching and delivering, too."""
    input_ids: Sequence[int] = ()
    """The files that are fetched for it."""
    generated_picture: GeneratedPicture | None = None
    """The picture that the first operation has made; the others follow."""
    sources: Sequence[Source] = ()
    headers: Sequence[Header] = ()
    """The formats of the pictures among them; for light work, those that the picture may have."""
    moving: Facts | None = None
    """The animation or video that the source is, if all of its frames are worked on, or it is a video."""
    by_frame: bool = False
    """Whether all frames are worked on; else the first one of the video."""
    frames_at_once: int = 1
    pages: Sequence[Page] = ()
    """The pages of a TIFF that are worked on: all, or the one that is chosen; empty for any other work."""
    parts: int = 0
    """How many pages the file has whose `pages` are set."""
    short: bool = False
    """Whether a warm child does its operations, from file to file."""
    medium: Medium | Sequence[Source] | ShortResult | Written = None
    """The input of the next operation, and in the end the result of the last one."""
    labels: list[str] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)
    """For each operation that has run here, what it has done to the picture."""
    attachments: list[Attachment | NewFile] = field(default_factory=list)
    product: Product | None = None
    """None if the operations make nothing."""
    unchanged: bool = False
    """Whether the product is the input as it was."""
    resources: AsyncExitStack = field(default_factory=AsyncExitStack)
    """The resources that the run holds until its product is delivered: its folder and its share of the memory."""

    @property
    def source_name(self) -> str:
        """The base of the results' names; empty without a source."""
        return self.sources[0].name if self.sources else ""

    def tell_notes(self, notes: Iterable[str]) -> None:
        """Pass on the notes of a picture that is not written itself."""
        for note in notes:
            self.notice(*notice_of(note))

    async def with_notes(self, reading: Awaitable[Image]) -> Image:
        """A picture besides the input, once its notes are passed on."""
        image = await reading
        self.tell_notes(image.notes)
        return image
