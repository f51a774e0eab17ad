"""What the owner of a task is told about the subject that was found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.inference.matting.matting import Cutout


def tell_found(
    cutout: Cutout, model: str, source_name: str, notice: Callable[[str, str, str, dict[str, Any]], None], *, undone: str
) -> None:
    """The notice that fits, if any. `undone` says what does not happen without a subject: `it was not cut out`."""
    found, details = cutout.found, {"model": model, **cutout.found.to_dict()}
    if cutout.kept_alpha:
        notice("already_cut_out", "", f"{source_name} is a cut-out already, so its alpha was kept.", details)
    elif found.nothing:
        notice("no_subject_found", "", f"No subject was found in {source_name}, so {undone}.", details)
    elif found.unsure:
        notice("subject_unsure", "", f"It is not sure what the subject of {source_name} is: look at the result.", details)
    elif len(found.subjects) > 1:
        notice("several_subjects", "", f"{len(found.subjects)} subjects of {source_name} were kept.", details)
