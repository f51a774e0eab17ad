"""Makes the sample document: `python samples/make_report.py [FOLDER]`.

report.pdf is a small business report as an office program would print it, to which a watermark was then added in the way
Acrobat does it: a form XObject with the compound-type key, in an optional-content group, drawn within marked content of
type Artifact and subtype Watermark. The photograph is coffee.jpg of the same folder.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pikepdf
import reportlab
from pikepdf import Array, Dictionary, Name, Operator, String
from reportlab.graphics.charts.barcharts import VerticalBarChart
from reportlab.graphics.shapes import Drawing
from reportlab.graphics.shapes import String as Label
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
)
from reportlab.platypus import (
    Image as Photo,
)

MARK = "CONFIDENTIAL"
TITLE = "Quarterly Report on Office Coffee"

HEADING = ParagraphStyle("heading", fontName="VeraBd", fontSize=17, leading=22, spaceAfter=8, textColor=colors.HexColor("#1d3557"))
BODY = ParagraphStyle("body", fontName="Vera", fontSize=10, leading=15, spaceAfter=8)


class Bookmark(Flowable):
    """An entry of the outline that leads here."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.title = title

    def draw(self) -> None:
        self.canv.bookmarkPage(self.title)
        self.canv.addOutlineEntry(self.title, self.title)


def heading(text: str) -> list[Flowable]:
    return [Bookmark(text), Paragraph(text, HEADING)]


def footer(canvas: Canvas, document: BaseDocTemplate) -> None:
    """A page number, declared as what it is: pagination, not a watermark."""
    canvas._code.append("/Artifact <</Type /Pagination /Subtype /Footer>> BDC")
    canvas.setFont("Vera", 8)
    canvas.drawCentredString(A4[0] / 2, 12 * mm, f"{TITLE} - page {document.page} of 3")
    canvas._code.append("EMC")


def table() -> Table:
    rows = [
        ["Floor", "Cups", "Beans (kg)", "Cost (EUR)"],
        ["Ground", "1,204", "14.4", "273.60"],
        ["First", "2,310", "27.7", "526.30"],
        ["Second", "1,871", "22.5", "427.50"],
        ["Third", "942", "11.3", "214.70"],
        ["Total", "6,327", "75.9", "1,442.10"],
    ]
    grid = Table(rows, colWidths=[40 * mm, 35 * mm, 35 * mm, 35 * mm])
    grid.setStyle(
        [
            ("FONT", (0, 0), (-1, -1), "Vera", 9.5),
            ("FONT", (0, 0), (-1, 0), "VeraBd", 9.5),
            ("FONT", (0, -1), (-1, -1), "VeraBd", 9.5),
            ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#a8dadc")),
            ("ROWBACKGROUNDS", (0, 1), (-1, -1), [colors.white, colors.HexColor("#f1faee")]),
            ("GRID", (0, 0), (-1, -1), 0.5, colors.HexColor("#457b9d")),
            ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
        ]
    )
    return grid


def chart() -> Drawing:
    drawing = Drawing(440, 230)
    bars = VerticalBarChart()
    bars.x, bars.y, bars.width, bars.height = 40, 30, 380, 170
    bars.data = [(410, 395, 399), (720, 801, 789), (640, 600, 631), (301, 322, 319)]
    bars.categoryAxis.categoryNames = ["April", "May", "June"]
    bars.categoryAxis.labels.fontName = bars.valueAxis.labels.fontName = "Vera"
    bars.valueAxis.valueMin, bars.valueAxis.valueMax, bars.valueAxis.valueStep = 0, 900, 300
    for index, colour in enumerate(("#1d3557", "#457b9d", "#a8dadc", "#e63946")):
        bars.bars[index].fillColor = colors.HexColor(colour)
        bars.bars[index].strokeColor = None
    drawing.add(bars)
    drawing.add(Label(40, 212, "Cups a month, by floor", fontName="VeraBd", fontSize=10))
    return drawing


