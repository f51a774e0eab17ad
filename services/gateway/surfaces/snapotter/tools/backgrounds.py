"""Tools that cut out a subject, and change what is behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from compat.snapotter.v1.background_tools_pb2 import (
    RemoveBackgroundEffectsSettings,
    RemoveBackgroundSettings,
    TransparencyFixerSettings,
)
from darkroom.operations.v1 import convert_pb2
from darkroom.operations.v1.compose_cutout_pb2 import ComposeCutout
from darkroom.operations.v1.cutout_effects_pb2 import CutoutEffects
from darkroom.operations.v1.fix_transparency_pb2 import FixTransparency
from darkroom.operations.v1.operation_pb2 import Operation
from darkroom.operations.v1.remove_background_pb2 import RemoveBackground
from services.gateway.surfaces.snapotter.calls.tool_calls import SETTINGS
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.names import Name, clean_name
from services.gateway.surfaces.snapotter.runs import RunRecord
from services.gateway.surfaces.snapotter.tool import AsTask, FinishedJob, Plan, ReferencedFile, Sources, Tool
from services.gateway.surfaces.snapotter.tools.context import ToolContext, settings_in
from services.gateway.surfaces.snapotter.tools.writing import convert_to
from services.platform.identity import Identity

_PICTURE = "backgroundImage"
"""The part of a form with a picture to go behind the subject."""
_LEAST_BLUR = 0.01


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """The layers behind and around a subject, in the form of operations."""

    color: str
    """Empty for none."""
    effects: CutoutEffects
    picture: bool
    """Whether a picture of the caller's goes behind the subject."""


def _surroundings(settings: RemoveBackgroundSettings | RemoveBackgroundEffectsSettings, *, has_picture: bool) -> _Surroundings:
    """The effects of the settings, with or without a picture to go behind the subject. Without it, the type `image` is transparent."""
    kind = settings.background_type
    picture = kind == "image" and has_picture
    effects = CutoutEffects(shadow=settings.shadow_opacity if settings.shadow_enabled else 0)
    if kind == "gradient":
        effects.gradient_from, effects.gradient_to = settings.gradient_color1, settings.gradient_color2
        effects.gradient_angle = settings.gradient_angle
    if kind == "blur" or (settings.blur_enabled and (picture or kind == "transparent")):
        # A blur of nothing still shows what is behind.
        effects.blur = max(settings.blur_intensity, _LEAST_BLUR)
    return _Surroundings(settings.background_color if kind == "color" else "", effects, picture)


def _remove_background(settings: RemoveBackgroundSettings, name: str) -> Plan:
    """With effects."""
    around = _surroundings(settings, has_picture=False)
    removal = RemoveBackground(background_color=around.color, effects=around.effects)
    return Plan([Operation(remove_background=removal), convert_to("png")], f"{Name.of(name).stem}_nobg.png")


def _first_step(_settings: RemoveBackgroundSettings, name: str) -> Plan:
    """The operations of the first of two steps: the second one has the effects."""
    stem = Name.of(name).stem
    removal = RemoveBackground(keep_original=True)
    return Plan([Operation(remove_background=removal), convert_to("png")], f"{stem}_mask.png", others=[f"{stem}_original.png"])


def _cut_out(job: FinishedJob) -> Mapping[str, object]:
    """Where both pictures are, and the network."""
    source = job.inputs[0] if job.inputs else ""
    return {
        "maskUrl": job.download(job.name),
        "originalUrl": job.download(f"{Name.of(source).stem}_original.png"),
        "filename": source,
        "model": job.findings.get("model", ""),
    }


def _complete(settings: RemoveBackgroundSettings, operation: Operation, _sources: Sources) -> Sequence[ReferencedFile]:
    if settings.background_type != "image":
        return ()
    operation.remove_background.effects.CopyFrom(_surroundings(settings, has_picture=True).effects)
    return [ReferencedFile(_PICTURE, "remove_background.background_file_id")]


def _effects(settings: RemoveBackgroundEffectsSettings, name: str, original_id: int = 0, picture_id: int = 0) -> Plan:
    """The operations, of the cut-out; with the ids of what it was cut out of and of a picture for the background."""
    around = _surroundings(settings, has_picture=bool(picture_id))
    composing = ComposeCutout(
        original_file_id=original_id,
        background_color=around.color,
        background_file_id=picture_id if around.picture else 0,
        effects=around.effects,
    )
    return Plan([Operation(compose_cutout=composing), convert_to("png")], f"{Name.of(name).stem}_nobg.png")


async def _serve_effects(context: ToolContext, tool: Tool, request: Request, identity: Identity) -> Response:
    """Another background for a subject that a job has cut out. No model is needed, so none is asked for."""
    account_id = identity.account_id
    async with context.form(request, account_id, "all") as sent:
        if not sent.fields.get(SETTINGS, "").strip():
            raise Refusal(400, "No settings provided")
        settings = settings_in(sent, tool)
        pictures = [file for file in sent.files if file.part == _PICTURE]
        if pictures and pictures[-1].problem:
            raise Refusal(400, f"Invalid image: {pictures[-1].problem}")
        picture_id = pictures[-1].file_id if pictures else 0
        _, cut = await context.run_of_job(account_id, settings.job_id, REMOVE_BACKGROUND.id, tool.failure_message)
        # A picture without a subject may have no original in its result either.
        original_id = cut.outputs[1].id if len(cut.outputs) > 1 else 0
        name = clean_name(settings.filename)
        plan = _effects(settings, name, original_id, picture_id)
        kept = RunRecord(tool.id, [name], plan.name, exact=True)
        run = await context.run(tool, request, account_id, [cut.outputs[0].id], plan.operations, kept, unusable=tool.failure_message)
        await context.forms.discard_files(account_id, {*sent.file_ids} - {picture_id})
    body = context.body(account_id, run)
    return answer({name: body[name] for name in ("jobId", "downloadUrl", "processedSize")})


def _transparency_fixer(settings: TransparencyFixerSettings, name: str) -> Plan:
    """Transparency that is painted, or lost, is made real."""
    webp = settings.output_format == "webp"
    convert = convert_pb2.Convert(
        format=convert_pb2.PICTURE_FORMAT_WEBP if webp else convert_pb2.PICTURE_FORMAT_PNG,
        color_space=convert_pb2.COLOR_SPACE_RGB,
        strip_metadata=True,
        quick=True,
    )
    if webp:
        convert.lossless = True
    operations = [Operation(fix_transparency=FixTransparency(defringe=settings.defringe)), Operation(convert=convert)]
    return Plan(operations, f"{Name.of(name).stem}_fixed.{settings.output_format}")


REMOVE_BACKGROUND = Tool(
    "remove-background",
    RemoveBackgroundSettings,
    _remove_background,
    pipeline=True,
    needs_models=True,
    failure_message="Background removal failed",
    result=_cut_out,
    further_parts=(_PICTURE,),
    alone=_first_step,
    as_task=AsTask(complete=_complete),
)
REMOVE_BACKGROUND_EFFECTS = Tool(
    "remove-background-effects",
    RemoveBackgroundEffectsSettings,
    _effects,
    failure_message="Background effects failed",
    serve=_serve_effects,
    as_task=AsTask(instead="It works on what a job has cut out. Plan remove-background, which has the same effects."),
)
TRANSPARENCY_FIXER = Tool(
    "transparency-fixer",
    TransparencyFixerSettings,
    _transparency_fixer,
    pipeline=True,
    needs_models=True,
    failure_message="Transparency fix failed",
    result=lambda job: {"filename": job.name},
)
