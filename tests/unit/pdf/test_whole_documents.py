"""Documents with everything in them: encrypted, signed, damaged, hostile, long."""

from __future__ import annotations

import io
import random

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, String

from services.inference.pdf.texts import ENCRYPTION_WARNING
from services.platform.errors import DarkroomError, ErrorReason
from tests.unit.pdf import declarations
from tests.unit.pdf.builder import BODY, INLINE_ARTIFACT, MARK, PAINTED_MARK, Builder
from tests.unit.pdf.comparison import everything, pictures, texts
from tests.unit.pdf.documents import STYLES
from tests.unit.pdf.removal import Remove, assert_same


def rich(marked: bool) -> bytes:
    """A document with everything that must be left alone."""
    build = Builder()
    pdf = build.pdf
    for number in range(4):
        mark = INLINE_ARTIFACT + PAINTED_MARK + b"EMC\n" if marked else b""
        tagged = b"/P <</MCID 0>> BDC\n" + BODY + b"EMC\n"
        build.page(tagged + mark, resources=build.resources(marked=marked), StructParents=number, Rotate=90 * (number % 2))
    pages = [page.obj for page in pdf.pages]
    field = pdf.make_indirect(
        Dictionary(
            Type=Name.Annot,
            Subtype=Name.Widget,
            FT=Name.Tx,
            T=String("name"),
            V=String("Zoë ☕"),
            F=4,
            Rect=Array([20, 10, 120, 30]),
            P=pages[0],
            DA=String("/F1 10 Tf 0 g"),
        )
    )
    link = pdf.make_indirect(
        Dictionary(
            Type=Name.Annot,
            Subtype=Name.Link,
            Rect=Array([0, 0, 10, 10]),
            Border=Array([0, 0, 0.123456789]),
            Dest=Array([pages[3], Name.XYZ, None, 700.25, 0]),
        )
    )
    pages[0].Annots = Array([field, link])
    pdf.Root.AcroForm = Dictionary(Fields=Array([field]), DR=Dictionary(Font=Dictionary(F1=build.f1)))
    element = pdf.make_indirect(Dictionary(Type=Name.StructElem, S=Name.P, Pg=pages[0], K=0))
    tree = pdf.make_indirect(Dictionary(Type=Name.StructTreeRoot, K=Array([element])))
    element.P = tree
    tree.ParentTree = Dictionary(Nums=Array([0, Array([element])]))
    pdf.Root.StructTreeRoot = tree
    pdf.Root.MarkInfo = Dictionary(Marked=True)
    pdf.Root.PageLabels = Dictionary(Nums=Array([0, Dictionary(S=Name.r), 2, Dictionary(S=Name.D, St=1)]))
    pdf.Root.Lang = String("de-DE")
    pdf.Root.Names = Dictionary(Dests=Dictionary(Names=Array([String("chapter"), Array([pages[2], Name.Fit])])))
    pdf.Root.ViewerPreferences = Dictionary(DisplayDocTitle=True)
    with pdf.open_outline() as outline:
        outline.root.extend([pikepdf.OutlineItem("Kapitel 1", 0), pikepdf.OutlineItem("第二章", 2)])
    pdf.attachments["data.csv"] = b"a,b\n1,2\n"
    pdf.docinfo["/Title"] = "Ein Bericht – 報告"
    pdf.docinfo["/Producer"] = "Some Program 1.0"
    pdf.Root.Metadata = pdf.make_stream(
        b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"/><?xpacket end="w"?>',
        Type=Name.Metadata,
        Subtype=Name.XML,
    )
    return build.save(static_id=True)


def test_everything_else_is_left_alone(removed: Remove) -> None:
    result = removed(rich(True))
    assert_same(result, rich(False))
    with pikepdf.open(io.BytesIO(result)) as left, pikepdf.open(io.BytesIO(rich(False))) as truth:
        assert left.trailer.ID[0] == truth.trailer.ID[0]
        assert left.pdf_version == truth.pdf_version


