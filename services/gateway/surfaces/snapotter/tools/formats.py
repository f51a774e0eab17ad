"""Tools that write a picture in another format, or smaller."""

from __future__ import annotations

import dataclasses

from starlette.requests import Request
from starlette.responses import Response

from compat.snapotter.v1.conversion_tools_pb2 import SvgToRasterSettings
from compat.snapotter.v1.format_tools_pb2 import CompressSettings, ConvertSettings, OptimizeForWebSettings
from darkroom.operations.v1.fill_background_pb2 import FillBackground
from darkroom.operations.v1.operation_pb2 import Operation
from darkroom.operations.v1.placement_pb2 import FIT_BOUNDS
from darkroom.operations.v1.rasterize_pb2 import Rasterize
from darkroom.operations.v1.resize_pb2 import Resize
from services.gateway.surfaces.snapotter.batches.kinds import of_tool
from services.gateway.surfaces.snapotter.calls.tool_calls import kept_name
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.forms import SentFile
from services.gateway.surfaces.snapotter.names import Name, url_segment, with_type
from services.gateway.surfaces.snapotter.runs import RunRecord
from services.gateway.surfaces.snapotter.tool import Plan, Tool
from services.gateway.surfaces.snapotter.tools.context import ToolContext
from services.gateway.surfaces.snapotter.tools.writing import colours_of, conversion, extension_of, keep_format, round_half_up
from services.pictures.media_format import MediaFormat
from services.platform.identity import Identity

_DRAWING_DPI = 300
_UNIT = 1024
_MOST_BYTES = 2**32 - 1
_LONGEST = 65_535
_CLEAR = "#00000000"
_LOSSLESS = ("png", "gif")
_COLOUR_LENGTH = 7


def _convert(settings: ConvertSettings, name: str) -> Plan:
    format_ = extension_of(settings.format)
    convert = conversion(format_, settings.quality if settings.HasField("quality") else None)
    convert.svg_dpi = _DRAWING_DPI
    return Plan([Operation(convert=convert)], name=f"{Name.of(name).stem}.{format_}", chooses_writing=True)


def _compress(settings: CompressSettings, _name: str) -> Plan:
    target = settings.target_size_kilobytes or (settings.target_size_kb if settings.mode == "targetSize" else 0)
    if target:
        operation = keep_format()
        operation.convert.quality = 0
        operation.convert.max_bytes = max(1, min(int(target * _UNIT), _MOST_BYTES))
    else:
        operation = keep_format(round_half_up(settings.quality))
        operation.convert.lossless = False
        operation.convert.max_colors = colours_of(settings.quality)
    operation.convert.keep_coding = False
    return Plan([operation], chooses_writing=True)


def _optimize_for_web(settings: OptimizeForWebSettings, name: str) -> Plan:
    format_ = extension_of(settings.format)
    convert = conversion(format_, settings.quality)
    convert.strip_metadata = settings.strip_metadata
    if format_ == "jpg":
        convert.progressive = settings.progressive
    operations = [Operation(convert=convert)]
    width, height = _pixels(settings.max_width or settings.max_width_px), _pixels(settings.max_height)
    if width or height:
        operations.insert(0, Operation(resize=Resize(width=width, height=height, fit=FIT_BOUNDS, without_enlargement=True)))
    return Plan(operations, name=f"{Name.of(name).stem}.{format_}", chooses_writing=True)


def _pixels(most: float) -> int:
    """0 for no limit."""
    return max(1, round_half_up(min(most, _LONGEST))) if most else 0


async def _preview(context: ToolContext, tool: Tool, request: Request, identity: Identity) -> Response:
    """Reply with the result, without a job that it could be downloaded from. If a form has several files, the last one counts."""
    account_id = identity.account_id
    sent = await context.read(request, account_id, "last", holds=True)
    file, run = await context.calls.run(tool, request, account_id, sent, failure_message="Preview failed")
    output, kept = run.outputs[0], RunRecord.read(run.kept)
    assert kept is not None
    headers = {
        "x-original-size": str(file.size),
        "x-processed-size": str(output.size_bytes),
        "x-output-filename": url_segment(with_type(kept_name(kept, output.media_type), output.media_type)),
    }
    return Response(await context.contents.read(account_id, output), headers=headers, media_type=output.media_type)


def _svg_to_raster(settings: SvgToRasterSettings, name: str) -> Plan:
    rasterize = Rasterize(width=settings.width, height=settings.height, dpi=round_half_up(settings.dpi))
    operations = [Operation(rasterize=rasterize)]
    if settings.background_color != _CLEAR:
        operations.append(Operation(fill_background=FillBackground(color=settings.background_color[:_COLOUR_LENGTH])))
    convert = conversion(settings.output_format, None if settings.output_format in _LOSSLESS else settings.quality)
    convert.keep_alpha = settings.output_format == "tiff"
    return Plan([*operations, Operation(convert=convert)], name=f"{Name.of(name).stem}.{settings.output_format}")


async def _serve_svg(context: ToolContext, tool: Tool, request: Request, identity: Identity) -> Response:
    """If a form has several files, the last one counts."""
    account_id = identity.account_id
    async with context.form(request, account_id, "last") as sent:
        if not sent.files:
            raise Refusal(400, "No SVG file provided")
        if sent.files[0].format != MediaFormat.SVG:
            raise Refusal(400, "File is not a valid SVG. This tool only accepts SVG files.")
    file, run = await context.calls.run(tool, request, account_id, sent, unusable=tool.failure_message)
    return answer(context.body(account_id, run, file))


async def _serve_svgs(context: ToolContext, tool: Tool, request: Request, identity: Identity) -> Response:
    kind = dataclasses.replace(of_tool(tool), no_files="No SVG files provided", problem=_svg_problem)
    return await context.batches.serve(kind, request, identity)


def _svg_problem(file: SentFile) -> str:
    return "" if file.format == MediaFormat.SVG and not file.problem else "Not a valid SVG file"


CONVERT = Tool("convert", ConvertSettings, _convert, pipeline=True)
COMPRESS = Tool("compress", CompressSettings, _compress, pipeline=True)
OPTIMIZE_FOR_WEB = Tool("optimize-for-web", OptimizeForWebSettings, _optimize_for_web, pipeline=True, steps={"preview": _preview})
SVG_TO_RASTER = Tool(
    "svg-to-raster",
    SvgToRasterSettings,
    _svg_to_raster,
    failure_message="SVG conversion failed",
    serve=_serve_svg,
    steps={"batch": _serve_svgs},
)
