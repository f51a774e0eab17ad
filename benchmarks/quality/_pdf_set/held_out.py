"""Documents from producers that nothing was tuned on: Typst, Skia (as Chrome prints) and cairo (by PlutoPrint)."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import plutoprint
import skia
import typst

from benchmarks.quality._pdf_set import pictures
from benchmarks.quality._pdf_set.stories import lines, paragraph

_FONT = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"
_W, _H = 595, 842


def by_typst(mark: str, extra: str = "") -> Callable[[bool], bytes]:
    def make(with_mark: bool) -> bytes:
        text = "\n\n".join(f"= {paragraph(each, 3)}\n" + paragraph(200 + each, 260) for each in range(6))
        with tempfile.TemporaryDirectory() as folder:
            pictures.logo(4).save(Path(folder) / "logo.png")
            pictures.stamp_text("NUR MUSTER", alpha=55).save(Path(folder) / "mark.png")
            source = Path(folder) / "main.typ"
            settings = ['numbering: "1"', *([mark] if with_mark and mark else [])]
            source.write_text(f"#set page({', '.join(settings)})\n{extra}\n{text}")
            return bytes(typst.compile(str(source)))

    return make


def by_skia(mark: Callable[[skia.Canvas], None] | None, extra: Callable[[skia.Canvas, int], None] | None = None) -> Callable[[bool], bytes]:
    def make(with_mark: bool) -> bytes:
        stream = skia.DynamicMemoryWStream()
        face = skia.Typeface.MakeFromFile(str(_FONT.with_name("DejaVuSans.ttf")))
        with skia.PDF.MakeDocument(stream) as document:
            for page in range(4):
                with document.page(_W, _H) as canvas:
                    for number, line in enumerate(lines(300 + page, 36, 9)):
                        canvas.drawString(line, 60, 90 + 19 * number, skia.Font(face, 11), skia.Paint(Color=skia.ColorBLACK))
                    if extra is not None:
                        extra(canvas, page)
                    if mark is not None and with_mark:
                        mark(canvas)
        return bytes(stream.detachAsData())

    return make


def _bold(size: float) -> skia.Font:
    return skia.Font(skia.Typeface.MakeFromFile(str(_FONT)), size)


def _skia_text(canvas: skia.Canvas) -> None:
    canvas.save()
    canvas.translate(90, 620)
    canvas.rotate(-48)
    canvas.drawString("CONFIDENTIAL", 0, 0, _bold(70), skia.Paint(Color=skia.Color(128, 128, 128, 70)))
    canvas.restore()


def _skia_pale(canvas: skia.Canvas) -> None:
    canvas.save()
    canvas.translate(130, 560)
    canvas.rotate(-40)
    canvas.drawString("Entwurf", 0, 0, _bold(90), skia.Paint(Color=skia.Color(222, 222, 222)))
    canvas.restore()


def _skia_outline(canvas: skia.Canvas) -> None:
    canvas.save()
    canvas.translate(110, 600)
    canvas.rotate(-50)
    font = _bold(75)
    x = 0.0
    for glyph, width in zip(font.textToGlyphs("SECRET 42"), font.getWidths(font.textToGlyphs("SECRET 42")), strict=True):
        path = font.getPath(glyph)
        if path is not None:
            canvas.save()
            canvas.translate(x, 0)
            canvas.drawPath(path, skia.Paint(Color=skia.Color(200, 30, 30, 60), AntiAlias=True))
            canvas.restore()
        x += width
    canvas.restore()


def _skia_picture(canvas: skia.Canvas) -> None:
    buffer = io.BytesIO()
    pictures.stamp_text("PROOF COPY").save(buffer, "PNG")
    image = skia.Image.MakeFromEncoded(skia.Data.MakeWithCopy(buffer.getvalue()))
    canvas.drawImageRect(image, skia.Rect.MakeXYWH(80, 230, 430, 380))


def _skia_tiles(canvas: skia.Canvas) -> None:
    for row in range(9):
        for column in range(4):
            canvas.save()
            canvas.translate(30 + 150 * column, 90 + 95 * row)
            canvas.rotate(-25)
            canvas.drawString("ann@example.com", 0, 0, _bold(13), skia.Paint(Color=skia.Color(0, 0, 0, 36)))
            canvas.restore()


def _skia_stationery(canvas: skia.Canvas, page: int) -> None:
    buffer = io.BytesIO()
    pictures.logo(5).save(buffer, "PNG")
    image = skia.Image.MakeFromEncoded(skia.Data.MakeWithCopy(buffer.getvalue()))
    canvas.drawImageRect(image, skia.Rect.MakeXYWH(430, 20, 110, 44))
    canvas.drawString("CONFIDENTIAL" if page == 0 else f"{page}", 60, 60, _bold(30), skia.Paint(Color=skia.Color(60, 60, 60)))
    canvas.drawRect(skia.Rect.MakeXYWH(60, 770, 470, 40), skia.Paint(Color=skia.Color(0, 90, 200, 40)))


def _page(style: str, top: str, text: str = "") -> str:
    story = text or "".join(f"<h2>{paragraph(each, 3)}</h2><p>{paragraph(400 + each, 170)}</p>" for each in range(9))
    face = f"@font-face {{ font-family: D; src: url('{_FONT.with_name('DejaVuSans.ttf').as_uri()}') }}"
    return f"<html><style>{face} body {{ font: 11pt D }} {style}</style><body>{top}{story}</body></html>"


def _cairo(style: str, top: str, text: str = "", always: str = "") -> Callable[[bool], bytes]:
    def make(with_mark: bool) -> bytes:
        book = plutoprint.Book(plutoprint.PAGE_SIZE_A4)
        book.load_html(_page(style, (top if with_mark else "") + always, text))
        buffer = io.BytesIO()
        book.write_to_pdf_stream(buffer)
        return buffer.getvalue()

    return make


_FIXED = ".m { position: fixed; top: 360px; left: 40px; font-size: %s; transform: rotate(-45deg); %s }"


def cairo_document() -> bytes:
    """A few pages of headings and text."""
    return _cairo("", "")(False)


def marked_documents() -> dict[str, dict[str, Callable[[bool], bytes]]]:
    """By producer and name, a document with and without its mark."""
    return {
        "Typst": {
            "foreground": by_typst('foreground: rotate(-50deg, text(90pt, fill: rgb("ff000030"))[*DRAFT*])'),
            "background, pale": by_typst("background: rotate(45deg, text(70pt, fill: luma(85%))[Nicht verteilen])"),
            "picture": by_typst('foreground: image("mark.png", width: 75%)'),
            "tiles": by_typst(
                "foreground: rotate(-30deg, grid(columns: 5, gutter: 50pt, "
                '..range(60).map(_ => text(14pt, fill: rgb("00000026"))[for Eve only])))'
            ),
        },
        "Skia": {
            "text": by_skia(_skia_text),
            "text, pale": by_skia(_skia_pale),
            "outlines": by_skia(_skia_outline),
            "picture": by_skia(_skia_picture),
            "tiles": by_skia(_skia_tiles),
        },
        "cairo": {
            "transparent": _cairo(_FIXED % ("80pt", "opacity: 0.2"), '<div class="m">CONFIDENTIAL</div>'),
            "pale": _cairo(_FIXED % ("70pt", "color: #ddd"), '<div class="m">Brouillon</div>'),
        },
    }


def unmarked_documents() -> dict[str, dict[str, Callable[[bool], bytes]]]:
    """By producer and name, a document without a mark."""
    table = "".join(
        f"<tr style='background:{'#eef' if row % 2 else '#f8f8f8'}'><td>{paragraph(row, 4)}</td><td style='color:#999'>{row * 7}</td></tr>"
        for row in range(70)
    )
    return {
        "Typst": {
            "logo and cover": by_typst("", '#align(center, image("logo.png", width: 40%))\n#text(60pt, luma(60%))[DRAFT]\n#pagebreak()'),
            "stamp in the text": by_typst("", "#align(right, rotate(-12deg, rect(stroke: red, text(red, 24pt)[APPROVED])))"),
        },
        "Skia": {"stationery": by_skia(None, _skia_stationery)},
        "cairo": {
            "table": _cairo("", "", f"<table>{table}</table>"),
            "faded banner": _cairo("", "", "", "<h1 style='opacity:0.4; font-size: 40pt'>Sample report</h1>"),
        },
    }
