"""Count the pages of a PDF and preview them."""

from __future__ import annotations

import base64
from typing import Any

import pypdfium2 as pdfium

from darkroom.operations.v1.inspect_pdf_pb2 import InspectPdf
from services.inference.contract.flow import Data, WholeFile
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Image, Saving, encode
from services.inference.pdf.condition import condition_of
from services.inference.pdf.notices import warn
from services.inference.pdf.pages import draw_page, page_of, path_of, readable, size_within
from services.inference.pdf.texts import DAMAGED
from services.pictures.media_format import MediaFormat

_WIDEST, _HIGHEST = 300, 1200
_MOST_BYTES = 48 << 20
_JPEG = Saving(MediaFormat.JPEG, quality=80, keep_metadata=False)


def run(file: WholeFile, parameters: InspectPdf, step: PlainStep) -> Data:
    """The facts about the document. Raises FILE_CORRUPT and FILE_ENCRYPTED."""
    step.label("pages")
    if condition_of(path_of(file)).is_damaged:
        warn(step, DAMAGED)
    with readable(path_of(file), step.folder) as document:
        count = len(document)
        if not parameters.thumbnails:
            return Data({"pageCount": count})
        shown, size = list[dict[str, Any]](), 0
        for number in range(1, min(count, parameters.max_thumbnails or count) + 1):
            step.check()
            step.report((number - 1) / count, f"Page {number}")
            shown.append(_thumbnail(document, number))
            size += len(shown[-1]["dataUrl"])
            if size > _MOST_BYTES:
                shown.pop()
                break
        return Data({"pageCount": count, "thumbnails": shown})


def _thumbnail(document: pdfium.PdfDocument, number: int) -> dict[str, Any]:
    with page_of(document, number) as page:
        width, height = size_within(page, _WIDEST, _HIGHEST)
        content = encode(Image(draw_page(document, page, (width, height))), _JPEG)
    url = f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"
    return {"page": number, "dataUrl": url, "width": width, "height": height}
