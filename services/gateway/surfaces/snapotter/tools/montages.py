"""Tools that put the pictures of a form together."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from compat.snapotter.v1.montage_tools_pb2 import CollageSettings, StitchSettings
from darkroom.operations.v1 import stitch_pb2
from darkroom.operations.v1.collage_pb2 import COLLAGE_TEMPLATE_UNSPECIFIED, Collage, CollageCell, CollageTemplate
from darkroom.operations.v1.operation_pb2 import Operation
from darkroom.operations.v1.placement_pb2 import FIT_BOUNDS, FIT_CROP, Fit
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.runs import RunRecord
from services.gateway.surfaces.snapotter.tool import AsTask, Plan, Tool
from services.gateway.surfaces.snapotter.tools.context import ToolContext, check_each, settings_in
from services.gateway.surfaces.snapotter.tools.writing import convert_to, extension_of, round_half_up
from services.platform.identity import Identity

_PREFIX = "COLLAGE_TEMPLATE_"
TEMPLATES = {
    name.removeprefix(_PREFIX).replace("_", "-").lower(): template
    for name, template in CollageTemplate.items()
    if template != COLLAGE_TEMPLATE_UNSPECIFIED
}
_FREE = (2400, 1800)
_CANVASES = {"1:1": (2400, 2400), "3:2": (2400, 1600), "16:9": (2400, 1350), "9:16": (1350, 2400), "4:5": (1920, 2400)}
"""Width and height of those that are not as `free`."""
_FITS: Mapping[str, Fit.ValueType] = {"cover": FIT_CROP, "contain": FIT_BOUNDS}
_MOST_CELLS = 9
"""The id of a template."""
_LONGEST_REPEATED = 100
_DIRECTIONS: Mapping[str, stitch_pb2.StitchDirection.ValueType] = {
    "horizontal": stitch_pb2.STITCH_DIRECTION_HORIZONTAL,
    "vertical": stitch_pb2.STITCH_DIRECTION_VERTICAL,
    "grid": stitch_pb2.STITCH_DIRECTION_GRID,
}
_SIZINGS: Mapping[str, stitch_pb2.StitchSizing.ValueType] = {
    "fit": stitch_pb2.STITCH_SIZING_FIT,
    "original": stitch_pb2.STITCH_SIZING_ORIGINAL,
    "stretch": stitch_pb2.STITCH_SIZING_STRETCH,
    "crop": stitch_pb2.STITCH_SIZING_CROP,
}
_ALIGNMENTS: Mapping[str, stitch_pb2.StitchAlignment.ValueType] = {
    "start": stitch_pb2.STITCH_ALIGNMENT_START,
    "center": stitch_pb2.STITCH_ALIGNMENT_CENTER,
    "end": stitch_pb2.STITCH_ALIGNMENT_END,
}
_LOSSLESS = "png"
_TOO_LARGE = "Canvas too large"
"""The operation's message about a result that would be larger than pictures may be."""


def _collage(settings: CollageSettings, _name: str) -> Plan:
    """Raises `Refusal` for a template that is not there."""
    template = settings.template_id or settings.template
    if template not in TEMPLATES:
        raise Refusal(400, f"Unknown template: {template[:_LONGEST_REPEATED]}")
    width, height = _CANVASES.get(settings.aspect_ratio, _FREE)
    collage = Collage(
        template=TEMPLATES[template],
        cells=[
            CollageCell(picture=cell.image_index, pan_x=cell.pan_x, pan_y=cell.pan_y, zoom=cell.zoom, fit=_FITS[cell.object_fit])
            for cell in settings.cells[:_MOST_CELLS]
        ],
        width=width,
        height=height,
        gap=round_half_up(settings.gap),
        corner_radius=round_half_up(settings.border_radius if settings.HasField("border_radius") else settings.corner_radius),
        background=settings.background_color,
    )
    format_ = settings.output_format
    return Plan([Operation(collage=collage), _writing(format_, settings.quality)], name=f"collage.{extension_of(format_)}")


def _stitch(settings: StitchSettings, _name: str) -> Plan:
    stitch = stitch_pb2.Stitch(
        direction=_DIRECTIONS[settings.direction],
        columns=settings.grid_columns,
        sizing=_SIZINGS[settings.resize_mode],
        alignment=_ALIGNMENTS[settings.alignment],
        gap=round_half_up(settings.gap),
        border=round_half_up(settings.border),
        corner_radius=round_half_up(settings.corner_radius),
        background=settings.background_color,
    )
    return Plan([Operation(stitch=stitch), _writing(settings.format, settings.quality)], name=f"stitch.{settings.format}")


def _writing(format_: str, quality: float) -> Operation:
    """A PNG has all colours, whatever its quality."""
    return convert_to(extension_of(format_), None if format_ == _LOSSLESS else quality)


async def _serve_collage(context: ToolContext, tool: Tool, request: Request, identity: Identity) -> Response:
    return await _serve(context, tool, request, identity, "No images provided")


async def _serve_stitch(context: ToolContext, tool: Tool, request: Request, identity: Identity) -> Response:
    try:
        return await _serve(context, tool, request, identity, "At least 2 images are required for stitching")
    except Refusal as refusal:
        if isinstance(refusal.details, str) and refusal.details.startswith(_TOO_LARGE):
            raise Refusal(422, refusal.details) from refusal
        raise


async def _serve(context: ToolContext, tool: Tool, request: Request, identity: Identity, too_few: str) -> Response:
    """How many files there are is checked first, then each of them, then the settings."""
    account_id = identity.account_id
    async with context.form(request, account_id, "all") as sent:
        if len(sent.files) < tool.as_task.fewest:
            raise Refusal(400, too_few)
        check_each(sent.files)
        plan = tool.plan(settings_in(sent, tool), "")
        kept = RunRecord(tool.id, [file.working_name for file in sent.files], plan.name, keeps_name=True)
        names = {file.file_id: file.name for file in sent.files}
        run = await context.run(tool, request, account_id, sent.file_ids, plan.operations, kept, names=names)
    return answer(context.body(account_id, run, *sent.files))


COLLAGE = Tool("collage", CollageSettings, _collage, failure_message="Collage creation failed", serve=_serve_collage)
STITCH = Tool("stitch", StitchSettings, _stitch, failure_message="Stitch creation failed", serve=_serve_stitch, as_task=AsTask(fewest=2))
