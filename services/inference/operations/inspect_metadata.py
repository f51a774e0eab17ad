"""Read the metadata of a picture file."""

from __future__ import annotations

from darkroom.operations.v1.inspect_metadata_pb2 import InspectMetadata
from services.inference.contract.flow import Data, WholeFile
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header
from services.inference.tagging.read import all_metadata_in

_COPIES = 1  # of the decoded samples, which some decoders make with the header


def peak_memory(picture: Header, _parameters: InspectMetadata) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES)


def run(file: WholeFile, _parameters: InspectMetadata, step: PlainStep) -> Data:
    """The metadata of the file. Raises as `media.read_header`."""
    step.label("metadata")
    return Data(all_metadata_in(file.content, file.limits, file.hints))
