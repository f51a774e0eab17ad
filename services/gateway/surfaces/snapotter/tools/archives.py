"""Tools whose reply is an archive."""

from __future__ import annotations

import re
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from compat.snapotter.v1.conversion_tools_pb2 import SplitSettings
from compat.snapotter.v1.icon_tools_pb2 import FaviconSettings
from compat.snapotter.v1.rename_tool_pb2 import BulkRenameSettings
from darkroom.operations.v1 import convert_pb2
from darkroom.operations.v1.archive_pb2 import Archive
from darkroom.operations.v1.favicons_pb2 import Favicons
from darkroom.operations.v1.operation_pb2 import Operation
from darkroom.operations.v1.split_pb2 import Split
from services.gateway.surfaces.snapotter.calls.tool_calls import NO_FILE, SETTINGS
from services.gateway.surfaces.snapotter.errors import Refusal
from services.gateway.surfaces.snapotter.forms import Accepts
from services.gateway.surfaces.snapotter.names import Name, clean_name
from services.gateway.surfaces.snapotter.runs import RunRecord
from services.gateway.surfaces.snapotter.tool import AsTask, Plan, ReferencedFile, Sources, Tool
from services.gateway.surfaces.snapotter.tool_settings import read_json
from services.gateway.surfaces.snapotter.tools.context import ToolContext, check_each, run_last_file, settings_in
from services.gateway.surfaces.snapotter.tools.writing import FORMATS
from services.platform.identity import Identity

_NO_FILES = "No files provided"
_TOKEN = re.compile(r"\{\{(index|padded|original)\}\}")
_ORIGINAL = "original"


def _split(settings: SplitSettings, name: str) -> Plan:
    """Tiles of a file whose name has no extension are PNGs."""
    parts = Name.of(name)
    split = Split(columns=settings.columns, rows=settings.rows, quality=settings.quality, name=parts.stem[:200])
    if settings.HasField("tile_width") and settings.HasField("tile_height"):
        split.tile_width, split.tile_height = settings.tile_width, settings.tile_height
    if settings.output_format != _ORIGINAL:
        split.format = FORMATS[settings.output_format]
    else:
        split.format = convert_pb2.PICTURE_FORMAT_KEPT if parts.extension else convert_pb2.PICTURE_FORMAT_PNG
    return Plan([Operation(split=split)], name=f"{parts.stem}_split.zip")


def _name_tiles(_settings: SplitSettings, operation: Operation, sources: Sources) -> Sequence[ReferencedFile]:
    if not sources.name:
        # Tiles are then named after the file.
        operation.split.name = ""
    return ()


async def _serve_tiles(context: ToolContext, tool: Tool, request: Request, identity: Identity) -> Response:
    _, run = await run_last_file(context, tool, request, identity)
    return context.archive(identity.account_id, run, "split")


def _favicon(_settings: FaviconSettings, _name: str) -> Plan:
    return Plan([Operation(favicons=Favicons())])


def _name_icons(_settings: FaviconSettings, operation: Operation, sources: Sources) -> Sequence[ReferencedFile]:
    operation.favicons.names.extend(Name.of(name).stem or "icon" for name in sources.names)
    return ()


async def _serve_icons(context: ToolContext, tool: Tool, request: Request, identity: Identity) -> Response:
    """The settings are ignored, but they must be JSON."""
    account_id = identity.account_id
    async with context.form(request, account_id, "all") as sent:
        if not sent.files:
            raise Refusal(400, NO_FILE)
        check_each(sent.files)
        read_json(sent.fields.get(SETTINGS, "").strip() or "{}")
        settings = tool.settings()
        operations = tool.plan(settings, "").operations
        tool.as_task.complete(settings, operations[0], Sources(names=[file.name for file in sent.files]))
        kept = RunRecord(tool.id, [file.working_name for file in sent.files])
        names = {file.file_id: file.name for file in sent.files}
        run = await context.run(tool, request, account_id, sent.file_ids, operations, kept, names=names)
    return context.archive(account_id, run, "favicons")


def _bulk_rename(settings: BulkRenameSettings, *names: str) -> Plan:
    """The operation for all files, by their names: the pattern for each, with the file's own extension."""
    first = settings.start_index
    width = len(_number(first + len(names)))
    entries = []
    for place, name in enumerate(map(Name.of, names)):
        index = _number(first + place)
        values = {"index": index, "padded": index.rjust(width, "0"), "original": name.stem}
        entries.append(clean_name(_TOKEN.sub(lambda token, values=values: values[token[1]], settings.pattern) + name.extension))  # type: ignore[misc]
    return Plan([Operation(archive=Archive(name="renamed", entry_names=entries, equal_names=True))])


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else str(value)


def _rename_all(settings: BulkRenameSettings, operation: Operation, sources: Sources) -> Sequence[ReferencedFile]:
    if not sources.names:
        raise Refusal(400, _NO_FILES, details=[{"path": "names", "message": "must be the names of the files"}])
    operation.CopyFrom(_bulk_rename(settings, *sources.names).operations[0])
    return ()


async def _serve_renamed(context: ToolContext, tool: Tool, request: Request, identity: Identity) -> Response:
    """Files of any kind, under new names."""
    account_id = identity.account_id
    async with context.form(request, account_id, "all", accepts=Accepts.ANYTHING) as sent:
        if not sent.files:
            raise Refusal(400, _NO_FILES)
        settings, names = settings_in(sent, tool), [file.name for file in sent.files]
        check_each([file for file in sent.files if not file.file_id], tool.failure_message)
        operations = _bulk_rename(settings, *names).operations
        run = await context.run(
            tool, request, account_id, sent.file_ids, operations, RunRecord(tool.id, names), unusable=tool.failure_message
        )
    return context.archive(account_id, run, "renamed")


SPLIT = Tool(
    "split",
    SplitSettings,
    _split,
    pipeline=True,
    failure_message="Split failed",
    serve=_serve_tiles,
    as_task=AsTask(complete=_name_tiles),
)
FAVICON = Tool(
    "favicon",
    FaviconSettings,
    _favicon,
    failure_message="Favicon generation failed",
    serve=_serve_icons,
    as_task=AsTask(complete=_name_icons),
)
BULK_RENAME = Tool(
    "bulk-rename",
    BulkRenameSettings,
    _bulk_rename,
    failure_message="Rename failed",
    serve=_serve_renamed,
    as_task=AsTask(needs_names=True, complete=_rename_all),
)
