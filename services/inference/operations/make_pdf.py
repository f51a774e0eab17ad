"""Make a PDF of pictures."""

from __future__ import annotations

from collections.abc import Sequence

from darkroom.operations.v1 import make_pdf_pb2
from darkroom.operations.v1.make_pdf_pb2 import MakePdf
from services.inference.contract.flow import NewFile, WholeFile
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header
from services.inference.pdf_making.making import HELD_BYTES, Sheet, write_document, written_within
from services.platform.errors import DarkroomError, ErrorReason

_SIZES = {
    make_pdf_pb2.PAPER_SIZE_A4: (595.28, 841.89),
    make_pdf_pb2.PAPER_SIZE_LETTER: (612.0, 792.0),
    make_pdf_pb2.PAPER_SIZE_A3: (841.89, 1190.55),
    make_pdf_pb2.PAPER_SIZE_A5: (419.53, 595.28),
}
_USUAL_MARGIN = 20.0
_COPIES = 6  # of the decoded samples of one picture at a time


def peak_memory(pictures: Sequence[Header], parameters: MakePdf) -> int:
    """Bytes at the peak."""
    return max((picture.samples_bytes for picture in pictures), default=0) * _COPIES + (HELD_BYTES if parameters.max_bytes else 0)


def run(files: Sequence[WholeFile], parameters: MakePdf, step: PlainStep) -> NewFile:
    """The document. Raises FIELD_INVALID for margins that leave nothing, and as `WholeFile.image`."""
    sheet, target = _sheet(parameters), step.folder / "pictures.pdf"
    pictures = files if parameters.first_page_only else [page for file in files for page in file.pages()]

    def on_picture(done: float, number: int) -> None:
        step.check()
        step.report(done, f"Picture {number} of {len(pictures)}")

    if parameters.max_bytes:
        fitted = written_within(pictures, sheet, target, parameters.max_bytes, on_picture)
        told = {"target_bytes": parameters.max_bytes, "met": fitted.is_met, "quality": fitted.quality}
        how = "" if fitted.is_met else ", which was not enough"
        step.notice("compression", "max_bytes", f"Pictures were written with a quality of {fitted.quality}{how}.", told)
    else:
        write_document(pictures, sheet, target, on_picture)
    step.label("pictures")
    return NewFile(target, "application/pdf", "pdf", pages=len(pictures))


def _sheet(parameters: MakePdf) -> Sheet:
    size = _SIZES[parameters.paper_size or make_pdf_pb2.PAPER_SIZE_A4]
    width, height = size[::-1] if parameters.orientation == make_pdf_pb2.PAPER_ORIENTATION_LANDSCAPE else size
    margin = parameters.margin if parameters.HasField("margin") else _USUAL_MARGIN
    if 2 * margin >= min(width, height):
        raise DarkroomError(
            ErrorReason.FIELD_INVALID,
            f"margin: margins of {margin:g} points leave nothing of a page of {width:g} × {height:g} points.",
            field="margin",
        )
    return Sheet(width, height, margin)
