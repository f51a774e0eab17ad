"""Documents that are damaged, odd or much too large, as pages and back."""

from __future__ import annotations

import io
import json
import re
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pikepdf
import pypdfium2
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, String
from reportlab.pdfgen.canvas import Canvas

from services.inference.media import Image
from services.inference.pdf.texts import DAMAGE_WARNING, ENCRYPTION_WARNING
from services.inference.redraw.encoding import write_page
from services.inference.redraw.pages import count_pages, render_page, settle
from services.inference.redraw.rebuild import rebuild
from services.platform.errors import DarkroomError, ErrorReason


def drawn(*names: str) -> bytes:
    """Pages of 300 x 200 points, each with its name."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(300, 200), invariant=1)
    for name in names:
        canvas.setFont("Helvetica", 30)
        canvas.drawString(40, 90, name)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def changed(document: bytes, change: Callable[[Pdf], None], **options: object) -> bytes:
    with pikepdf.open(io.BytesIO(document)) as pdf:
        change(pdf)
        buffer = io.BytesIO()
        pdf.save(buffer, **options)
        return buffer.getvalue()


def all_redrawn(folder: Path, document: bytes) -> tuple[bytes, list[str]]:
    """The document with every page as the picture of itself, and the warnings."""
    source, mended, pages = folder / "source.pdf", folder / "mended.pdf", folder / "pages"
    source.write_bytes(document)
    pages.mkdir()
    settled = settle(source, mended)
    readable = mended if settled["mended"] else source
    for number in range(settled["pages"]):
        described = render_page(readable, number, folder / "samples")
        pixels = np.fromfile(folder / "samples", np.uint8).reshape(described["shape"])
        described["shape"] = write_page(Image(pixels), pages, number)
        (pages / f"{number}.json").write_text(json.dumps(described))
    told = rebuild(readable, pages, folder / "target.pdf")
    return (folder / "target.pdf").read_bytes(), [*settled["warnings"], *told["warnings"]]


def shown(document: bytes) -> list[np.ndarray]:
    with pypdfium2.PdfDocument(document) as opened:
        return [np.asarray(page.render(scale=1).to_pil().convert("L")).astype(int) for page in opened]


def assert_looks(result: bytes, truth: bytes) -> None:
    for new, old in zip(shown(result), shown(truth), strict=True):
        assert new.shape == old.shape
        assert np.abs(new - old).mean() < 2


def kids(document: bytes, replaced: Callable[[list[bytes]], list[bytes]]) -> bytes:
    """The document with other entries in its page tree, which its cross-reference table no longer fits."""
    found = re.search(rb"/Kids \[([^\]]*)\]", document)
    assert found is not None
    entries = replaced(re.findall(rb"\d+ \d+ R", found[1]))
    counted = re.sub(rb"/Count \d+", b"/Count %d" % len(entries), document)
    return counted.replace(found[0], b"/Kids [ " + b" ".join(entries) + b" ]")


@pytest.mark.parametrize(
    ("damage", "names"),
    [
        (lambda document: kids(document, lambda entries: [entries[0], b"99 0 R", entries[1]]), ("one", "two")),
        (lambda document: kids(document, lambda entries: [entries[0], b"null", entries[1]]), ("one", "two")),
        (lambda document: document[: document.rindex(b"/Root")], ("one", "two")),
        (lambda document: document.replace(b"startxref\n", b"startxref\n9"), ("one", "two")),
    ],
    ids=["page that is missing", "null for a page", "no trailer", "no table"],
)
def test_what_is_damaged_comes_out_whole(tmp_path: Path, damage: Callable[[bytes], bytes], names: tuple[str, ...]) -> None:
    result, warnings = all_redrawn(tmp_path, damage(drawn("one", "two")))
    assert_looks(result, drawn(*names))
    assert warnings == [DAMAGE_WARNING]


def test_a_page_that_is_there_twice(tmp_path: Path) -> None:
    """PDFium shows it twice, and qpdf once."""
    document = drawn("one", "two", "three")
    found = re.search(rb"/Kids \[ (\d+ \d+ R) \d+ \d+ R (\d+ \d+ R) \]", document)
    assert found is not None
    assert len(found[1]) == len(found[2])
    result, warnings = all_redrawn(tmp_path, document.replace(found[2], found[1]))
    assert_looks(result, drawn("one", "two", "one"))
    assert warnings == [DAMAGE_WARNING]


def test_what_is_damaged_and_encrypted(tmp_path: Path) -> None:
    encrypted = changed(drawn("one"), lambda _: None, encryption=pikepdf.Encryption(owner="secret", user=""))
    result, warnings = all_redrawn(tmp_path, encrypted.replace(b"startxref\n", b"startxref\n9"))
    assert_looks(result, drawn("one"))
    assert warnings == [DAMAGE_WARNING, ENCRYPTION_WARNING]


def test_what_cannot_be_saved_is_refused(tmp_path: Path) -> None:
    for hopeless in (b"", b"%PDF-1.7\n", drawn("one")[:200], changed(drawn("one"), lambda pdf: pdf.pages.__delitem__(0))):
        (tmp_path / "source.pdf").write_bytes(hopeless)
        with pytest.raises(DarkroomError) as refused:
            settle(tmp_path / "source.pdf", tmp_path / "mended.pdf")
        assert refused.value.reason is ErrorReason.FILE_CORRUPT


def odd_annotations(pdf: Pdf) -> None:
    pdf.pages[0].Annots = Array([None, 5, Dictionary(), String("x"), Array([])])
    pdf.pages[1].Annots = Name.Nothing


def odd_fields(pdf: Pdf) -> None:
    pdf.Root.AcroForm = Dictionary(Fields=Array([None, 5, Array([]), Dictionary(Kids=7)]))


def odd_form(pdf: Pdf) -> None:
    pdf.Root.AcroForm = 5


@pytest.mark.parametrize("change", [odd_annotations, odd_fields, odd_form])
def test_other_types_than_expected(tmp_path: Path, change: Callable[[Pdf], None]) -> None:
    result, _ = all_redrawn(tmp_path, changed(drawn("one", "two"), change))
    assert_looks(result, drawn("one", "two"))


def boxes(pdf: Pdf) -> None:
    first, second = pdf.pages
    first.MediaBox = Array([300, 200, 0, 0])
    second.MediaBox = Array([-300, -200, 0, 0])
    second.CropBox = Array([-270, -150, -20, -10])
    second.Rotate = 270
    second.contents_add(b"1 0 0 1 -300 -200 cm", prepend=True)


def test_boxes_of_any_kind(tmp_path: Path) -> None:
    """Corners the other way round; below zero, cropped and turned."""
    document = changed(drawn("one", "two"), boxes)
    result, _ = all_redrawn(tmp_path, document)
    assert [picture.shape for picture in shown(result)] == [(200, 300), (250, 140)]
    assert_looks(result, document)


@pytest.mark.parametrize("size", [14400, 1e9])
def test_a_page_that_would_lose_its_print_is_not_drawn(tmp_path: Path, size: float) -> None:
    def enlarge(pdf: Pdf) -> None:
        pdf.pages[0].MediaBox = Array([0, 0, size, size])

    (tmp_path / "source.pdf").write_bytes(changed(drawn("one"), enlarge))
    assert render_page(tmp_path / "source.pdf", 0, tmp_path / "samples") == {"too_large": [size / 72, size / 72]}
    assert not (tmp_path / "samples").exists()


def test_a_picture_that_is_much_larger_than_its_file(tmp_path: Path) -> None:
    """400 megapixels in 50 KB: the page is drawn at 300 dots an inch all the same."""
    side = 20_000

    def bomb(pdf: Pdf) -> None:
        picture = pdf.make_stream(b"", Type=Name.XObject, Subtype=Name.Image, ColorSpace=Name.DeviceGray, BitsPerComponent=1)
        picture.Width = picture.Height = side
        picture.write(zlib.compress(b"\xaa" * (side // 8 * side), 9), filter=Name.FlateDecode)
        pdf.pages[0].Resources = Dictionary(XObject=Dictionary(I=picture))
        pdf.pages[0].Contents = pdf.make_stream(b"q 300 0 0 200 0 0 cm /I Do Q")

    (tmp_path / "source.pdf").write_bytes(changed(drawn("one"), bomb))
    described = render_page(tmp_path / "source.pdf", 0, tmp_path / "samples")
    assert described["shape"] == (834, 1250, 3)
    assert described["pictured"]


def test_thousands_of_links_stay(tmp_path: Path) -> None:
    def linked(pdf: Pdf) -> None:
        links = [Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=Array([x % 300, 0, x % 300 + 1, 9])) for x in range(3000)]
        pdf.pages[0].Annots = Array([pdf.make_indirect(link) for link in links])

    result, _ = all_redrawn(tmp_path, changed(drawn("one"), linked))
    with pikepdf.open(io.BytesIO(result)) as pdf:
        assert len(pdf.pages[0].Annots) == 3000
    assert count_pages(tmp_path / "target.pdf") == 1
