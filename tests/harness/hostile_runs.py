"""Operations on hostile files as a worker does them, and the one rule for how they may end.

Everything between the fetching of an input and the delivery of a result is the worker's own: reading in children within their limits,
operations, encoding, and the words for what went wrong. Limits are those of a small worker, so that reaching them takes a second.
"""

from __future__ import annotations

import asyncio
import io
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import pypdfium2

from darkroom.files.v1 import file_pb2
from darkroom.operations.v1 import operation_pb2, options_pb2
from services.inference.contract.memory_budget import MemoryBudget
from services.inference.contract.models import Models
from services.inference.contract.rates import MeasuredRates
from services.inference.contract.step import DocumentLimits, Tools
from services.inference.media import Hints, Limits, decode
from services.inference.model_server.triton import Triton
from services.inference.moving.limits import MovingLimits
from services.inference.pipeline.pipeline import Pipeline
from services.inference.pipeline.reading import errors_naming
from services.inference.pipeline.registry import Registry
from services.inference.pipeline.run import Product, Run, Source
from services.inference.pipeline.stages import Stages
from services.inference.worker.client import failure_of
from services.pictures.operations import Arity, spec_of, specs
from services.pictures.probe import child as probing
from services.pictures.probe.model import Probe
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc.validation import RequestValidator
from services.platform.sandbox import Limits as SandboxLimits
from services.platform.sandbox import Sandbox, SandboxError, SandboxFailed, WarmChildren
from services.platform.sandbox.memory_file import in_memory
from tests.hostile_files import MEGAPIXELS, HostileFile
from tests.unit.inference.plain_operations.examples import BESIDE, EXAMPLES

LIMITS = Limits(MEGAPIXELS, svg_seconds=1)
RESULTS = Limits(4 * MEGAPIXELS)
RESOURCES = SandboxLimits(memory_bytes=2 << 30, cpu_seconds=10, wall_seconds=60)
_DOCUMENTS = DocumentLimits(memory_bytes=1 << 30, seconds=60, page_seconds=3)
_MEMORY = 1 << 30
"""For all runs together, and how much the process may grow by while it does them."""
_AT_ONCE = 3
_SECONDS = 300
_FRAMES = 100
"""The most frames that a call works on. Thousands take minutes, while other runs wait for their memory."""
_EVERY_FRAME = "resize"
"""The call that works on the longest animations: frames come and go for all operations alike."""
FAULTS_OF_FILES = frozenset(
    (
        ErrorReason.FILE_CORRUPT,
        ErrorReason.FILE_ENCRYPTED,
        ErrorReason.FIELD_INVALID,
        ErrorReason.MEDIA_LIMIT_EXCEEDED,
        ErrorReason.MEDIA_UNSUPPORTED,
    )
)
"""Reasons that blame what was sent."""
_INTERNAL = re.compile(
    r"Traceback|Exception|Error\b|\.py\b|/tmp|/dev/|/proc|/work\b|0x[0-9a-f]{4}|signal \d|sandbox|child process|errno"
    r"|vips|pillow|numpy|cv2|opencv|qpdf|pdfium|pypdf|reportlab|libheif|libpng|rsvg|rawpy|libraw",
    re.IGNORECASE,
)

CALLS: Mapping[str, Mapping[str, Any]] = {
    **{name: {name: parameters} for name, parameters in EXAMPLES.items()},
    "edit_metadata": {"edit_metadata": {"title": "New", "artist": "A", "keywords": ["k"], "all_dates": "2026:01:31 12:00:00"}},
    "edit_metadata (removing)": {"edit_metadata": {"remove_tags": ["All"]}},
    "convert (to AVIF)": {"convert": {"format": "PICTURE_FORMAT_AVIF"}},
    "convert (for print)": {"convert": {"format": "PICTURE_FORMAT_TIFF", "color_space": "COLOR_SPACE_CMYK"}},
    "remove_background": {"remove_background": {}},
    "upscale": {"upscale": {"factor": 2}},
    "remove_watermark": {"remove_watermark": {}},
    "blur_background": {"blur_background": {}},
    "blur_faces": {"blur_faces": {}},
    "fix_red_eyes": {"fix_red_eyes": {}},
    "fix_transparency": {"fix_transparency": {}},
    "remove_noise": {"remove_noise": {}},
    "enhance_faces": {"enhance_faces": {}},
    "colorize": {"colorize": {}},
    "read_text": {"read_text": {}},
    "erase": {"erase": {"mask_file_id": BESIDE}},
    "passport_photo": {"passport_photo": {"country_code": "DE"}},
    "inspect_portrait": {"inspect_portrait": {}},
    "restore_photo": {"restore_photo": {}},
    "remove_pdf_watermark": {"remove_pdf_watermark": {}},
    "redraw_pdf": {"redraw_pdf": {}},
    "pdf_pages": {"pdf_pages": {"dpi": 36}},
    "inspect_pdf": {"inspect_pdf": {"thumbnails": True}},
}
"""A call of every operation that looks into its input."""
AUXILIARY: Mapping[str, Mapping[str, Any]] = {
    "overlay of compose": {"compose": {"overlay_file_id": BESIDE, "scale_percent": 25}},
    "original of compose_cutout": {"compose_cutout": {"original_file_id": BESIDE, "effects": {"blur": 20}}},
    "background of compose_cutout": {"compose_cutout": {"background_file_id": BESIDE}},
    "background of remove_background": {"remove_background": {"background_file_id": BESIDE}},
    "mask of erase": {"erase": {"mask_file_id": BESIDE}},
    "logo of qr_code": {"qr_code": {"text": "Darkroom", "logo_file_id": BESIDE}},
}
"""Calls whose additional file is the hostile one."""