@pytest.mark.parametrize("revision", [3, 4, 6])
def test_encryption(removed: Remove, revision: int) -> None:
    def encrypted(user: str) -> bytes:
        with pikepdf.open(io.BytesIO(rich(True))) as document:
            buffer = io.BytesIO()
            document.save(
                buffer,
                encryption=pikepdf.Encryption(owner="secret", user=user, R=revision, aes=revision > 3, metadata=revision > 3),
            )
            return buffer.getvalue()

    result = removed(encrypted(""))
    assert removed.report.warnings == [ENCRYPTION_WARNING]
    assert_same(result, rich(False))
    with pikepdf.open(io.BytesIO(result)) as document:
        assert not document.is_encrypted
    with pytest.raises(DarkroomError) as caught:
        removed(encrypted("open sesame"))
    assert caught.value.reason is ErrorReason.FILE_ENCRYPTED


def test_damaged_documents_are_repaired_or_refused(removed: Remove) -> None:
    marked, truth = declarations.acrobat(True), declarations.acrobat(False)
    cut = [marked[: marked.rindex(end)] for end in (b"startxref", b"/Size")]
    for damaged in (*cut, marked.replace(b"xref\n0 ", b"xref\n7 ")):
        assert_same(removed(damaged), truth)
    for hopeless in (b"", b"%PDF-1.7\n", marked[:300], b"%PDF-1.4\n" + b"no document " * 100, b"\x89PNG\r\n\x1a\n"):
        with pytest.raises(DarkroomError) as caught:
            removed(hopeless)
        assert caught.value.reason is ErrorReason.FILE_CORRUPT


def test_references_to_nothing_mean_null(removed: Remove) -> None:
    build = Builder()
    missing = b"<</XObject 900 0 R /Properties <</A 901 0 R>> /Font <</F1 902 0 R>>>>"
    build.page(BODY + INLINE_ARTIFACT + PAINTED_MARK + b"EMC\n/A Do /Artifact /A BDC EMC", resources=Dictionary())
    document = build.save(qdf=True, compress_streams=False)
    start = document.index(b"/Resources <<")
    document = document[:start] + b"/Resources " + missing + document[document.index(b">>", start) + 2 :]
    result = removed(document)
    assert len(removed.report.removed_findings) == 1
    assert MARK.encode() not in everything(result)


def test_many_random_faults_give_a_result_or_a_typed_error(removed: Remove) -> None:
    chance = random.Random(3)
    tokens = [b"null", b"[", b"<<", b">>", b"]", b"9 0 R", b"-1", b"99999999999", b"(x)", b"endobj", b"/Kids", b"EMC", b"BI"]
    whole = [style(True) for style in STYLES.values()] + [rich(True)]
    outcomes = set()
    for _ in range(150):
        document = bytearray(chance.choice(whole))
        for _ in range(chance.randint(1, 5)):
            at, token = chance.randrange(len(document)), chance.choice(tokens)
            document[at : at + chance.choice([0, len(token)])] = token
        try:
            removed(bytes(document))
            outcomes.add("removed" if removed.report.is_changed else "nothing found")
        except DarkroomError as error:
            outcomes.add(error.reason.value)
    assert outcomes <= {"removed", "nothing found", "FILE_CORRUPT", "FILE_ENCRYPTED", "MEDIA_LIMIT_EXCEEDED"}
    assert {"removed", "FILE_CORRUPT"} <= outcomes


def test_earlier_revisions_do_not_survive(removed: Remove) -> None:
    """Text that an incremental update replaced is still in the file; it goes with the rewriting."""
    marked = declarations.acrobat(True)
    update = b"\n900 0 obj\n(an earlier CONFIDENTIAL note)\nendobj\n"
    offset = len(marked) + 1
    tail = b"xref\n900 1\n%010d 00000 n \ntrailer\n<</Size 901 /Root %b /Prev %d>>\nstartxref\n%d\n%%%%EOF\n"
    root = marked[marked.rindex(b"/Root ") + 6 :].split(b"R", 1)[0] + b"R"
    previous = int(marked[marked.rindex(b"startxref") + 9 :].split()[0])
    document = marked + update + tail % (offset, root, previous, len(marked) + len(update))
    assert b"earlier" in everything(document)
    assert b"earlier" not in everything(removed(document))


