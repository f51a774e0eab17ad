"""Change what a picture file says besides its picture."""

from __future__ import annotations

from darkroom.operations.v1.edit_metadata_pb2 import EditMetadata
from services.inference.contract.flow import NewFile, WholeFile
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, read_header
from services.inference.tagging.changes import Changes, Place, RemovedTags
from services.inference.tagging.dates import exif_date
from services.inference.tagging.edit import edit_tags
from services.platform.errors import DarkroomError, ErrorReason

_COPIES = 1  # of the decoded samples, which some decoders make with the header


def peak_memory(picture: Header, _parameters: EditMetadata) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES)


def run(file: WholeFile, parameters: EditMetadata, step: PlainStep) -> NewFile:
    """The file with changes. Raises as `media.read_header` and `edit_tags`."""
    step.label("tagged")
    content, changes = file.content, _changes(parameters)
    header = read_header(content, file.limits, file.hints)
    step.report(0.5, "Writing metadata")
    written = edit_tags(content, header.format, changes)
    return NewFile(written, header.format.media_type, header.format.extension, width=header.width, height=header.height)


def _changes(parameters: EditMetadata) -> Changes:
    return Changes(
        title=parameters.title,
        artist=parameters.artist,
        copyright=parameters.copyright,
        description=parameters.description,
        software=parameters.software,
        modified_at=_date(parameters.modified_at),
        taken_at=_date(parameters.taken_at),
        all_dates=_date(parameters.all_dates),
        shift_minutes=parameters.shift_dates_minutes,
        place=_place(parameters),
        without_place=parameters.remove_location,
        object_name=parameters.object_name,
        headline=parameters.headline,
        city=parameters.city,
        state=parameters.state,
        country=parameters.country,
        keywords=tuple(parameters.keywords),
        replace_keywords=parameters.replace_keywords and bool(parameters.keywords),
        removed_tags=RemovedTags(tuple(parameters.remove_tags)),
    )


def _place(parameters: EditMetadata) -> Place | None:
    if not parameters.HasField("latitude"):
        return None
    return Place(parameters.latitude, parameters.longitude, parameters.altitude if parameters.HasField("altitude") else None)


def _date(text: str) -> str:
    """Raises `FIELD_INVALID` for a day that its month does not have."""
    date = exif_date(text) if text else ""
    if date is None:
        raise DarkroomError(ErrorReason.FIELD_INVALID, f"{text} is not a valid date.")
    return date
