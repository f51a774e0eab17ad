"""Cut the subject out."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import PurePosixPath
from typing import Any, cast

from darkroom.operations.v1.cutout_effects_pb2 import CutoutEffects
from darkroom.operations.v1.remove_background_pb2 import (
    CUTOUT_FORMAT_WEBP,
    CUTOUT_QUALITY_FAST,
    RemoveBackground,
)
from services.inference.contract.flow import DATA_EXTENSION, DATA_TYPE, NewFile, NothingInFrames, Several
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.step import Step
from services.inference.matting import matting
from services.inference.matting.choice import choose
from services.inference.matting.effects import apply_effects
from services.inference.matting.matting import Cutout, CutoutOptions
from services.inference.matting.moving import cut_out_frames
from services.inference.matting.notices import FoundInFrames, tell_found
from services.inference.matting.tuning import of_subject
from services.inference.media import Effort, Header, Image, Saving, encode_into
from services.inference.moving.looking import after_looking, area_around
from services.inference.moving.model import Frame
from services.inference.plain.graph import Work
from services.inference.plain.layout import part
from services.pictures.geometry import Area
from services.pictures.media_format import MediaFormat

_DOING, _UNDONE = "Cutting out the subject", "it was not cut out"
_COPIES, _COPIES_OF_WIDE = 8, 12
"""Copies of the decoded samples, with 8 and with 16 bits, at the peak.

Measured by `python -m benchmarks --only needs`, including what does not depend on the size: 386 MiB for 24 megapixels (69 MiB of
samples) and 426 MiB for a gray picture of that size; 474 MiB for 12 megapixels of 16 bits with alpha (92 MiB).
"""


def peak_memory(picture: Header, _parameters: RemoveBackground) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES_OF_WIDE)


async def run(image: Image, parameters: RemoveBackground, step: Step) -> Image | Several:
    """The picture with alpha, or over a background; notices say what was not done, or should be checked."""
    step.label("cutout")
    step.report(0, _DOING)
    name = step.tools.models.cutout or await choose(step.tools.triton)
    cutout = await matting.remove_background(
        image, step.tools.triton.model(name), _options(parameters), progress=lambda done: step.report(done, _DOING), check=step.check
    )
    _tell(cutout, parameters, name, step)
    behind = None
    if parameters.background_file_id and cutout.anything:
        step.check()
        behind = await step.auxiliary(parameters.background_file_id)
    work = Work(step.folder, step.check)
    result = await asyncio.to_thread(_completed, image, cutout, parameters, behind, work)
    result = dataclasses.replace(result, saving=_saving(parameters))
    if not parameters.keep_original:
        return result
    found = json.dumps({"model": name, "found": cutout.anything}).encode()
    return Several(result, [await asyncio.to_thread(_original, image, step), NewFile(found, DATA_TYPE, DATA_EXTENSION)])


async def over_frames(frames: AsyncIterator[Frame], parameters: RemoveBackground, step: Step, frames_at_once: int) -> AsyncIterator[Frame]:
    """Each frame with alpha, or over a background, and edges that are steady from one to the next; notices follow the last one."""
    step.label("cutout")
    name = step.tools.models.cutout or await choose(step.tools.triton)
    behind = await step.auxiliary(parameters.background_file_id) if parameters.background_file_id else None
    work, saving, found, visible = Work(step.folder, step.check), _saving(parameters), FoundInFrames(), list[Area]()

    async def completed(frame: Frame, cutout: Cutout) -> Frame:
        found.add(cutout)
        if parameters.trim and (box := matting.box_if_visible(cutout.image)):
            visible.append(_area(*box))
        image = await asyncio.to_thread(_over_background, frame.image, cutout, parameters, behind, work)
        return dataclasses.replace(frame, image=dataclasses.replace(image, saving=saving))

    results = cut_out_frames(frames, step.tools.triton.model(name), _options(parameters), completed, frames_at_once, step.check)
    if parameters.trim:
        results = after_looking(
            results,
            step.folder,
            frames_at_once,
            lambda _: None,
            lambda _: area_around(visible) if visible else None,
            lambda image, area: image if area is None else part(image, area),
        )
    async with aclosing(cast(Any, results)):
        async for result in results:
            yield result
    found.tell(name, step.source_name, step.notice, empty="empty", undone=_UNDONE)
    _tell_not_done(parameters, step, cut=not found.nothing and not found.kept_alpha, anything=not found.nothing, shadow=found.shadows > 0)
    if parameters.keep_original:
        message = "Only the cut-out of a picture that does not move comes with its original."
        step.notice("not_applied", "keep_original", message, {"why": "several_frames"})
    if found.nothing:
        raise NothingInFrames


def _area(rows: slice, columns: slice) -> Area:
    return Area(int(columns.start), int(rows.start), int(columns.stop - columns.start), int(rows.stop - rows.start))


def _options(parameters: RemoveBackground) -> CutoutOptions:
    fast = parameters.quality == CUTOUT_QUALITY_FAST
    return CutoutOptions(of_subject(parameters.subject), refine=not fast, shadow=parameters.keep_shadow, look_again=not fast)


def _saving(parameters: RemoveBackground) -> Saving:
    format_ = MediaFormat.WEBP if parameters.format == CUTOUT_FORMAT_WEBP else MediaFormat.PNG
    return Saving(format_, Effort.LITTLE if parameters.quality == CUTOUT_QUALITY_FAST else Effort.USUAL)


def _completed(image: Image, cutout: Cutout, parameters: RemoveBackground, behind: Image | None, work: Work) -> Image:
    """The cut-out with its background and effects, if any, and cropped to the cut-out's visible box."""
    if not cutout.anything:
        return cutout.image
    result = _over_background(image, cutout, parameters, behind, work)
    return matting.crop(result, matting.visible_box(cutout.image)) if parameters.trim else result


