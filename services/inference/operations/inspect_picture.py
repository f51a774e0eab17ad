"""Read the properties of a picture file."""

from __future__ import annotations

from darkroom.operations.v1.inspect_picture_pb2 import InspectPicture
from services.inference.contract.flow import Data, WholeFile
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header
from services.inference.media.inspection import inspect_picture

_COPIES = 3  # of the decoded samples: the picture, and it in sRGB, twice for a file that libvips cannot read


def peak_memory(picture: Header, _parameters: InspectPicture) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES)


def run(file: WholeFile, _parameters: InspectPicture, step: PlainStep) -> Data:
    """The properties of the file. Raises as `media.decode`."""
    step.label("info")
    return Data(inspect_picture(file.content, file.limits, file.hints))
