"""Read the timing of an animation."""

from __future__ import annotations

from darkroom.operations.v1.inspect_animation_pb2 import InspectAnimation
from services.inference.contract.flow import Data, WholeFile
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header
from services.inference.moving.reading import whole

_COPIES = 2


def peak_memory(picture: Header, _parameters: InspectAnimation) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES)


def run(file: WholeFile, _parameters: InspectAnimation, step: PlainStep) -> Data:
    """The facts in the file. Raises as `whole.facts`."""
    step.label("info")
    found = whole.facts(file.content, file.limits, file.hints)
    for note in found.notes:
        file.note(note)
    delays, loop = list(found.timing.delays), found.timing.loop
    return Data(
        {"width": found.width, "height": found.height, "pages": len(delays), "delay": delays, "loop": loop, "duration": sum(delays)}
    )