def _over_background(image: Image, cutout: Cutout, parameters: RemoveBackground, behind: Image | None, work: Work) -> Image:
    # A picture that was already a cut-out has nothing behind it.
    original = None if cutout.kept_alpha else image
    effects = parameters.effects
    if original is None and effects.blur and behind is None:
        effects = CutoutEffects()
        effects.CopyFrom(parameters.effects)
        effects.blur = 0
    return apply_effects(cutout.image, original, parameters.background_color, behind, effects, work)


def _original(image: Image, step: Step) -> NewFile:
    """The original picture, as a file in the step's folder."""
    target = step.folder / "original"
    encode_into(target, image, Saving(MediaFormat.PNG, Effort.LITTLE))
    name = f"{PurePosixPath(step.source_name).stem or 'picture'}-original.png"
    return NewFile(target, MediaFormat.PNG.media_type, "png", name=name, width=image.width, height=image.height)


def _tell(cutout: Cutout, parameters: RemoveBackground, model: str, step: Step) -> None:
    tell_found(cutout, model, step.source_name, step.notice, undone=_UNDONE)
    _tell_not_done(parameters, step, cut=cutout.cut, anything=cutout.anything, shadow=cutout.shadow)


def _tell_not_done(parameters: RemoveBackground, step: Step, *, cut: bool, anything: bool, shadow: bool) -> None:
    """The notices about parameters that had no effect, by whether something was `cut` out, is `anything` of a cut-out, and has a shadow."""
    if parameters.keep_shadow and not shadow:
        message = f"No shadow on a plain background was found in {step.source_name}, so none was kept."
        if not cut:
            message = f"{step.source_name} was not cut out."
        step.notice("not_applied", "keep_shadow", message, {"why": "no_shadow" if cut else "not_cut_out"})
    for asked, what in (("background_color", "lay over a colour"), ("background_file_id", "lay over a picture"), ("trim", "crop it to")):
        if not anything and getattr(parameters, asked):
            message = f"{step.source_name} was not cut out, so there was nothing to {what}."
            step.notice("not_applied", asked, message, {"why": "not_cut_out"})
    if parameters.subject and parameters.quality == CUTOUT_QUALITY_FAST:
        message = "This option controls how edges are refined, and the fast quality does not refine them."
        step.notice("not_applied", "subject", message, {"why": "fast_quality"})
