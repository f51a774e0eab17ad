"""What both ways to a passport photo have in common."""

from __future__ import annotations

from compat.snapotter.v1.passport_tools_pb2 import GeneratePassportPhotoSettings, PassportPhotoSettings
from darkroom.operations.v1.passport_photo_pb2 import PassportPhoto
from services.gateway.surfaces.snapotter.errors import Refusal
from services.gateway.surfaces.snapotter.names import Name
from services.gateway.surfaces.snapotter.tools._numbers import rounded
from services.pictures.passport_photos import CountryPhoto, photo_for

_MOST_BYTES = 2**32 - 1
_MOST_TOLD = 20
_FARTHEST = 10.0
"""Photos away, there is nothing of the picture."""


def demanded(settings: GeneratePassportPhotoSettings | PassportPhotoSettings) -> CountryPhoto:
    """What the country demands. Raises `Refusal` for one that there is not, unless the settings have a width of their own."""
    photo = photo_for(settings.country_code, settings.custom_width_mm, settings.custom_height_mm)
    if photo is None:
        raise Refusal(400, f"Unknown country code: {settings.country_code[:_MOST_TOLD]}")
    return photo


def photo_of(settings: GeneratePassportPhotoSettings | PassportPhotoSettings) -> PassportPhoto:
    """The operation, without the head. Raises as `demanded`."""
    photo = demanded(settings)
    return PassportPhoto(
        country_code=photo.code if photo_for(settings.country_code) is not None else "",
        width_mm=photo.width_mm,
        height_mm=photo.height_mm,
        background_color=settings.bg_color,
        dpi=rounded(settings.dpi),
        zoom=settings.zoom,
        adjust_x=min(max(settings.adjust_x, -_FARTHEST), _FARTHEST),
        adjust_y=min(max(settings.adjust_y, -_FARTHEST), _FARTHEST),
        max_bytes=min(rounded(settings.max_file_size_kb * 1024), _MOST_BYTES),
    )


def photo_name(name: str) -> str:
    """Of the photo of a file."""
    return f"{Name.of(name).stem}_passport.jpg"


def sheet_name(name: str, layout: str) -> str:
    """Of the sheet beside it."""
    return f"{Name.of(name).stem}_passport_print_{layout}.jpg"
