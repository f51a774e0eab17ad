"""The notes about pictures as they are read."""

from __future__ import annotations

from services.platform.wordings import Wordings

FIRST_FRAME = "Only the first of {frames} frames or pages was used."
CONVERTED = "The colours were converted from {space} to sRGB."
PROFILE_DAMAGED = "The embedded colour profile is damaged or does not fit the picture; sRGB was assumed."
PROFILE_OF_TABLES = "The colours were converted to sRGB: the embedded profile describes them by tables."

NOTES = Wordings(
    {
        "first_frame": FIRST_FRAME,
        "converted": CONVERTED,
        "profile_damaged": PROFILE_DAMAGED,
        "profile_of_tables": PROFILE_OF_TABLES,
    }
)
