"""`python -m reference.pictures`: makes the pictures of docs/operations from samples/, using a running stack with the real models.

The server is found as by the client: DARKROOM_URL and DARKROOM_API_KEY, or the nearest .darkroom/env.
"""

from __future__ import annotations

import asyncio
import io
import tempfile
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pypdfium2
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from darkroom import AsyncClient
from darkroom.operations.v1 import (
    operation_pb2,
    redraw_pdf_pb2,
    remove_background_pb2,
    remove_pdf_watermark_pb2,
    remove_watermark_pb2,
    upscale_pb2,
)

_ROOT = Path(__file__).resolve().parent.parent
_SAMPLES, _IMAGES = _ROOT / "samples", _ROOT / "docs" / "images"
_GAP = 12
_NO_INK = (255, 255, 255, 0)
_SCAN_DPI = 150
_SCREEN_SCALE = 1.1  # pixels per point of a document's page
_DETAIL = (150, 60, 310, 210)  # of the portrait, in pixels: the part shown enlarged
_LETTER = (
    "The lessor hands over one coffee machine with two groups, a grinder and a stock of filters for three months. The lessee "
    "pays 89.00 EUR a month in advance, by the third working day. The machine stays the property of the lessor. The lessee has "
    "it descaled every eight weeks and keeps the record of it beside the machine. Repairs after fair wear are on the lessor, all "
    "others on the lessee. Either side may end the lease in writing with four weeks' notice to the end of a month. Filters that "
    "are left over are counted together on the last day and credited at the price at which they were bought. Cups, saucers and "
    "spoons are no part of this lease, and are replaced by whoever broke them. Beans may be ordered from any roaster."
)


class Maker:
    """Runs operations on samples and places before and after side by side."""

    def __init__(self, client: AsyncClient, work: Path) -> None:
        self._client, self._work = client, work

    async def make(self) -> None:
        """Write every picture."""
        await self._cutout()
        await self._enlargement()
        await self._marks()
        await self._declared_mark()
        await self._scanned_mark()

    async def _run(self, path: Path, operation: operation_pb2.Operation) -> Path:
        [made] = await self._client.process(path, [operation], self._work / "results")
        return made

    async def _cutout(self) -> None:
        operation = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())
        rows = []
        for name, box in (("portrait.jpg", (0, 0, 512, 400)), ("coffee.jpg", (44, 0, 556, 400))):
            cutout = Image.open(await self._run(_SAMPLES / name, operation))
            board = _checkerboard(cutout.size)
            board.paste(cutout, mask=cutout.getchannel("A"))
            rows.append((Image.open(_SAMPLES / name).crop(box), board.crop(box)))
        _write("remove-background", rows)

    async def _enlargement(self) -> None:
        operation = operation_pb2.Operation(upscale=upscale_pb2.Upscale(factor=4))
        large = Image.open(await self._run(_SAMPLES / "portrait.jpg", operation))
        detail = Image.open(_SAMPLES / "portrait.jpg").crop(_DETAIL)
        before = detail.resize((4 * detail.width, 4 * detail.height), Image.Resampling.BICUBIC)
        left, upper, right, lower = (4 * side for side in _DETAIL)
        _write("upscale", [(before, large.crop((left, upper, right, lower)))])

    async def _marks(self) -> None:
        tiled, signed = self._work / "tiled.png", self._work / "signed.png"
        _tiled(Image.open(_SAMPLES / "coffee.jpg")).save(tiled)
        _signed(Image.open(_SAMPLES / "portrait.jpg").crop((0, 0, 512, 342)).resize((600, 400))).save(signed)
        found = remove_watermark_pb2.RemoveWatermark()
        boxed = remove_watermark_pb2.RemoveWatermark(boxes=[remove_watermark_pb2.PercentBox(x1=62, y1=90, x2=99, y2=99)])
        rows = []
        for path, parameters in ((tiled, found), (signed, boxed)):
            after = await self._run(path, operation_pb2.Operation(remove_watermark=parameters))
            rows.append((Image.open(path), Image.open(after)))
        _write("remove-watermark", rows)

    async def _declared_mark(self) -> None:
        source = _SAMPLES / "report.pdf"
        operation = operation_pb2.Operation(remove_pdf_watermark=remove_pdf_watermark_pb2.RemovePdfWatermark())
        _write("remove-pdf-watermark", [(_page(source, 0.62), _page(await self._run(source, operation), 0.62))])

    async def _scanned_mark(self) -> None:
        scan = self._work / "scan.pdf"
        scanned_letter(scan)
        operation = operation_pb2.Operation(redraw_pdf=redraw_pdf_pb2.RedrawPdf())
        _write("redraw-pdf", [(_page(scan, 0.5), _page(await self._run(scan, operation), 0.5))])


