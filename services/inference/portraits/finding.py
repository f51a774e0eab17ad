"""The face of a portrait, and the notices about it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from services.inference.contract.progress import Report
from services.inference.contract.step import Step
from services.inference.faces.detection import DETECTOR
from services.inference.faces.finding import least_score
from services.inference.faces.mesh import MESH, find_meshes
from services.inference.media import Image
from services.inference.portraits.landmarks import Mesh, Portrait
from services.pictures.passport_photos import NO_FACE
from services.platform.errors import DarkroomError, ErrorReason

_DOING = "Looking for the face"
_UNSURE = {"crown": "the top of the hair was not found", "turned": "the face looks to one side"}


@dataclass(frozen=True, slots=True)
class Largest:
    """The largest face of a picture."""

    mesh: Mesh
    of: int
    """How many faces there are."""


async def largest_face(image: Image, step: Step, report: Report) -> Largest:
    """The face whose points are known, largest first. Raises MEDIA_UNSUPPORTED if there is none."""
    report(0, _DOING)
    triton = step.tools.triton
    pixels = await asyncio.to_thread(image.srgb)
    found = await find_meshes(
        pixels, triton.model(DETECTOR), triton.model(MESH), least_score(None), step.check, lambda done: report(done, _DOING)
    )
    sure = [each for each in found if each.fits]
    if not sure:
        raise DarkroomError(ErrorReason.MEDIA_UNSUPPORTED, f"{NO_FACE}.")
    return Largest(sure[0].points, len(found))


def tell_portrait(portrait: Portrait, faces: int, step: Step) -> None:
    """Notices about what should be looked at."""
    name = step.source_name
    if faces > 1:
        step.notice("several_faces", "", f"{name} has {faces} faces; the largest one was used.", {"faces": faces})
    if portrait.crown_cut:
        step.notice("crown_cut", "", f"{name} cuts off the top of the head, so the position of the crown is a guess.")
    reasons = [reason for reason, holds in (("crown", not portrait.crown_seen), ("turned", portrait.turned)) if holds]
    if reasons:
        crown, eyes, chin = (round(portrait.points[each][1]) for each in ("crown", "eyeCenter", "chin"))
        why = " and ".join(_UNSURE[each] for each in reasons)
        places = f"the crown was taken to be at row {crown} of pixels, the eyes at {eyes}, and the chin at {chin}"
        message = f"The head in {name} could not be measured surely, since {why}: {places}."
        step.notice("head_unsure", "", message, {"reasons": reasons, "crown": crown, "eyes": eyes, "chin": chin})
