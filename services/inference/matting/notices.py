"""Notices about the subject of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.inference.contract.plain_step import Notify, PlaceInPercent
from services.inference.matting.matting import Cutout
from services.inference.matting.subjects import Subject

_UNSURE = 0.25  # of the frames: fewer are corrected by their neighbours


@dataclass(slots=True)
class FoundInFrames:
    """The findings in the frames of an animation or a video, so far."""

    frames: int = 0
    empty: int = 0
    unsure: int = 0
    kept_alpha: int = 0
    shadows: int = 0

    def add(self, cutout: Cutout) -> None:
        """One more frame."""
        self.frames += 1
        self.empty += cutout.segmentation.nothing and not cutout.kept_alpha
        self.unsure += cutout.segmentation.unsure and not cutout.kept_alpha
        self.kept_alpha += cutout.kept_alpha
        self.shadows += cutout.shadow

    @property
    def nothing(self) -> bool:
        """Whether there is no subject in any of them."""
        return self.empty == self.frames

    def tell(self, model: str, source_name: str, notice: Notify, *, empty: str, undone: str) -> None:
        """The notices that fit, if any. `empty` says what becomes of a frame without a subject: `empty`; `undone` what does not happen if
        there is none in any frame: `it was not cut out`."""
        details = {"model": model, "frames": self.frames, "without_subject": self.empty, "unsure": self.unsure}
        if self.kept_alpha:
            notice("already_cut_out", "", f"{source_name} is already a cut-out, so its alpha channel was kept.", details)
        elif self.nothing:
            notice("no_subject_found", "", f"No subject was found in {source_name}, so {undone}.", details)
        elif self.empty:
            message = f"No subject was found in {self.empty} of {self.frames} frames of {source_name}, so those are {empty}."
            notice("frames_without_subject", "", message, details)
        if self.unsure > _UNSURE * self.frames:
            message = f"The subject is uncertain in {self.unsure} of {self.frames} frames of {source_name}. Check the result."
            notice("subject_unsure", "", message, details)


def tell_found(cutout: Cutout, model: str, source_name: str, notice: Notify, *, undone: str) -> None:
    """The notices that fit, if any. `undone` says what does not happen without a subject: `it was not cut out`."""
    found, details = cutout.segmentation, {"model": model, **cutout.segmentation.to_dict()}
    if cutout.kept_alpha:
        notice("already_cut_out", "", f"{source_name} is already a cut-out, so its alpha channel was kept.", details)
    elif found.nothing:
        notice("no_subject_found", "", f"No subject was found in {source_name}, so {undone}.", details)
    elif found.unsure:
        notice("subject_unsure", "", f"The subject of {source_name} is uncertain. Check the result.", details, _places(found.subjects))
    else:
        if found.doubtful:
            notice("parts_unsure", "", _doubtful_parts(len(found.doubtful), source_name), details, _places(found.doubtful))
        if len(found.subjects) > 1:
            notice("several_subjects", "", f"{len(found.subjects)} subjects of {source_name} were kept.", details)


def _places(parts: Sequence[Subject]) -> Sequence[PlaceInPercent]:
    return [(part.x1, part.y1, part.x2, part.y2) for part in parts]


def _doubtful_parts(count: int, source_name: str) -> str:
    if count == 1:
        return f"A part of {source_name} may not belong to the subject. Check it in the result."
    return f"{count} parts of {source_name} may not belong to the subject. Check them in the result."
