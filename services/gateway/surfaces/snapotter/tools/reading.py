"""Tools that say what a picture is, or says, and which pictures are alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from compat.snapotter.v1.info_tool_pb2 import InfoSettings
from compat.snapotter.v1.ocr_tools_pb2 import OcrSettings
from compat.snapotter.v1.reading_tools_pb2 import ColorPaletteSettings, FindDuplicatesSettings
from compat.snapotter.v1.two_image_tools_pb2 import CompareSettings
from darkroom.operations.v1 import read_text_pb2
from darkroom.operations.v1.compare_pb2 import Compare
from darkroom.operations.v1.find_duplicates_pb2 import FindDuplicates
from darkroom.operations.v1.inspect_palette_pb2 import InspectPalette
from darkroom.operations.v1.inspect_picture_pb2 import InspectPicture
from darkroom.operations.v1.operation_pb2 import Operation
from services.gateway.surfaces.snapotter.calls.tool_calls import SETTINGS
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.names import download_path
from services.gateway.surfaces.snapotter.runs import RunRecord
from services.gateway.surfaces.snapotter.tool import AsTask, Plan, Tool
from services.gateway.surfaces.snapotter.tool_settings import read_json, settings_of
from services.gateway.surfaces.snapotter.tools.context import UNREADABLE, ToolContext, check_each, describe_picture
from services.platform.identity import Identity

_QUALITIES: Mapping[str, read_text_pb2.TextQuality.ValueType] = {
    "fast": read_text_pb2.TEXT_QUALITY_FAST,
    "balanced": read_text_pb2.TEXT_QUALITY_BALANCED,
    "best": read_text_pb2.TEXT_QUALITY_BEST,
}
_THRESHOLD = "threshold"


def _info(_settings: InfoSettings, _name: str) -> Plan:
    return Plan([Operation(inspect_picture=InspectPicture())])


def _color_palette(_settings: ColorPaletteSettings, _name: str) -> Plan:
    return Plan([Operation(inspect_palette=InspectPalette())])


def _ocr(settings: OcrSettings, _name: str) -> Plan:
    quality = _QUALITIES["fast" if settings.engine == "tesseract" else settings.quality]
    read = read_text_pb2.ReadText(quality=quality, language=settings.language, enhance=settings.enhance)
    return Plan([Operation(read_text=read)])


async def _serve_ocr(context: ToolContext, tool: Tool, request: Request, identity: Identity) -> Response:
    """The text, in the reply. If there are several files, the last one counts."""
    account_id = identity.account_id
    sent = await context.read(request, account_id, "last")
    file, run = await context.calls.run(tool, request, account_id, sent)
    found = await context.document(account_id, run)
    return answer({"jobId": context.job_id(account_id, run), "filename": file.sent_name, "text": found["text"], "engine": found["engine"]})


def _find_duplicates(settings: FindDuplicatesSettings, _name: str) -> Plan:
    """Hashes differ by whole bits, so a threshold between two numbers is the lower one."""
    return Plan([Operation(find_duplicates=FindDuplicates(threshold=math.floor(settings.threshold)))])


async def _serve_duplicates(context: ToolContext, tool: Tool, request: Request, identity: Identity) -> Response:
    """The groups, by the names that were sent. Settings are checked first, then how many files there are."""
    account_id = identity.account_id
    async with context.form(request, account_id, "all") as sent:
        # A threshold that stands in the form by itself counts in place of the settings.
        if _THRESHOLD in sent.fields:
            given: object = {_THRESHOLD: read_json(sent.fields[_THRESHOLD] or "null")}
        else:
            given = read_json(sent.fields.get(SETTINGS, "").strip() or "{}")
        plan = tool.plan(settings_of(given, tool.settings), "")
        if len(sent.files) < tool.as_task.fewest:
            raise Refusal(400, "At least 2 images are required for duplicate detection")
        check_each(sent.files, tool.failure_message)
        kept = RunRecord(tool.id, [file.working_name for file in sent.files])
        run = await context.run(tool, request, account_id, sent.file_ids, plan.operations, kept, unusable=tool.failure_message)
    found = await context.document(account_id, run)
    for group in found["duplicateGroups"]:
        for file in group["files"]:
            file["filename"] = sent.files[file.pop("index")].sent_name
    return answer(found)


def _compare(_settings: CompareSettings, _name: str) -> Plan:
    return Plan([Operation(compare=Compare())])


async def _serve_comparison(context: ToolContext, tool: Tool, request: Request, identity: Identity) -> Response:
    """How much two pictures are alike, and a picture of the differences. If there are more than two files, the first and the last count."""
    account_id = identity.account_id
    async with context.form(request, account_id, "all") as sent:
        if len(sent.files) < tool.as_task.fewest:
            raise Refusal(400, "Two image files are required for comparison")
        pair = [sent.files[0], sent.files[-1]]
        check_each(pair, tool.failure_message)
        ids = [file.file_id for file in pair]
        operations, kept = tool.plan(tool.settings(), "").operations, RunRecord(tool.id, [file.working_name for file in pair])
        run = await context.run(tool, request, account_id, ids, operations, kept, unusable=tool.failure_message)
        await context.forms.discard_files(account_id, {*sent.file_ids} - {*ids})
    found, job_id, difference = await context.document(account_id, run), context.job_id(account_id, run), run.outputs[1]
    sizes = {"originalSize": sum(file.size for file in pair), "processedSize": difference.size_bytes}
    return answer({"jobId": job_id} | found | {"downloadUrl": download_path(job_id, difference.name)} | sizes)


INFO = Tool("info", InfoSettings, _info, failure_message=UNREADABLE, serve=describe_picture)
COLOR_PALETTE = Tool(
    "color-palette",
    ColorPaletteSettings,
    _color_palette,
    failure_message="Color extraction failed",
    serve=partial(describe_picture, with_size=False),
)
OCR = Tool("ocr", OcrSettings, _ocr, needs_models=True, failure_message="OCR failed", serve=_serve_ocr)
FIND_DUPLICATES = Tool(
    "find-duplicates",
    FindDuplicatesSettings,
    _find_duplicates,
    failure_message="Duplicate detection failed",
    serve=_serve_duplicates,
    as_task=AsTask(fewest=2),
)
COMPARE = Tool(
    "compare",
    CompareSettings,
    _compare,
    failure_message="Comparison failed",
    serve=_serve_comparison,
    as_task=AsTask(fewest=2, most=2),
)