def message_of(call: Mapping[str, Any]) -> operation_pb2.Operation:
    """A call, checked as requests are."""
    message = operation_pb2.Operation(**call)
    RequestValidator().check(message)
    return message


def kind_taken(call: str) -> options_pb2.MediaKind.ValueType:
    """The kind of file that a call of `CALLS` or `AUXILIARY` gets a hostile one of."""
    return options_pb2.MEDIA_KIND_IMAGE if call in AUXILIARY else spec_of(message_of(CALLS[call])).accepts


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended."""

    outcome: str
    """`result`, or the reason of the error."""
    message: str = ""
    fault: str = ""
    """Why it may not end like this; empty if it may."""


class HostileRuns:
    """Runs calls on hostile files with `tools`, each file alone or beside `good`, a picture without fault."""

    def __init__(self, tools: Tools, folder: Path, good: bytes) -> None:
        self._tools, self._folder, self._good = tools, folder, good
        self._registry = Registry()

    async def probed(self, file: HostileFile) -> tuple[Ending, Probe | None]:
        """How the examination of an upload ends, and what it finds."""
        assert self._tools.warm is not None
        try:
            with in_memory(file.content) as opened:
                found = await self._tools.warm.run(1, probing.probe_open, [opened], file.name, urgent=True)
        except (DarkroomError, SandboxError) as error:
            return _refused(error), None
        return Ending("result"), Probe(**found)

    async def ended(self, call: str, file: HostileFile, probe: Probe | None) -> Ending:
        """How a call of `CALLS` or `AUXILIARY` ends. With `probe`, the worker is told what the file is, as of an upload."""
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        try:
            async with asyncio.timeout(_SECONDS):
                product = await self._made(call, file, probe, folder)
                return await asyncio.to_thread(_checked, product, call, file)
        except TimeoutError:
            return Ending("endless", fault=f"no end within {_SECONDS} s")
        except Exception as error:  # noqa: BLE001 - as the worker does
            return _refused(error)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    async def _made(self, call: str, file: HostileFile, probe: Probe | None, folder: Path) -> Product | None:
        message = message_of({**CALLS, **AUXILIARY}[call])
        beside, hostile = folder / "good.png", folder / file.name
        beside.write_bytes(self._good)
        hostile.write_bytes(file.content)
        size = (probe.width, probe.height) if probe is not None and probe.width and probe.height else None
        source = Source(file.name, hostile, (probe.pages or 0) if probe is not None else 0, size)
        other = Source(beside.name, beside, 0)
        await self._registry.load([message])
        tools = self._tools if call == _EVERY_FRAME else replace(self._tools, moving_limits=MovingLimits(frames=_FRAMES))
        pipeline = Pipeline(tools, self._registry.bind([message]), 1 << 26, 1)
        auxiliary, inputs = other, [source]
        if call in AUXILIARY:
            auxiliary, inputs = source, [other]
        if pipeline.arity is Arity.ALL:
            inputs = [other, source]
        if pipeline.arity is Arity.NONE:
            inputs = []
        run = _run(folder, inputs)

        async def fetch(_file_id: int) -> Source:
            return auxiliary

        await pipeline.prepare(fetch)
        async with run.resources:
            with errors_naming(run.source_name):
                await pipeline.read_headers(run)
                await pipeline.reserve(run)
                await pipeline.decode(run)
                await pipeline.apply(run)
                await pipeline.encode(run)
        return run.product


def small_tools(sandbox: Sandbox, warm: WarmChildren, server: Triton | None = None, models: Models | None = None) -> Tools:
    """The tools of a small worker. Without a model server, for operations that need none."""
    return Tools(
        triton=server,
        sandbox=sandbox,
        models=models or Models("", "", {}, 256),
        picture_limits=LIMITS,
        picture_resources=RESOURCES,
        result_limits=RESULTS,
        memory=MemoryBudget(_MEMORY),
        documents=_DOCUMENTS,
        rates=MeasuredRates(1, 600),
        moving_limits=MovingLimits(),
        warm=warm,
    )


async def faults_of(runs: HostileRuns, calls: Sequence[str], files: Sequence[HostileFile]) -> Sequence[str]:
    """Examine files, and run calls on them, a few at once; the endings that may not be, and memory that grows beyond what runs may have."""
    places = asyncio.Semaphore(_AT_ONCE)
    # The peak is counted from now on.
    Path("/proc/self/clear_refs").write_text("5")
    before = _peak()

    async def work(file: HostileFile) -> list[str]:
        async with places:
            examined, probe = await runs.probed(file)
            endings = {"examined": examined, **{call: await runs.ended(call, file, probe) for call in calls}}
            return [f"{file.id}, {what}: {ending.fault}" for what, ending in endings.items() if ending.fault]

    faults = [fault for found in await asyncio.gather(*map(work, files)) for fault in found]
    grown = _peak() - before
    return faults if grown < _MEMORY else [*faults, f"the process has grown by {grown >> 20} MiB"]


def _peak() -> int:
    """The most memory that this process had at once, in bytes."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) << 10


