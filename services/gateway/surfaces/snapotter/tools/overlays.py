"""Tools that lay a text, or another picture of a form, over a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from compat.snapotter.v1.text_tools_pb2 import TextOverlaySettings, WatermarkTextSettings
from compat.snapotter.v1.two_image_tools_pb2 import ComposeSettings, WatermarkImageSettings
from darkroom.operations.v1 import compose_pb2, placement_pb2
from darkroom.operations.v1.draw_text_pb2 import DrawText
from darkroom.operations.v1.operation_pb2 import Operation
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.forms import SentFile
from services.gateway.surfaces.snapotter.runs import RunRecord
from services.gateway.surfaces.snapotter.tool import AsTask, Plan, ReferencedFile, Sources, Tool
from services.gateway.surfaces.snapotter.tools.context import ToolContext, check_each, settings_in
from services.gateway.surfaces.snapotter.tools.writing import keep_format, round_half_up
from services.platform.identity import Identity

_TILED = "tiled"
_TEXT_POSITIONS: Mapping[str, placement_pb2.Position.ValueType] = {
    "top": placement_pb2.POSITION_TOP,
    "center": placement_pb2.POSITION_CENTER,
    "bottom": placement_pb2.POSITION_BOTTOM,
    "top-left": placement_pb2.POSITION_TOP_LEFT,
    "top-right": placement_pb2.POSITION_TOP_RIGHT,
    "bottom-left": placement_pb2.POSITION_BOTTOM_LEFT,
    "bottom-right": placement_pb2.POSITION_BOTTOM_RIGHT,
    _TILED: placement_pb2.POSITION_CENTER,
}


def _watermark_text(settings: WatermarkTextSettings, _name: str) -> Plan:
    draw = DrawText(
        text=settings.text,
        font_size=settings.font_size,
        color=settings.color,
        opacity=settings.opacity,
        position=_TEXT_POSITIONS[settings.position],
        tiled=settings.tile or settings.position == _TILED,
        rotation=settings.rotation,
    )
    return Plan([Operation(draw_text=draw), keep_format()])


def _text_overlay(settings: TextOverlaySettings, _name: str) -> Plan:
    draw = DrawText(
        text=settings.text,
        font_size=settings.font_size,
        color=settings.color,
        position=_TEXT_POSITIONS[settings.position],
        background=settings.background_color if settings.background_box else "",
        shadow=settings.shadow,
    )
    return Plan([Operation(draw_text=draw), keep_format()])


WATERMARK_TEXT = Tool("watermark-text", WatermarkTextSettings, _watermark_text, pipeline=True)
TEXT_OVERLAY = Tool("text-overlay", TextOverlaySettings, _text_overlay, pipeline=True)


_CORNERS: Mapping[str, placement_pb2.Position.ValueType] = {
    "center": placement_pb2.POSITION_CENTER,
    "top-left": placement_pb2.POSITION_TOP_LEFT,
    "top-right": placement_pb2.POSITION_TOP_RIGHT,
    "bottom-left": placement_pb2.POSITION_BOTTOM_LEFT,
    "bottom-right": placement_pb2.POSITION_BOTTOM_RIGHT,
}
_MARGIN = 20
_MODES: Mapping[str, compose_pb2.BlendMode.ValueType] = {
    "over": compose_pb2.BLEND_MODE_OVER,
    "multiply": compose_pb2.BLEND_MODE_MULTIPLY,
    "screen": compose_pb2.BLEND_MODE_SCREEN,
    "overlay": compose_pb2.BLEND_MODE_OVERLAY,
    "darken": compose_pb2.BLEND_MODE_DARKEN,
    "lighten": compose_pb2.BLEND_MODE_LIGHTEN,
    "hard-light": compose_pb2.BLEND_MODE_HARD_LIGHT,
    "soft-light": compose_pb2.BLEND_MODE_SOFT_LIGHT,
    "difference": compose_pb2.BLEND_MODE_DIFFERENCE,
    "exclusion": compose_pb2.BLEND_MODE_EXCLUSION,
}


def _watermark_image(settings: WatermarkImageSettings, _name: str) -> Plan:
    compose = compose_pb2.Compose(
        position=_CORNERS[settings.position], margin=_MARGIN, scale_percent=settings.scale, opacity=settings.opacity, must_fit=True
    )
    return Plan([Operation(compose=compose), keep_format()])


def _compose(settings: ComposeSettings, _name: str) -> Plan:
    compose = compose_pb2.Compose(
        left=round_half_up(settings.x),
        top=round_half_up(settings.y),
        opacity=settings.opacity,
        blend_mode=_MODES[settings.blend if settings.HasField("blend") else settings.blend_mode],
        must_fit=True,
    )
    return Plan([Operation(compose=compose), keep_format()])


async def _serve(
    context: ToolContext,
    tool: Tool,
    request: Request,
    identity: Identity,
    *,
    part: str,
    no_base: str,
    no_overlay: str,
    settings_before_overlay: bool,
) -> Response:
    """The picture in `part` is laid over the other one. If several pictures have the same role, the last one counts."""
    account_id = identity.account_id
    async with context.form(request, account_id, "all") as sent:
        base = _last([file for file in sent.files if file.part != part], no_base)
        if settings_before_overlay:
            settings_in(sent, tool)
        overlay = _last([file for file in sent.files if file.part == part], no_overlay)
        plan = tool.plan(settings_in(sent, tool), base.working_name)
        check_each([base, overlay], tool.failure_message)
        plan.operations[0].compose.overlay_file_id = overlay.file_id
        kept = RunRecord(tool.id, [base.working_name], base.working_name, keeps_name=True)
        run = await context.run(tool, request, account_id, [base.file_id], plan.operations, kept, unusable=tool.failure_message)
        await context.forms.discard_files(account_id, {*sent.file_ids} - {base.file_id, overlay.file_id})
    return answer(context.body(account_id, run, base))


def _last(files: list[SentFile], missing: str) -> SentFile:
    if not files:
        raise Refusal(400, missing)
    return files[-1]


def _overlay_in(part: str, _settings: Any, _operation: Operation, _sources: Sources) -> Sequence[ReferencedFile]:
    return [ReferencedFile(part, "compose.overlay_file_id")]


WATERMARK_IMAGE = Tool(
    "watermark-image",
    WatermarkImageSettings,
    _watermark_image,
    serve=partial(
        _serve,
        part="watermark",
        no_base="No main image file provided",
        no_overlay="No watermark image provided",
        settings_before_overlay=True,
    ),
    as_task=AsTask(complete=partial(_overlay_in, "watermark")),
)
COMPOSE = Tool(
    "compose",
    ComposeSettings,
    _compose,
    serve=partial(
        _serve,
        part="overlay",
        no_base="No base image provided",
        no_overlay="No overlay image provided",
        settings_before_overlay=False,
    ),
    as_task=AsTask(complete=partial(_overlay_in, "overlay")),
)
