"""The notes about pictures as they are read and written."""

from __future__ import annotations

from typing import Any

from services.platform.wordings import Wordings

FIRST_FRAME = "Only the first of {frames} frames or pages was used."
FIRST_OF_UNCOUNTED = "Only the first frame was used: the picture is animated."
MAIN_PICTURE = "Only the main one of {pictures} pictures was used."
CONVERTED = "The colours were converted from {space} to sRGB."
PROFILE_DAMAGED = "The embedded colour profile is damaged or does not fit the picture; sRGB was assumed."
PROFILE_OF_TABLES = "The colours were converted to sRGB: the embedded profile describes them by tables."
NO_TRANSPARENCY = "A JPEG has no transparency, so the result is a PNG."
SIDE_TOO_LONG = "A {format} has at most {side} pixels a side, so the result is a PNG."

NOTES = Wordings(
    {
        "first_frame": FIRST_FRAME,
        "first_of_uncounted": FIRST_OF_UNCOUNTED,
        "main_picture": MAIN_PICTURE,
        "converted": CONVERTED,
        "profile_damaged": PROFILE_DAMAGED,
        "profile_of_tables": PROFILE_OF_TABLES,
        "no_transparency": NO_TRANSPARENCY,
        "side_too_long": SIDE_TOO_LONG,
    }
)


def notice_of(note: str, name: str = "") -> tuple[str, str, str, dict[str, Any]]:
    """The parts of the notice that passes a note on: code, subject, message and details. `name`: of several files, this one's."""
    return "picture_note", "", f"{name}: {note}" if name else note, {**NOTES.read(note), **({"file": name} if name else {})}
