"""Tools for animations."""

from __future__ import annotations

from functools import partial

from compat.snapotter.v1.animation_tools_pb2 import GifToolsInfoSettings, GifToolsSettings
from darkroom.operations.v1 import convert_pb2, extract_frames_pb2
from darkroom.operations.v1.edit_animation_pb2 import EditAnimation
from darkroom.operations.v1.extract_frame_pb2 import ExtractFrame
from darkroom.operations.v1.inspect_animation_pb2 import InspectAnimation
from darkroom.operations.v1.operation_pb2 import Operation
from services.gateway.surfaces.snapotter.names import Name
from services.gateway.surfaces.snapotter.tool import Plan, Tool
from services.gateway.surfaces.snapotter.tools.context import describe_picture

_FORMATS = {"png": extract_frames_pb2.FRAME_FORMAT_PNG, "webp": extract_frames_pb2.FRAME_FORMAT_WEBP}


def _gif_tools(settings: GifToolsSettings, name: str) -> Plan:
    """Another animation, or frames of one."""
    if settings.mode == "extract":
        return _extraction(settings, Name.of(name).stem)
    return Plan([Operation(edit_animation=_edit(settings))])


def _edit(settings: GifToolsSettings) -> EditAnimation:
    edit = EditAnimation(loop=settings.loop if settings.HasField("loop") else None)
    match settings.mode:
        case "resize" if settings.HasField("percentage"):
            edit.percent = settings.percentage
        case "resize":
            edit.width, edit.height = settings.width, settings.height
        case "optimize":
            edit.optimize, edit.max_colors = True, settings.colors
            edit.dither, edit.effort = settings.dither, settings.effort
        case "speed" | "reverse":
            edit.reverse = settings.mode == "reverse"
            # Backwards at the same speed, frames keep their times, however short they are.
            edit.speed = 0 if edit.reverse and settings.speed_factor == 1 else settings.speed_factor
        case _:
            edit.angle = settings.angle
            # The operation mirrors first: what is turned by a right angle then has its sides mirrored the other way.
            across, down = settings.flip_h, settings.flip_v
            edit.flip_horizontal, edit.flip_vertical = (across, down) if settings.angle in (0, 180) else (down, across)
    return edit


def _extraction(settings: GifToolsSettings, stem: str) -> Plan:
    if settings.extract_mode == "single":
        convert = convert_pb2.Convert(format=convert_pb2.PICTURE_FORMAT_PNG, strip_metadata=True, compact=True)
        if settings.extract_format == "webp":
            convert = convert_pb2.Convert(format=convert_pb2.PICTURE_FORMAT_WEBP, strip_metadata=True, lossless=True)
        operations = [Operation(extract_frame=ExtractFrame(frame=settings.frame_number)), Operation(convert=convert)]
        return Plan(operations, name=f"{stem}_frame{settings.frame_number}.{settings.extract_format}")
    several = extract_frames_pb2.ExtractFrames(format=_FORMATS[settings.extract_format])
    if settings.extract_mode == "range":
        several.first = settings.frame_start
        if settings.HasField("frame_end"):
            several.last = settings.frame_end
    return Plan([Operation(extract_frames=several)], name=f"{stem}_frames.zip")


def _info(_settings: GifToolsInfoSettings, _name: str) -> Plan:
    return Plan([Operation(inspect_animation=InspectAnimation())])


GIF_TOOLS = Tool("gif-tools", GifToolsSettings, _gif_tools, pipeline=True)
GIF_TOOLS_INFO = Tool(
    "gif-tools-info",
    GifToolsInfoSettings,
    _info,
    failure_message="Could not read image metadata",
    serve=partial(describe_picture, missing="No file provided", with_name=False),
)
