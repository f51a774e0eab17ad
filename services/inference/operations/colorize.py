"""Give a gray picture colours."""

from __future__ import annotations

from darkroom.operations.v1.colorize_pb2 import Colorize
from services.inference.colouring.network import choose, with_colours
from services.inference.contract.flow import DATA_EXTENSION, DATA_TYPE, Data, NewFile, Several
from services.inference.contract.step import Step
from services.inference.media import Header, Image
from services.platform.errors import DarkroomError, ErrorReason

_WORK = 96 << 20
"""Bytes for a strip in CIELAB, and for the network's input and output."""


def peak_memory(picture: Header, _parameters: Colorize) -> int:
    """Bytes at the peak."""
    # The picture, read and upright; in sRGB with 8 bits for the network; and, with its own bits, in sRGB, coloured, and being written.
    colours = 3 * picture.width * picture.height
    return 2 * picture.samples_bytes + colours + 3 * colours * (2 if picture.wide else 1) + _WORK


async def run(image: Image, parameters: Colorize, step: Step) -> Several:
    """The picture with colours, and what gave them.

    Raises OPERATION_UNAVAILABLE where no network for it is installed, and as `Triton.infer`.
    """
    step.label("colorized")
    intensity = parameters.intensity if parameters.HasField("intensity") else 1.0
    network = await choose(step)
    if network is None:
        message = "This installation has no colourisation model; the operator can install one."
        raise DarkroomError(ErrorReason.OPERATION_UNAVAILABLE, message)
    step.report(0, "Finding colours")
    result = await with_colours(image, network, intensity, step)
    return Several(result, [NewFile(Data({"method": network.name}).content, DATA_TYPE, DATA_EXTENSION)])
