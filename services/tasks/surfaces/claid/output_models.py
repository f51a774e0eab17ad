"""`output` of Claid's requests: format, metadata and destination of the result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from services.pictures.media_format import MediaFormat
from services.tasks.surfaces.claid.kinds import Model, text_or_object, unsupported_field

_FORMATS = ("jpeg", "png", "webp", "avif", "tiff")
# Which options belong to which format.
_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "jpeg": ("quality", "progressive"),
    "png": ("compression",),
    "webp": ("compression",),
    "avif": ("compression",),
    "tiff": ("compression",),
}
_GENERAL = "CMYK pictures have one general profile."
LONGEST_DESTINATION = 4096
_PRINTED = ("jpeg", "tiff")
_EFFORTS = ("fast", "optimal", "best")
_KINDS = ("lossy", "lossless")


class Compression(Model):
    """How a format is compressed."""

    type: Literal["lossy", "lossless", "fast", "optimal", "best"] = Field(
        description="For png: fast, optimal (default) or best. For webp, avif and tiff: lossy or lossless."
    )
    quality: int | None = Field(None, ge=1, le=100, description="For lossy: 1 to 100; by default 75 for webp and tiff, and 50 for avif.")

    @model_validator(mode="after")
    def _quality_of_lossy(self) -> Self:
        if self.quality is not None and self.type != "lossy":
            raise ValueError(f"quality belongs to the type lossy, not to {self.type}")
        return self


class Format(Model):
    """File format of the result, with its options."""

    type: Literal["jpeg", "png", "webp", "avif", "tiff"] = Field(description="The format.")
    quality: int | None = Field(None, ge=1, le=100, description="For jpeg: 1 to 100; 85 by default.")
    progressive: bool | None = Field(None, description="For jpeg: whether it appears coarse first; true by default.")
    compression: Annotated[
        Compression | None,
        BeforeValidator(
            text_or_object("type", *_EFFORTS, *_KINDS),
            json_schema_input_type=Literal["lossy", "lossless", "fast", "optimal", "best"] | Compression | None,
        ),
    ] = Field(
        None,
        description="For png: fast, optimal (default) or best. For webp and avif: lossy (default) or lossless. For tiff: lossy (JPEG), "
        "or lossless (default, LZW).",
    )

    @model_validator(mode="after")
    def _options_of_the_format(self) -> Self:
        for name in ("quality", "progressive", "compression"):
            if getattr(self, name) is not None and name not in _OPTIONS[self.type]:
                raise ValueError(f"{name} is not an option of {self.type}; supported: {' and '.join(_OPTIONS[self.type])}")
        if self.compression is not None:
            allowed = _EFFORTS if self.type == "png" else _KINDS
            if self.compression.type not in allowed:
                raise ValueError(f"compression of {self.type} must be one of {', '.join(allowed)}")
        return self


class ColorSpace(Model):
    """The colour space of the result."""

    type: Literal["RGB", "CMYK"] = Field(description="RGB, or CMYK for print, which jpeg and tiff can hold.")
    color_profile: unsupported_field(_GENERAL) = Field(None, description="The printing condition of CMYK: refused.")  # type: ignore[valid-type]


class Metadata(Model):
    """Metadata of the file."""

    dpi: int | None = Field(None, ge=1, le=65535, description="Pixels per inch for print, 1 to 65535.")
    color_space: Annotated[
        ColorSpace | None,
        BeforeValidator(text_or_object("type", "RGB", "CMYK"), json_schema_input_type=Literal["RGB", "CMYK"] | ColorSpace | None),
    ] = Field(None, description="RGB or CMYK; by default that of the input.")


class Output(Model):
    """The format of the result, and where it goes."""

    destination: str | None = Field(
        None,
        min_length=1,
        max_length=LONGEST_DESTINATION,
        description="Where the result goes, in a storage that the operator has made writable: `storage://NAME/path/file.jpg`, or "
        "`storage://NAME/path/` for a folder, in which it has the name of the input. By default it is kept behind `tmp_url`.",
    )
    format: Annotated[
        Format,
        BeforeValidator(text_or_object("type", *_FORMATS), json_schema_input_type=Literal["jpeg", "png", "webp", "avif", "tiff"] | Format),
    ] = Field(default_factory=lambda: Format(type="jpeg"), description="jpeg (default), png, webp, avif, tiff, or an object with options.")
    metadata: Metadata = Field(default_factory=Metadata, description="Metadata of the file.")

    @property
    def extension(self) -> str:
        """The end of the result's file name, without a dot."""
        return MediaFormat(self.format.type).extension

    @model_validator(mode="after")
    def _cmyk_for_print(self) -> Self:
        space = self.metadata.color_space
        if space is not None and space.type == "CMYK" and self.format.type not in _PRINTED:
            raise ValueError(f"metadata.color_space CMYK needs the format {' or '.join(_PRINTED)}, not {self.format.type}")
        return self


def output_object(value: Any) -> Any:
    """Turns a text, which is a destination, into an object."""
    if isinstance(value, str):
        return {"destination": value}
    if isinstance(value, Mapping | Output):
        return value
    raise ValueError("must be an object, or a text: the destination")
