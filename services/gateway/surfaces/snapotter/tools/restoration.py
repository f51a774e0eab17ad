"""Tools that restore detail, colours and what is damaged."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from compat.snapotter.v1.enlarge_tools_pb2 import UpscaleSettings
from compat.snapotter.v1.eraser_tools_pb2 import EraseObjectSettings
from compat.snapotter.v1.restoration_tools_pb2 import ColorizeSettings, NoiseRemovalSettings, RestorePhotoSettings
from darkroom.operations.v1.colorize_pb2 import Colorize
from darkroom.operations.v1.erase_pb2 import Erase
from darkroom.operations.v1.operation_pb2 import Operation
from darkroom.operations.v1.remove_noise_pb2 import NoiseTier, RemoveNoise
from darkroom.operations.v1.resize_pb2 import Resize
from darkroom.operations.v1.restore_photo_pb2 import RestoreMode, RestorePhoto
from darkroom.operations.v1.upscale_pb2 import ENHANCEMENT_FACE, ENHANCEMENT_QUALITY, Upscale
from services.gateway.surfaces.snapotter.calls.tool_calls import NO_FILE, SETTINGS
from services.gateway.surfaces.snapotter.errors import Refusal
from services.gateway.surfaces.snapotter.names import Name
from services.gateway.surfaces.snapotter.runs import RunRecord
from services.gateway.surfaces.snapotter.tool import AsTask, FinishedJob, Plan, ReferencedFile, Sources, Tool
from services.gateway.surfaces.snapotter.tool_settings import INVALID, read_json, settings_of
from services.gateway.surfaces.snapotter.tools.context import ToolContext
from services.gateway.surfaces.snapotter.tools.writing import convert_to, extension_of, keep_format, round_half_up
from services.platform.identity import Identity

_FACTORS = (2, 3, 4, 8)
"""The effects of networks without a resize after them."""
_NOTHING = "none"
"""The method of what was not enlarged."""
_MASK = "mask"
_WHOLE = re.compile(r"[0-9]{1,9}")


def _upscale(settings: UpscaleSettings, name: str) -> Plan:
    parts, format_ = Name.of(name), extension_of(settings.format)
    as_kept = format_ == "auto"
    upscale = Upscale()
    if settings.scale in _FACTORS:
        upscale.factor = int(settings.scale)
    else:
        upscale.resize.CopyFrom(Resize(width_percent=100 * settings.scale))
    if settings.face_enhance:
        upscale.enhancements.append(ENHANCEMENT_FACE)
    if settings.denoise:
        upscale.enhancements.append(ENHANCEMENT_QUALITY)
    last = keep_format(round_half_up(settings.quality)) if as_kept else convert_to(format_, settings.quality)
    name = f"{parts.stem}_{settings.scale:g}x{parts.extension if as_kept else f'.{format_}'}"
    return Plan([Operation(upscale=upscale), last], name, chooses_writing=settings.HasField("quality"))


def _enlarged(job: FinishedJob) -> Mapping[str, object]:
    used = [json.loads(notice.details_json)["model"] for notice in job.run.notices if notice.code == "model_used" and notice.details_json]
    return _size(job) | {"method": used[-1] if used else _NOTHING}


def _size(job: FinishedJob) -> dict[str, object]:
    image = job.run.outputs[0].image
    return {"width": image.width, "height": image.height}


def _noise_removal(settings: NoiseRemovalSettings, name: str) -> Plan:
    parts, format_ = Name.of(name), extension_of(settings.format)
    as_kept = format_ == "original"
    noise = RemoveNoise(
        tier=NoiseTier.Value(f"NOISE_TIER_{settings.tier.upper()}"),
        strength=settings.strength,
        detail=settings.detail_preservation,
        color_noise=settings.color_noise,
    )
    # As a PNG, which has no quality, it keeps all its colours.
    quality = None if format_ == "png" else settings.quality
    return Plan(
        [Operation(remove_noise=noise), keep_format(round_half_up(settings.quality)) if as_kept else convert_to(format_, quality)],
        f"{parts.stem}_denoised{parts.extension if as_kept else f'.{format_}'}",
        chooses_writing=settings.HasField("quality") or not as_kept,
    )


def _restore_photo(settings: RestorePhotoSettings, name: str) -> Plan:
    parts = Name.of(name)
    restore = RestorePhoto(
        mode=RestoreMode.Value(f"RESTORE_MODE_{settings.mode.upper()}"),
        scratch_removal=settings.scratch_removal,
        face_enhancement=settings.face_enhancement,
        fidelity=settings.fidelity,
        denoise=settings.denoise,
        denoise_strength=settings.denoise_strength,
        colorize=settings.colorize,
    )
    return Plan([Operation(restore_photo=restore), keep_format()], f"{parts.stem}_restored{parts.extension}")


def _restored(job: FinishedJob) -> Mapping[str, object]:
    found = job.findings
    return _size(job) | {
        "steps": found["steps"],
        "scratchCoverage": found["scratch_coverage"],
        "facesEnhanced": found["faces_enhanced"],
        "isGrayscale": found["is_grayscale"],
        "colorized": found["colorized"],
    }


def _colorize(settings: ColorizeSettings, name: str) -> Plan:
    parts = Name.of(name)
    colorize = Colorize(intensity=settings.intensity)
    return Plan([Operation(colorize=colorize), keep_format()], f"{parts.stem}_colorized{parts.extension}")


def _colorized(job: FinishedJob) -> Mapping[str, object]:
    return _size(job) | {"method": job.findings["method"]}


def _erase_object(settings: EraseObjectSettings, name: str) -> Plan:
    """The caller of the operations gives the first one the mask."""
    parts, format_ = Name.of(name), extension_of(settings.format)
    as_kept = format_ == "auto"
    last = keep_format(settings.quality) if as_kept else convert_to(format_, settings.quality)
    return Plan([Operation(erase=Erase()), last], f"{parts.stem}_erased{parts.extension if as_kept else f'.{format_}'}")


def _erased(job: FinishedJob) -> Mapping[str, object]:
    return {"method": job.findings["method"]} if "method" in job.findings else {}


async def _serve_eraser(context: ToolContext, tool: Tool, request: Request, identity: Identity) -> Response:
    """A background task, of the parts `mask` and another picture. If there are several pictures, or masks, the last one counts."""
    account_id = identity.account_id
    sent = await context.forms.read(request, account_id, "all")
    async with context.calls.discarded_unless_run(account_id, sent):
        pictures, masks = ([file for file in sent.files if (file.part == _MASK) is masking] for masking in (False, True))
        if not pictures:
            raise Refusal(400, NO_FILE)
        if not masks:
            raise Refusal(400, "No mask image provided: send it in the part `mask`")
        picture, mask = pictures[-1], masks[-1]
        for file, what in ((picture, "image"), (mask, _MASK)):
            if file.problem:
                raise Refusal(400, f"Invalid {what}: {file.problem}")
        plan = tool.plan(settings_of(_given(sent.fields), tool.settings), picture.working_name)
        plan.operations[0].erase.mask_file_id = mask.file_id
        kept = RunRecord(tool.id, [picture.working_name], plan.name)
        reply = await context.background.begin(tool, account_id, sent, [picture.file_id], plan.operations, kept)
        await context.forms.discard_files(account_id, {*sent.file_ids} - {picture.file_id, mask.file_id})
    return reply


def _given(fields: Mapping[str, str]) -> object:
    """The settings: fields of the form count before those of the same name in its settings."""
    given = read_json(fields.get(SETTINGS, "").strip() or "{}")
    if not isinstance(given, dict):
        raise Refusal(400, INVALID, details="must be an object")
    alone = {name: fields[name] for name in ("format", "quality") if fields.get(name)}
    quality = alone.get("quality", "")
    return given | alone | ({"quality": int(quality)} if _WHOLE.fullmatch(quality) else {})


def _mask(_settings: Any, _operation: Operation, _sources: Sources) -> Sequence[ReferencedFile]:
    return [ReferencedFile(_MASK, "erase.mask_file_id")]


UPSCALE = Tool("upscale", UpscaleSettings, _upscale, pipeline=True, needs_models=True, failure_message="Upscaling failed", result=_enlarged)
NOISE_REMOVAL = Tool(
    "noise-removal",
    NoiseRemovalSettings,
    _noise_removal,
    pipeline=True,
    needs_models=True,
    failure_message="Noise removal failed",
    result=lambda _job: {},
)
RESTORE_PHOTO = Tool(
    "restore-photo",
    RestorePhotoSettings,
    _restore_photo,
    pipeline=True,
    needs_models=True,
    failure_message="Photo restoration failed",
    result=_restored,
)
COLORIZE = Tool(
    "colorize", ColorizeSettings, _colorize, pipeline=True, needs_models=True, failure_message="Colorization failed", result=_colorized
)
ERASE_OBJECT = Tool(
    "erase-object",
    EraseObjectSettings,
    _erase_object,
    needs_models=True,
    failure_message="Object erasing failed",
    serve=_serve_eraser,
    result=_erased,
    as_task=AsTask(complete=_mask),
)
