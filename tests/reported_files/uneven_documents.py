"""PDFs that the library does not write: with wrong lengths, with an update at the end, and with two tables of objects."""

from __future__ import annotations

import re

import pikepdf

from tests.reported_files.two_pages import MARK, SIZE, content_of, made


def wrong_lengths(marked: bool) -> bytes:
    """Each content says that it is shorter than it is."""
    document = made(lambda _: None, marked=marked, compress_streams=False, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    return re.sub(rb"/Length (\d)\d+", rb"/Length  \1", document)


def updated(marked: bool) -> bytes:
    """The second page was changed after the file was written, by an update at its end."""
    document = made(
        lambda _: None, marked=marked, pages=("one", "old"), compress_streams=False, object_stream_mode=pikepdf.ObjectStreamMode.disable
    )
    [number] = [
        int(found[1])
        for found in re.finditer(rb"(\d+) 0 obj\n<<[^>]*>>\nstream\n.*?endobj\n", document, re.DOTALL)
        if b"Page old" in found[0]
    ]
    changed = content_of("two")
    update = b"%d 0 obj\n<< /Length %d >>\nstream\n%bendstream\nendobj\n" % (number, len(changed), changed)
    table_at = len(document) + len(update)
    before = int(re.findall(rb"startxref\n(\d+)", document)[-1])
    trailer = re.findall(rb"trailer\s*<<(.*?)>>\s*startxref", document, re.DOTALL)[-1]
    table = b"xref\n%d 1\n%010d 00000 n \ntrailer <<%b /Prev %d >>\nstartxref\n%d\n%%%%EOF\n" % (
        number,
        len(document),
        trailer,
        before,
        table_at,
    )
    return document + update + table


def hybrid(marked: bool) -> bytes:
    """A table for old readers, and for new ones a stream with the objects that old ones do not see: the page's bookmark."""
    objects: dict[int, bytes] = {
        1: b"<< /Type /Catalog /Pages 2 0 R /Outlines 8 0 R >>",
        2: b"<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>",
        7: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    }
    for number, name in ((3, "one"), (4, "two")):
        content = content_of(name) + (MARK if marked and number == 3 else b"")
        objects[number] = (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Resources << /Font << /F1 7 0 R >> >> /Contents %d 0 R >>"
            % (*SIZE, number + 2)
        )
        objects[number + 2] = b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content)
    hidden = [b"<< /First 9 0 R /Last 9 0 R /Count 1 >>", b"<< /Title (Hidden) /Parent 8 0 R /Dest [4 0 R /Fit] >>"]
    index = b"8 0 9 %d " % (len(hidden[0]) + 1)
    body = index + b" ".join(hidden)
    objects[10] = b"<< /Type /ObjStm /N 2 /First %d /Length %d >>\nstream\n%b\nendstream" % (len(index), len(body), body)
    out, places = b"%PDF-1.5\n", dict[int, int]()
    for number in sorted(objects):
        places[number] = len(out)
        out += b"%d 0 obj\n%b\nendobj\n" % (number, objects[number])
    stream_at = len(out)
    entries = b"".join(bytes([2, 0, 10, each]) for each in (0, 1)) + b"\1" + places[10].to_bytes(2, "big") + b"\0"
    out += b"11 0 obj\n<< /Type /XRef /Size 12 /W [1 2 1] /Index [8 3] /Root 1 0 R /Length %d >>\nstream\n%b\nendstream\nendobj\n" % (
        len(entries),
        entries,
    )
    table_at = len(out)
    out += b"xref\n0 8\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % places[number] for number in range(1, 8))
    out += b"trailer << /Size 12 /Root 1 0 R /XRefStm %d >>\nstartxref\n%d\n%%%%EOF\n" % (stream_at, table_at)
    return out
