"""A portrait without its background."""

from __future__ import annotations

from services.inference.contract.progress import Report
from services.inference.contract.step import Step
from services.inference.matting import matting
from services.inference.matting.choice import choose
from services.inference.matting.matting import CutoutOptions
from services.inference.matting.notices import tell_found
from services.inference.matting.tuning import PORTRAIT
from services.inference.media import Image

_DOING = "Removing the background"


async def without_background(image: Image, step: Step, report: Report) -> Image:
    """The picture as a cut-out, or unchanged if no subject is found; a notice then says so."""
    name = step.tools.models.cutout or await choose(step.tools.triton)
    cutout = await matting.remove_background(
        image, step.tools.triton.model(name), CutoutOptions(PORTRAIT), progress=lambda done: report(done, _DOING), check=step.check
    )
    tell_found(cutout, name, step.source_name, step.notice, undone="its background was not replaced")
    return cutout.image
