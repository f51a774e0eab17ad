"""The notes about pictures as they are read and written."""

from __future__ import annotations

from typing import Any

from services.inference.media import moving_notes
from services.platform.wordings import Wordings

FIRST_FRAME = "Only the first of {frames} frames or pages was used."
CHOSEN_FRAME = "Only number {number} of {frames} frames or pages was used."
CHOSEN_OF_UNCOUNTED = "Only number {number} of the frames was used."
FIRST_OF_UNCOUNTED = "Only the first frame was used: the picture is animated."
MAIN_PICTURE = "Only the main one of {pictures} pictures was used."
CONVERTED = "The colours were converted from {space} to sRGB."
NO_END = "The file lacks the mark of its end; all of its pixels are there."
STRETCHED = "The samples range from {low} to {high}: the least was made black and the greatest white."
CLIPPED = "The samples range from {low} to {high}: those below 0 became black, and those above 1 white."
PROFILE_DAMAGED = "The embedded colour profile is damaged or does not fit the picture; sRGB was assumed."
PROFILE_OF_TABLES = "The colours were converted to sRGB: the embedded profile describes them by tables."
NO_TRANSPARENCY = "A JPEG has no transparency, so the result is a PNG."
SIDE_TOO_LONG = "A {format} has at most {side} pixels a side, so the result is a PNG."
FORMAT_NOT_KEPT = "A {format} is not written unless it is asked for, so the result is a {written}."
ONLY_READ = "A {format} is only read, so the result is a {written}."
NO_ALPHA_IN_VIDEO = "An MP4 has no transparency, so the result is a WebM."
NO_SOFT_EDGES = "A pixel of a GIF is opaque or not, so the result is in {format}, which has soft edges."

NOTES = Wordings(
    {
        "first_frame": FIRST_FRAME,
        "chosen_frame": CHOSEN_FRAME,
        "chosen_of_uncounted": CHOSEN_OF_UNCOUNTED,
        "first_of_uncounted": FIRST_OF_UNCOUNTED,
        "main_picture": MAIN_PICTURE,
        "converted": CONVERTED,
        "no_end": NO_END,
        "stretched": STRETCHED,
        "clipped": CLIPPED,
        "profile_damaged": PROFILE_DAMAGED,
        "profile_of_tables": PROFILE_OF_TABLES,
        "no_transparency": NO_TRANSPARENCY,
        "side_too_long": SIDE_TOO_LONG,
        "format_not_kept": FORMAT_NOT_KEPT,
        "only_read": ONLY_READ,
        "no_alpha_in_video": NO_ALPHA_IN_VIDEO,
        "no_soft_edges": NO_SOFT_EDGES,
        **moving_notes.TEXTS,
    }
)


def notice_of(note: str, name: str = "") -> tuple[str, str, str, dict[str, Any]]:
    """The parts of the notice that passes a note on: code, subject, message and details. `name`: of several files, this one's."""
    return "picture_note", "", f"{name}: {note}" if name else note, {**NOTES.read(note), **({"file": name} if name else {})}
