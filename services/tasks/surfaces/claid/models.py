"""The bodies of Claid's requests."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from services.tasks.surfaces.claid.kinds import Model
from services.tasks.surfaces.claid.operation_models import Operations
from services.tasks.surfaces.claid.output_models import Output, output_object

__all__ = ["BatchEditRequest", "EditRequest", "Operations", "Output", "UploadRequest"]

LONGEST_INPUT = 4096
MOST_INPUTS = 500

_Output = Annotated[Output, BeforeValidator(output_object, json_schema_input_type=Output)]
_INPUT = (
    "an http or https URL of a picture (BMP, GIF, JPEG, PNG, TIFF, WebP, AVIF or HEIC), storage://NAME/path for a file of a storage that "
    "the operator has configured, or storage://files/<id> for a file of your account"
)


class UploadRequest(Model):
    """The part `data` of an upload: an edit without `input`."""

    operations: Operations = Field(description="The changes to the picture; {} to change only its format.")
    output: _Output = Field(default_factory=Output, description="The format of the result; JPEG by default.")


class EditRequest(UploadRequest):
    """An edit of one picture."""

    input: str = Field(min_length=1, max_length=LONGEST_INPUT, description=f"The picture: {_INPUT}.")


def _inputs(value: Any) -> Any:
    match value:
        case str():
            named: list[Any] = [value]
        case list():
            named = value
        case {"source": str() as source, **options} if options.keys() <= {"recursive"}:
            named = [source if options.get("recursive") in (None, False) else f"{source}/"]
        case _:
            raise ValueError("must be a text, a list of texts, or an object with source and recursive")
    if any(isinstance(one, str) and one.endswith("/") for one in named):
        raise ValueError("folders cannot be listed by this server: name each picture")
    return named


class BatchEditRequest(UploadRequest):
    """The same edit of many pictures."""

    input: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=LONGEST_INPUT)]],
        BeforeValidator(_inputs, json_schema_input_type=str | list[str]),
    ] = Field(
        min_length=1,
        max_length=MOST_INPUTS,
        description=f"The pictures: a list of 1 to {MOST_INPUTS}, or a single one: {_INPUT}. Folders are refused.",
    )