def _tiled(picture: Image.Image) -> Image.Image:
    """The picture with SAMPLE in translucent white all over it, in the style of stock agencies."""
    mark = Image.new("RGBA", (150, 150), _NO_INK)
    ImageDraw.Draw(mark).text((75, 75), "SAMPLE", anchor="mm", font=ImageFont.load_default(24), fill=(255, 255, 255, 82))
    mark = mark.rotate(30, Image.Resampling.BICUBIC)
    layer = Image.new("RGBA", picture.size, _NO_INK)
    for row, y in enumerate(range(-40, picture.height, 95)):
        for x in range(-150 + row * 45 % 160, picture.width, 160):
            layer.paste(mark, (x, y), mark.getchannel("A").point(lambda level: 255 * (level > 0)))
    return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")


def _signed(picture: Image.Image) -> Image.Image:
    """The picture with a photographer's name in the lower right corner."""
    layer = Image.new("RGBA", picture.size, _NO_INK)
    place = (picture.width - 12, picture.height - 10)
    ImageDraw.Draw(layer).text(place, "© Jane Doe Photo", anchor="rs", font=ImageFont.load_default(20), fill=(255, 255, 255, 215))
    return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")


def scanned_letter(path: Path) -> None:
    """A document with one page that is a picture: a letter with CONFIDENTIAL across it."""
    typed = io.BytesIO()
    canvas = Canvas(typed, pagesize=A4)
    canvas.saveState()
    canvas.translate(A4[0] / 2, A4[1] * 0.72)
    canvas.rotate(45)
    canvas.setFillGray(0.85)
    canvas.setFont("Helvetica-Bold", 60)
    canvas.drawCentredString(0, -20, "CONFIDENTIAL")
    canvas.restoreState()
    canvas.setFont("Helvetica-Bold", 16)
    canvas.drawString(70, A4[1] - 90, "Lease of a coffee machine")
    lines = canvas.beginText(70, A4[1] - 125)
    lines.setFont("Helvetica", 11)
    lines.setLeading(17)
    lines.textLines(textwrap.fill(_LETTER, 84))
    canvas.drawText(lines)
    canvas.save()
    with pypdfium2.PdfDocument(typed) as opened:
        page: Image.Image = opened[0].render(scale=_SCAN_DPI / 72).to_pil().convert("RGB")
    page.save(path, "PDF", resolution=_SCAN_DPI, quality=92)


def _checkerboard(size: tuple[int, int], square: int = 16) -> Image.Image:
    board = Image.new("RGB", size, (255, 255, 255))
    draw = ImageDraw.Draw(board)
    for x in range(0, size[0], square):
        for y in range((x // square % 2) * square, size[1], 2 * square):
            draw.rectangle((x, y, x + square - 1, y + square - 1), (214, 214, 214))
    return board


def _page(document: Path, share: float) -> Image.Image:
    """The upper part of the first page."""
    with pypdfium2.PdfDocument(document) as opened:
        picture: Image.Image = opened[0].render(scale=_SCREEN_SCALE).to_pil()
    return picture.crop((0, 0, picture.width, round(picture.height * share)))


def _write(name: str, rows: Sequence[tuple[Image.Image, Image.Image]]) -> None:
    """Before and after of each row, side by side, rows below one another, as docs/images/NAME.webp."""
    width = max(before.width + _GAP + after.width for before, after in rows)
    height = sum(before.height + _GAP for before, _ in rows) - _GAP
    sheet = Image.new("RGB", (width, height), (255, 255, 255))
    top = 0
    for before, after in rows:
        sheet.paste(before, (0, top))
        sheet.paste(after.convert("RGB"), (before.width + _GAP, top))
        top += before.height + _GAP
    path = _IMAGES / f"{name}.webp"
    sheet.save(path, quality=82, method=6)
    print(f"{path.relative_to(_ROOT)}: {sheet.width} x {sheet.height}, {path.stat().st_size:,} bytes")


async def _main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncClient() as client:
            await Maker(client, Path(folder)).make()


if __name__ == "__main__":
    asyncio.run(_main())
