"""The accepted inputs of a model."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from services.tasks.surfaces.fal.parameters import whole_number

LARGEST_SIDE = 4096
SMALLEST_SIDE = 64
MOST_PICTURES = 4

Integer = Annotated[int, BeforeValidator(whole_number)]
"""An integer, which may be sent as a string."""


class Common(BaseModel):
    """The common inputs of all models."""

    model_config = ConfigDict(extra="forbid", strict=True)

    priority: Integer | None = Field(
        None,
        description="Requests of the account with a higher priority run first; 0 by default. Values are limited to -1000 to 1000.",
    )
    batch_size: Integer | None = Field(
        None, ge=1, le=MOST_PICTURES, description="Number of pictures to generate; 1 by default. Other models accept only 1."
    )


class ZImage(Common):
    """The input of `z-image-text-to-image`, and of `z-image-image-edit` except its pictures."""

    prompt: str = Field(min_length=1, max_length=32_000, description="The picture to draw, or the change to make.")
    negative_prompt: str | None = Field(None, max_length=32_000, description="Things to leave out.")
    width: Integer | None = Field(
        None, ge=SMALLEST_SIDE, le=LARGEST_SIDE, description="Width of the result in pixels; with `height`, or neither."
    )
    height: Integer | None = Field(
        None, ge=SMALLEST_SIDE, le=LARGEST_SIDE, description="Height of the result in pixels; with `width`, or neither."
    )


class Input(BaseModel):
    """The input of a model: the fields below that it has and, if it is an operation, the parameters of the operation by their names in the
    native API. A number or a boolean may be a string, and a value of an enumeration is its name without the prefix, in any case: `product`
    for `SUBJECT_PRODUCT`. Fields that the model does not have are refused."""

    model_config = ConfigDict(extra="allow")

    prompt: str | None = Field(None, description="The picture to draw, or the change to make; models that generate need it.")
    negative_prompt: str | None = Field(None, description="Things to leave out.")
    width: int | str | None = Field(None, description="Width of the result in pixels.")
    height: int | str | None = Field(None, description="Height of the result in pixels.")
    batch_size: int | str | None = Field(None, description="Number of pictures to generate, 1 to 4; 1 by default.")
    priority: int | str | None = Field(None, description="Requests of the account with a higher priority run first; 0 by default.")
    image_url: str | None = Field(
        None, description="The picture: an http or https URL, a data URI, `storage://files/<id>`, or `storage://NAME/path`."
    )
    image_urls: list[str] | None = Field(None, description="Several pictures, each as in `image_url`.")
    pdf_url: str | None = Field(None, description="The document, for models that take a PDF.")
    input_urls: list[str] | None = Field(None, description="Files of whatever kind the model takes, each as in `image_url`.")
    file_id: int | str | None = Field(None, description="A file of the account.")
    file_ids: list[int | str] | None = Field(None, description="Files of the account.")