def report(photo: bytes) -> bytes:
    """The report before anybody marked it."""
    fonts = Path(reportlab.__file__).parent / "fonts"
    pdfmetrics.registerFont(TTFont("Vera", fonts / "Vera.ttf"))
    pdfmetrics.registerFont(TTFont("VeraBd", fonts / "VeraBd.ttf"))
    buffer = io.BytesIO()
    document = BaseDocTemplate(buffer, pagesize=A4, title=TITLE, author="Facilities", subject="A sample for watermark removal", invariant=1)
    frame = Frame(25 * mm, 22 * mm, A4[0] - 50 * mm, A4[1] - 47 * mm, id="text")
    document.addPageTemplates(PageTemplate(frames=[frame], onPage=footer))
    link = '<link href="https://example.com/coffee" color="#457b9d"><u>the purchasing guideline</u></link>'
    document.build(
        [
            *heading("Summary"),
            Paragraph(
                "Between April and June the office drank 6,327 cups of coffee, four per cent more than in the quarter "
                "before. The first floor leads by a wide margin; the third floor, where the tea drinkers sit, comes last.",
                BODY,
            ),
            Paragraph(
                "Beans were bought from two roasters. The price of a kilogram held at 19.00 EUR, so that the cost grew "
                f"only with the consumption. Orders follow {link}, which applies to all sites.",
                BODY,
            ),
            Spacer(1, 6 * mm),
            Photo(io.BytesIO(photo), width=120 * mm, height=80 * mm),
            Paragraph("A cup from the new machine on the second floor.", BODY),
            PageBreak(),
            *heading("Consumption by floor"),
            Paragraph("All figures are for the three months together; costs include delivery.", BODY),
            table(),
            Spacer(1, 8 * mm),
            Paragraph(
                "A cup takes 12 grams of beans. The ground floor used slightly less than that, because its grinder was "
                "replaced in May and the old one had drifted.",
                BODY,
            ),
            PageBreak(),
            *heading("Month by month"),
            chart(),
            Spacer(1, 6 * mm),
            Paragraph(
                "May was the strongest month on the first floor, when the audit team moved in. The differences between "
                "months are otherwise within what holidays explain.",
                BODY,
            ),
        ]
    )
    return buffer.getvalue()


def watermark(document: pikepdf.Pdf) -> pikepdf.Object:
    """The mark as a form XObject, and its layer in the document's catalog."""
    group = document.make_indirect(
        Dictionary(
            Type=Name.OCG,
            Name=String("Watermark"),
            Intent=Array([Name.View, Name.Design]),
            Usage=Dictionary(
                PageElement=Dictionary(Subtype=Name.FG),
                View=Dictionary(ViewState=Name.ON),
                Print=Dictionary(PrintState=Name.ON),
            ),
        )
    )
    document.Root.OCProperties = Dictionary(OCGs=Array([group]), D=Dictionary(Order=Array([group]), ON=Array([group]), RBGroups=Array()))
    settings = document.make_stream(f'<?xml version="1.0"?><WatermarkSettings><Text>{MARK}</Text></WatermarkSettings>'.encode())
    font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name("/Helvetica-Bold"), Encoding=Name.WinAnsiEncoding)
    text = f"0 g 0 i BT 0.78 0.1 0.1 rg /T1_0 72 Tf 0 0 Td ({MARK}) Tj ET".encode()
    return document.make_stream(
        text,
        Type=Name.XObject,
        Subtype=Name.Form,
        BBox=Array([0, -20, 640, 75]),
        Group=Dictionary(S=Name.Transparency, K=True),
        Resources=Dictionary(Font=Dictionary(T1_0=document.make_indirect(font))),
        OC=document.make_indirect(Dictionary(Type=Name.OCMD, OCGs=group)),
        LastModified=String("D:20240503101500Z"),
        PieceInfo=Dictionary(
            ADBE_CompoundType=Dictionary(DocSettings=settings, LastModified=String("D:20240503101500Z"), Private=Name.Watermark)
        ),
    )


def add_watermark(plain: bytes) -> bytes:
    """The report with the watermark on every page."""
    with pikepdf.open(io.BytesIO(plain)) as document:
        form = watermark(document)
        state = document.make_indirect(Dictionary(Type=Name.ExtGState, ca=0.25, CA=0.25))
        properties = Dictionary(Subtype=Name.Watermark, Type=Name.Pagination)
        for page in document.pages:
            page.Resources.XObject = page.Resources.get("/XObject", Dictionary())
            page.Resources.XObject.Fm0 = form
            page.Resources.ExtGState = Dictionary(GS0=state)
            content = pikepdf.unparse_content_stream(
                [
                    ([], Operator("Q")),
                    ([Name.Artifact, properties], Operator("BDC")),
                    ([], Operator("q")),
                    ([0.574, 0.819, -0.819, 0.574, 165, 255], Operator("cm")),
                    ([Name.GS0], Operator("gs")),
                    ([Name.Fm0], Operator("Do")),
                    ([], Operator("Q")),
                    ([], Operator("EMC")),
                ]
            )
            page.contents_add(b"q\n", prepend=True)
            page.contents_add(content)
        buffer = io.BytesIO()
        document.save(buffer, object_stream_mode=pikepdf.ObjectStreamMode.generate, deterministic_id=True, recompress_flate=True)
    return buffer.getvalue()


def main(folder: Path) -> None:
    (folder / "report.pdf").write_bytes(add_watermark(report((folder / "coffee.jpg").read_bytes())))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