def test_what_pages_inherit_stays_where_it_is(removed: Remove) -> None:
    content = BODY + INLINE_ARTIFACT + PAINTED_MARK + b"EMC\n"
    document = (
        b"%%PDF-1.4\n1 0 obj <</Type /Catalog /Pages 2 0 R>> endobj\n"
        b"2 0 obj <</Type /Pages /Kids [3 0 R 5 0 R] /Count 2 /MediaBox [0 0 200 200] /Rotate 90\n"
        b"/Resources <</Font <</F1 <</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>>>>>>> endobj\n"
        b"3 0 obj <</Type /Page /Parent 2 0 R /Contents 4 0 R>> endobj\n"
        b"5 0 obj <</Type /Page /Parent 2 0 R /Contents 4 0 R>> endobj\n"
        b"4 0 obj <</Length %d>> stream\n%b\nendstream endobj\n"
    ) % (len(content), content)
    table = b"".join(b"%010d 00000 n \n" % document.index(b"%d 0 obj" % number) for number in range(1, 6))
    tail = b"xref\n0 6\n0000000000 65535 f \n%btrailer <</Size 6 /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
    result = removed(document + tail % (table, len(document)))
    assert removed.report.warnings == []
    assert result.count(b"/MediaBox") == result.count(b"/Rotate") == result.count(b"/Helvetica") == 1
    assert "quarterly report" in texts(result)[1]


def test_generations_other_than_the_first(removed: Remove) -> None:
    """Editors that reuse object numbers count the generation up."""
    content = BODY + INLINE_ARTIFACT + PAINTED_MARK + b"EMC\n"
    parts = [
        b"1 3 obj <</Type /Catalog /Pages 2 1 R>> endobj\n",
        b"2 1 obj <</Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 200 200]>> endobj\n",
        b"3 0 obj <</Type /Page /Parent 2 1 R /Contents 4 2 R /Resources <</Font <</F1 5 7 R /F2 5 7 R>>>>>> endobj\n",
        b"4 2 obj <</Length %d>> stream\n%b\nendstream endobj\n" % (len(content), content),
        b"5 7 obj <</Type /Font /Subtype /Type1 /BaseFont /Helvetica>> endobj\n",
    ]
    document, table = b"%PDF-1.4\n", b"xref\n0 6\n0000000000 65535 f \n"
    for part in parts:
        table += b"%010d %05d n \n" % (len(document), int(part.split()[1]))
        document += part
    document += table + b"trailer <</Size 6 /Root 1 3 R>>\nstartxref\n%d\n%%%%EOF\n" % len(document)
    result = removed(document)
    assert MARK not in texts(result)[0]
    assert "quarterly report" in texts(result)[0]


def test_hostile_structures_end(removed: Remove) -> None:
    """Loops and wrong types where others are expected."""
    build = Builder()
    form = build.form(BODY, build.resources())
    form.Resources.XObject = Dictionary(Self=form, Wrong=Array([1]), Nothing=None)
    form.OC = form
    page = build.page(
        b"/OC /Loop BDC EMC /Artifact 7 BDC EMC /Artifact BMC EMC BDC EMC Do 3 Do /Self Do\n" + INLINE_ARTIFACT + b"0 0 9 9 re f EMC\n",
        resources=build.resources(XObject=form.Resources.XObject, Properties=Array([2])),
        Annots=Array([None, 5, Dictionary()]),
    )
    expression = build.pdf.make_indirect(Array([Name.And]))
    expression.append(expression)
    page.Resources.Properties = Dictionary(Loop=Dictionary(Type=Name.OCMD, VE=expression))
    build.layer("Watermark")
    order = build.pdf.make_indirect(Array(build.pdf.Root.OCProperties.D.Order))
    order.append(order)
    build.pdf.Root.OCProperties.D.Order = order
    build.pdf.Root.OCProperties.AS = Name.Nonsense
    document = build.save()
    result = removed(document)
    assert len(removed.report.removed_findings) == 1
    assert len(pictures(result)) == 1


def test_many_pages(removed: Remove) -> None:
    build = Builder()
    resources = build.pdf.make_indirect(build.resources())
    for number in range(300):
        mark = INLINE_ARTIFACT + PAINTED_MARK + b"EMC\n" if number % 2 else b""
        build.page(BODY + b"%d w\n" % number + mark, resources=resources)
    result = removed(build.save())
    assert [finding.page for finding in removed.report.removed_findings] == list(range(2, 301, 2))
    assert removed.progress == [(page, 300) for page in range(1, 301)]
    assert not any(MARK in text for text in texts(result))