def _run(folder: Path, inputs: list[Source]) -> Run:
    return Run(
        folder=folder,
        report=lambda _done, _message: None,
        check=lambda: None,
        notice=lambda *_: None,
        stages=Stages(),
        keeping=_NothingKept(),
        last=True,
        sources=inputs,
    )


class _NothingKept:
    """An attempt's first."""

    async def download_kept(self, folder: Path) -> Mapping[str, Path]:
        return {}

    async def keep(self, key: str, file: Path, media_type: str) -> None:
        pass


def _refused(error: Exception) -> Ending:
    failure = failure_of(error)
    fault = ""
    if unforeseen := _unforeseen(error):
        fault = f"not foreseen: {unforeseen!r}"
    elif failure.reason not in FAULTS_OF_FILES or not 400 <= failure.http_status < 500:
        fault = f"{failure.reason}: {error!r}"
    elif found := _INTERNAL.search(" ".join((failure.message, *failure.allowed, *failure.metadata.values()))):
        fault = f"the message tells of {found[0]!r}"
    elif not failure.message.strip().endswith("."):
        fault = "the message is no sentence"
    return Ending(str(failure.reason.value), failure.message, fault)


def _unforeseen(error: BaseException | None) -> SandboxFailed | None:
    """The exception of a child that is behind this one, though users are given a better reason."""
    while error is not None:
        if isinstance(error, SandboxFailed):
            return error
        error = error.__cause__
    return None


def _checked(product: Product | None, call: str, file: HostileFile) -> Ending:
    """A result must be a whole file of its kind, if it is not the input as it was."""
    if product is None:
        return Ending("nothing", fault="no result")
    for each in (product, *product.attachments):
        content = each.content if isinstance(each.content, bytes) else each.content.read_bytes()
        if content == file.content:
            continue
        try:
            _check(replace(each, content=content), content)
        except Exception as error:  # noqa: BLE001 - whatever it is that cannot be read
            # Of a file that only its metadata are changed of, the samples are as broken as before.
            if not call.startswith("edit_metadata"):
                return Ending("broken result", each.name, fault=f"{each.name} cannot be read: {error!r}")
    return Ending("result")


def _check(made: Product, content: bytes) -> None:
    if made.media_type.startswith("image/"):
        picture = decode(content, RESULTS, Hints(made.name))
        assert picture.width and picture.height
    elif made.media_type.startswith("video/"):
        with av.open(io.BytesIO(content), "r") as container:
            frames = sum(1 for _ in container.decode(video=0))
        assert isinstance(made.info, file_pb2.ImageInfo) and made.info.frames == frames > 0
    elif made.media_type == "application/zip":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.namelist() and archive.testzip() is None
    elif made.media_type == "application/pdf":
        with pypdfium2.PdfDocument(content) as document:
            assert len(document)
    else:
        assert isinstance(json.loads(content), dict)


def operations_without_call() -> set[str]:
    """Operations that look into files and that no call of `CALLS` is of."""
    looking = {name for name, spec in specs().items() if spec.accepts in (options_pb2.MEDIA_KIND_IMAGE, options_pb2.MEDIA_KIND_PDF)}
    return (
        looking - {next(iter(call)) for call in CALLS.values()} - {name for name, spec in specs().items() if spec.arity is Arity.REFERENCES}
    )
