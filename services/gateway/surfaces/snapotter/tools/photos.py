"""Tools that look at what a photo shows: cropped to its subject, corrected, or resized by its content."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from compat.snapotter.v1.photo_tools_pb2 import (
    AnalyzeImageSettings,
    ContentAwareResizeSettings,
    ImageEnhancementSettings,
    SmartCropSettings,
)
from darkroom.operations.v1 import enhance_picture_pb2, smart_crop_pb2
from darkroom.operations.v1.carve_seams_pb2 import CarveSeams
from darkroom.operations.v1.inspect_quality_pb2 import InspectQuality
from darkroom.operations.v1.operation_pb2 import Operation
from darkroom.operations.v1.trim_edges_pb2 import TrimEdges
from services.gateway.surfaces.snapotter.calls.tool_calls import SETTINGS
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.names import Name
from services.gateway.surfaces.snapotter.tool import Plan, Tool
from services.gateway.surfaces.snapotter.tools.context import ToolContext
from services.gateway.surfaces.snapotter.tools.writing import QUALITY, convert_to, keep_format, round_half_up
from services.platform.identity import Identity

_FRAMES: Mapping[str, smart_crop_pb2.FaceFrame.ValueType] = {
    "closeup": smart_crop_pb2.FACE_FRAME_CLOSE_UP,
    "head-shoulders": smart_crop_pb2.FACE_FRAME_HEAD_AND_SHOULDERS,
    "upper-body": smart_crop_pb2.FACE_FRAME_UPPER_BODY,
    "half-body": smart_crop_pb2.FACE_FRAME_HALF_BODY,
}
_CORRECTIONS: Mapping[str, enhance_picture_pb2.Correction.ValueType] = {
    "exposure": enhance_picture_pb2.CORRECTION_EXPOSURE,
    "contrast": enhance_picture_pb2.CORRECTION_CONTRAST,
    "white_balance": enhance_picture_pb2.CORRECTION_WHITE_BALANCE,
    "saturation": enhance_picture_pb2.CORRECTION_SATURATION,
    "sharpness": enhance_picture_pb2.CORRECTION_SHARPNESS,
    "denoise": enhance_picture_pb2.CORRECTION_NOISE,
}
_LARGEST = 65535
_NO_SIZE = "Either width, height, or square mode must be specified"


def _smart_crop(settings: SmartCropSettings, name: str) -> Plan:
    """To the subject, to a face, or to what is within uniform edges."""
    parts, has_quality = Name.of(name), settings.HasField("quality")
    writing = keep_format(settings.quality if has_quality else QUALITY)
    return Plan([_cropping(settings), writing], f"{parts.stem}_smartcrop{parts.extension}", chooses_writing=has_quality)


def _cropping(settings: SmartCropSettings) -> Operation:
    if settings.mode in ("trim", "content"):
        trim = TrimEdges(
            threshold=settings.threshold,
            padding_percent=settings.padding,
            square=settings.pad_to_square,
            side=settings.target_size,
            color=settings.pad_color,
        )
        return Operation(trim_edges=trim)
    entropy = settings.strategy == "entropy"
    crop = smart_crop_pb2.SmartCrop(
        width=settings.width,
        height=settings.height,
        strategy=smart_crop_pb2.CROP_STRATEGY_ENTROPY if entropy else smart_crop_pb2.CROP_STRATEGY_ATTENTION,
    )
    if settings.mode == "face":
        crop.faces = _FRAMES[settings.face_preset]
        crop.face_sensitivity = settings.sensitivity
        crop.padding_percent = settings.padding
    return Operation(smart_crop=crop)


def _image_enhancement(settings: ImageEnhancementSettings, _name: str) -> Plan:
    chosen = settings.corrections if settings.HasField("corrections") else None
    enhance = enhance_picture_pb2.EnhancePicture(
        mode=enhance_picture_pb2.EnhanceMode.Value(f"ENHANCE_MODE_{settings.mode.upper().replace('-', '_')}"),
        intensity=settings.intensity,
        without=[] if chosen is None else [each for name, each in _CORRECTIONS.items() if not getattr(chosen, name)],
    )
    return Plan([Operation(enhance_picture=enhance), keep_format()])


def _analysis(_settings: AnalyzeImageSettings, _name: str) -> Plan:
    return Plan([Operation(inspect_quality=InspectQuality())])


async def _serve_analysis(context: ToolContext, tool: Tool, request: Request, identity: Identity) -> Response:
    """The findings of the operation, in other spelling. If a form has several files, the last one counts."""
    account_id = identity.account_id
    sent = await context.read(request, account_id, "last", holds=True)
    sent.fields.pop(SETTINGS, None)
    _, run = await context.calls.run(tool, request, account_id, sent)
    found = await context.document(account_id, run)
    scores, corrections = found["scores"], found["corrections"]
    return answer(
        {
            "scores": {"whiteBalance" if name == "white_balance" else name: score for name, score in scores.items()},
            "corrections": {"denoise" if name == "noise" else name: by for name, by in corrections.items()},
            "issues": found["issues"],
            "suggestedMode": found["suggested_mode"].replace("_", "-"),
        }
    )


def _content_aware_resize(settings: ContentAwareResizeSettings, name: str) -> Plan:
    """By seams. The result is a PNG."""
    carve = CarveSeams(
        width=_pixels(settings.width) if settings.HasField("width") else 0,
        height=_pixels(settings.height) if settings.HasField("height") else 0,
        square=settings.square,
        protect_faces=settings.protect_faces,
        blur=settings.blur_radius,
        edge_threshold=settings.sobel_threshold,
    )
    return Plan([Operation(carve_seams=carve), convert_to("png")], f"{Name.of(name).stem}_seam.png")


def _pixels(side: float) -> int:
    return max(1, round_half_up(min(side, _LARGEST)))


async def _serve_content_aware_resize(context: ToolContext, tool: Tool, request: Request, identity: Identity) -> Response:
    """The usual reply, with the size. If a form has several files, the last one counts."""
    account_id = identity.account_id
    sent = await context.read(request, account_id, "last")
    try:
        file, run = await context.calls.run(tool, request, account_id, sent)
    except Refusal as refusal:
        if refusal.status == 400 and isinstance(refusal.details, str) and _NO_SIZE in refusal.details:
            raise Refusal(400, _NO_SIZE) from None
        raise
    image = run.outputs[0].image
    return answer(context.body(account_id, run, file) | {"width": image.width, "height": image.height})


SMART_CROP = Tool("smart-crop", SmartCropSettings, _smart_crop, pipeline=True)
IMAGE_ENHANCEMENT = Tool("image-enhancement", ImageEnhancementSettings, _image_enhancement, pipeline=True)
IMAGE_ENHANCEMENT_ANALYZE = Tool(
    "image-enhancement-analyze", AnalyzeImageSettings, _analysis, failure_message="Analysis failed", serve=_serve_analysis
)
CONTENT_AWARE_RESIZE = Tool(
    "content-aware-resize",
    ContentAwareResizeSettings,
    _content_aware_resize,
    pipeline=True,
    failure_message="Content-aware resize failed",
    serve=_serve_content_aware_resize,
)
