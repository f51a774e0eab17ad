"""`operations` of Claid's requests: what is done to a picture."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from services.tasks.surfaces.claid.kinds import (
    Colour,
    Model,
    PaddingText,
    Percent,
    Side,
    switch,
    text_or_object,
    unsupported_field,
)

_FITS = ("crop", "cover", "bounds", "canvas")
_CATEGORIES = ("general", "products", "cars")
_UPSCALES = ("smart_enhance", "smart_resize", "faces", "digital_art", "photo")
_GENERATES = "it generates picture content. Use crop, cover, bounds or canvas."
_NAMED_OBJECT = "it selects an object by a description in words."


class Fit(Model):
    """How the picture is brought into the size. It is never stretched."""

    type: Literal["crop", "cover", "bounds", "canvas"] = Field(
        "crop",
        description="crop: covers the size, and what stands out is cut off. cover: covers the size, and one side may be longer. "
        "bounds: fits inside the size. canvas: fits inside the size, and the rest is filled with `background.color`.",
    )
    crop: Literal["center", "smart"] | None = Field(
        None, description="For crop: cut off evenly on both sides (center, default), or around the part that draws most attention (smart)."
    )
    feathering: unsupported_field(_GENERATES) = Field(None, description="A setting of outpaint: refused.")  # type: ignore[valid-type]
    outpaint_by: unsupported_field(_GENERATES) = Field(None, description="A setting of outpaint: refused.")  # type: ignore[valid-type]

    @model_validator(mode="after")
    def _crop_of_crop(self) -> Self:
        if self.crop is not None and self.type != "crop":
            raise ValueError(f"crop belongs to the type crop, not to {self.type}")
        return self


class Resizing(Model):
    """The size of the result. Without width and height the size does not change."""

    width: Side = Field(
        None, description='Pixels, a percentage of the input such as "200%", or "auto" (default): from the height, keeping the ratio.'
    )
    height: Side = Field(None, description="As `width`. Both must be pixels or the same percentage, or one of them auto.")
    fit: Annotated[
        Fit,
        BeforeValidator(
            text_or_object("type", *_FITS, lacking={"outpaint": _GENERATES}),
            json_schema_input_type=Literal["crop", "cover", "bounds", "canvas"] | Fit,
        ),
    ] = Field(
        default_factory=Fit,
        description="How the picture is brought into the size; crop by default. With one side and fit crop, the other side stays "
        "unchanged and the picture is cropped; with any other fit, the ratio is kept.",
    )

    @model_validator(mode="after")
    def _same_kind(self) -> Self:
        if self.width is None or self.height is None:
            return self
        if isinstance(self.width, Percent) != isinstance(self.height, Percent):
            raise ValueError('width and height must both be pixels or both percentages, or one of them "auto"')
        if isinstance(self.width, Percent) and self.width != self.height:
            raise ValueError('width and height must be the same percentage, or one of them "auto"')
        return self


class ProductsCategory(Model):
    """The older form of the category products."""

    type: Literal["general", "products", "cars"] = Field(description="The category.")
    version: Literal["1", "2", "3"] | None = Field(None, description="A version of Claid's own model; it makes no difference here.")


Category = Annotated[
    ProductsCategory,
    BeforeValidator(text_or_object("type", *_CATEGORIES), json_schema_input_type=Literal["general", "products", "cars"] | ProductsCategory),
]


class Removal(Model):
    """Options of `background.remove`."""

    category: Category | None = Field(
        None, description="The kind of picture: general, products or cars; products by default. It decides how edges are treated."
    )
    clipping: bool = Field(False, description="Crop to the bounds of the object.")
    selective: unsupported_field(_NAMED_OBJECT) = Field(None, description="Keep an object by its description: refused.")  # type: ignore[valid-type]


class Blurring(Model):
    """Options of `background.blur`."""

    category: Category | None = Field(None, description="The kind of picture: general, products or cars; products by default.")
    type: Literal["regular", "lens"] = Field("regular", description="regular: an even Gaussian blur. lens: discs, as of a fast lens.")
    level: Literal["low", "medium", "high"] = Field("medium", description="How strong it is, relative to the size of the picture.")
    selective: unsupported_field(_NAMED_OBJECT) = Field(None, description="Keep an object by its description: refused.")  # type: ignore[valid-type]


class Background(Model):
    """Changes to everything except the object."""

    remove: Annotated[Removal | None, BeforeValidator(switch("remove"), json_schema_input_type=bool | Removal | None)] = Field(
        None, description="Remove the background: true, false (default) or options."
    )
    blur: Annotated[Blurring | None, BeforeValidator(switch("blur"), json_schema_input_type=bool | Blurring | None)] = Field(
        None, description="Blur the background: true, false (default) or options. Not together with `remove`."
    )
    color: Colour | None = Field(
        None,
        description="Colour behind the object, of a canvas and of padding: as # and six hexadecimal digits, or transparent, which PNG, "
        "WebP and AVIF can hold; it is white in other formats. By default white, or transparent if the input has transparency.",
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if self.remove is not None and self.blur is not None:
            raise ValueError("remove and blur exclude each other: a background that is removed cannot be blurred")
        return self


class Hdr(Model):
    """Options of `adjustments.hdr`."""

    intensity: int = Field(100, ge=0, le=100, description="How much light and colour are evened out: 0 to 100, by default 100.")
    stitching: bool = Field(False, description="The left and right edges meet, as in a panorama of 360°: leave no seam there.")


def _hdr(value: Any) -> Any:
    return {"intensity": value} if isinstance(value, int) and not isinstance(value, bool) else value


class Adjustments(Model):
    """Light and colour, relative to the picture."""

    hdr: Annotated[Hdr, BeforeValidator(_hdr, json_schema_input_type=Annotated[int, Field(ge=0, le=100)] | Hdr)] = Field(
        default_factory=lambda: Hdr(intensity=0),
        description="Balance of light and colour: 0 (default) to 100, or an object, whose intensity is 100 by default.",
    )
    exposure: int = Field(0, ge=-100, le=100, description="Brightness, -100 to 100; 0 by default.")
    saturation: int = Field(0, ge=-100, le=100, description="Strength of colours, -100 to 100; 0 by default.")
    contrast: int = Field(0, ge=-100, le=100, description="Difference of light and dark, -100 to 100; 0 by default.")
    sharpness: int = Field(0, ge=0, le=100, description="Sharpness of edges, 0 (default) to 100.")


class PhotoUpscale(Model):
    """A version of the upscale photo."""

    type: Literal["smart_enhance", "smart_resize", "faces", "digital_art", "photo"] = Field(description="photo.")
    version: Literal["1", "2", "3"] | None = Field(None, description="For photo. 3 also removes noise and restores detail.")

    @model_validator(mode="after")
    def _version_of_photo(self) -> Self:
        if self.version is not None and self.type != "photo":
            raise ValueError(f"version belongs to the type photo, not to {self.type}")
        return self


class Restorations(Model):
    """Repairs."""

    decompress: Literal["moderate", "strong", "auto"] | None = Field(
        None, description="Remove the artefacts of JPEG compression: moderate, strong, or auto, which does nothing where there are none."
    )
    upscale: Annotated[
        PhotoUpscale | None,
        BeforeValidator(
            text_or_object("type", *_UPSCALES),
            json_schema_input_type=Literal["smart_enhance", "smart_resize", "faces", "digital_art", "photo"] | PhotoUpscale | None,
        ),
    ] = Field(
        None,
        description="Enlarge with a neural network to the size that `resizing` asks for: smart_enhance and digital_art also remove "
        "noise and restore detail, faces also enhances faces, smart_resize and photo do nothing else. By default enlarging interpolates.",
    )
    polish: bool = Field(False, description="Sharpen detail and remove noise, without changing the size.")


class Privacy(Model):
    """Claid's operations of privacy, which this server does not have."""

    blur_car_plate: unsupported_field("there is no model for licence plates.") = Field(None, description="Blur licence plates: refused.")  # type: ignore[valid-type]
    identity_crop: unsupported_field("there is no model for the features of faces.") = Field(None, description="Cut off faces: refused.")  # type: ignore[valid-type]


class Generative(Model):
    """Claid's generative operations, which this server does not have."""

    style_transfer: unsupported_field("it generates picture content.") = Field(None, description="Redraw in another style: refused.")  # type: ignore[valid-type]


class Operations(Model):
    """The changes to the picture; all members are optional."""

    restorations: Restorations = Field(default_factory=Restorations, description="Repairs and enlargement.")
    resizing: Resizing = Field(default_factory=Resizing, description="The size of the result.")
    background: Background = Field(default_factory=Background, description="Changes to everything except the object.")
    adjustments: Adjustments = Field(default_factory=Adjustments, description="Light and colour.")
    padding: PaddingText | None = Field(
        None,
        description='Space around the picture, or around the object that was clipped: "10%" on all sides, or "5% 25%" above and below, '
        "and left and right; below 50% each.",
    )
    privacy: Privacy = Field(default_factory=Privacy, description="Refused, except false.")
    generative: Generative = Field(default_factory=Generative, description="Refused, except null.")
