"""Read the metadata of a picture file."""

from __future__ import annotations

from typing import Any

from darkroom.operations.v1.inspect_metadata_pb2 import InspectMetadata
from services.inference.contract.flow import Data, WholeFile
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.credentials.child import NEEDED
from services.inference.credentials.reading import credentials_in
from services.inference.media import Header
from services.inference.media.header import NO_HINTS, Hints
from services.inference.media.image import Limits
from services.inference.media.metadata_read import metadata_in
from services.inference.tagging import iptc_edit
from services.inference.tagging.edit import iptc_of
from services.pictures.media_format import MediaFormat, sniff
from services.platform.errors import DarkroomError

CHILD_IMPORTS = NEEDED


def all_metadata_in(data: bytes, limits: Limits, hints: Hints = NO_HINTS, trusted: str = "") -> dict[str, Any]:
    """The content of the message `InspectMetadata`. `trusted` are root certificates in PEM. Raises as `media.read_header`."""
    found, format_ = metadata_in(data, limits, hints), sniff(data)
    try:
        block = iptc_of(data, format_) if isinstance(format_, MediaFormat) else None
    except DarkroomError:
        # For a file that libvips reads as far as it goes.
        block = None
    said = iptc_edit.read_texts(block) if block else None
    credentials = credentials_in(data, format_, trusted) if isinstance(format_, MediaFormat) else None
    return found | ({"iptc": said} if said else {}) | ({"contentCredentials": credentials} if credentials else {})


_COPIES = 1  # of the decoded samples, which some decoders make with the header


def peak_memory(picture: Header, _parameters: InspectMetadata) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES)


def run(file: WholeFile, _parameters: InspectMetadata, step: PlainStep) -> Data:
    """The metadata of the file. Raises as `media.read_header`."""
    step.label("metadata")
    return Data(all_metadata_in(file.content, file.limits, file.hints, step.trusted_certificates))
