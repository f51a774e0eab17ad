"""What the owner of a task is told about the subject that was found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.inference.matting.matting import Cutout


def tell_found(
    cutout: Cutout, model: str, source_name: str, notice: Callable[[str, str, str, dict[str, Any]], None], *, undone: str
) -> None:
    """The notices that fit, if any. `undone` says what does not happen without a subject: `it was not cut out`."""
    found, details = cutout.found, {"model": model, **cutout.found.to_dict()}
    if cutout.kept_alpha:
        notice("already_cut_out", "", f"{source_name} is a cut-out already, so its alpha was kept.", details)
    elif found.nothing:
        notice("no_subject_found", "", f"No subject was found in {source_name}, so {undone}.", details)
    elif found.unsure:
        notice("subject_unsure", "", f"It is not sure what the subject of {source_name} is: look at the result.", details)
    else:
        if found.doubtful:
            message = f"It is not sure whether {_parts(len(found.doubtful), source_name)} to the subject: look at the result there."
            notice("parts_unsure", "", message, details)
        if len(found.subjects) > 1:
            notice("several_subjects", "", f"{len(found.subjects)} subjects of {source_name} were kept.", details)


def _parts(count: int, source_name: str) -> str:
    return f"a part of {source_name} belongs" if count == 1 else f"{count} parts of {source_name} belong"
