"""The bodies of Claid's requests."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, Tag

from darkroom.operations.v1 import options_pb2
from services.pictures.media_format import MediaFormat, read_formats
from services.tasks.surfaces.claid.kinds import Model
from services.tasks.surfaces.claid.operation_models import Operations
from services.tasks.surfaces.claid.output_models import Output, output_object

__all__ = ["BatchEditRequest", "EditRequest", "Operations", "Output", "UploadRequest"]

LONGEST_INPUT = 4096
EXTENSIONS = frozenset(
    extension
    for each in (
        MediaFormat.BMP,
        MediaFormat.GIF,
        MediaFormat.JPEG,
        MediaFormat.PNG,
        MediaFormat.TIFF,
        MediaFormat.WEBP,
        MediaFormat.AVIF,
        MediaFormat.HEIC,
    )
    for extension in each.extensions
)
"""Those that the pictures in a folder may have."""
INPUTS = tuple(extension for each in read_formats(options_pb2.MEDIA_KIND_IMAGE) for extension in each.extensions)
"""Those that an input may have: of pictures, not of videos."""
MOST_INPUTS = 500

_Output = Annotated[Output, BeforeValidator(output_object, json_schema_input_type=Output | str)]
_INPUT = (
    "an http or https URL of a picture (BMP, GIF, JPEG, PNG, TIFF, WebP, AVIF or HEIC), storage://NAME/path for a file of a storage that "
    "the operator has configured, or storage://files/<id> for a file of your account"
)


class UploadRequest(Model):
    """The part `data` of an upload: an edit without `input`."""

    operations: Operations = Field(description="The changes to the picture; {} to change only its format.")
    output: _Output = Field(
        default_factory=Output, description="The format of the result, JPEG by default, and where it goes; a text is the destination."
    )


class EditRequest(UploadRequest):
    """An edit of one picture."""

    input: str = Field(min_length=1, max_length=LONGEST_INPUT, description=f"The picture: {_INPUT}.")


class Folder(Model):
    """A folder of pictures."""

    source: str = Field(min_length=1, max_length=LONGEST_INPUT, description="The folder, `storage://NAME/path/`, or a single picture.")
    recursive: bool = Field(False, description="Whether the folders in it count as well.")


def _inputs(value: Any) -> Any:
    """A list of pictures, or a folder as an object."""
    match value:
        case str():
            return {"source": value} if value.endswith("/") else [value]
        case list() if any(isinstance(one, str) and one.endswith("/") for one in value):
            raise ValueError("a list names pictures: name one folder in its place")
        case list():
            return value
        case {"source": str() as source, **options} if options.keys() <= {"recursive"}:
            recursive = options.get("recursive")
            if recursive in (None, False) and not source.endswith("/"):
                return [source]
            return {"source": source if source.endswith("/") else f"{source}/", "recursive": recursive}
        case _:
            raise ValueError("must be a text, a list of texts, or an object with source and recursive")


def _kind(value: Any) -> str:
    return "list" if isinstance(value, list) else "folder"


_Pictures = Annotated[list[Annotated[str, Field(min_length=1, max_length=LONGEST_INPUT)]], Field(min_length=1, max_length=MOST_INPUTS)]


class BatchEditRequest(UploadRequest):
    """The same edit of many pictures."""

    input: Annotated[
        Annotated[Folder, Tag("folder")] | Annotated[_Pictures, Tag("list")],
        Discriminator(_kind),
        BeforeValidator(_inputs, json_schema_input_type=str | list[str] | Folder),
    ] = Field(
        description=f"The pictures: a list of 1 to {MOST_INPUTS}, or a single one: {_INPUT}. Or a folder of a storage of kind s3, "
        f"`storage://NAME/path/`, with up to {MOST_INPUTS} pictures, which are known by their names.",
    )
