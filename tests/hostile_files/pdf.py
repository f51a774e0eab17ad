"""PDF: cross-references and trees in circles, object streams within each other, streams that expand, drawings that draw themselves."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping

import pikepdf

from tests.hostile_files.bombs import gzip_bomb, pdf_bomb
from tests.hostile_files.png import zeros
from tests.hostile_files.wholes import document, whole

_MARKED = b"/Artifact<</Type/Pagination/Subtype/Watermark>>BDC 0 1 0 rg 30 30 20 20 re f EMC 1 0 0 rg 20 20 90 60 re f"
"""A drawing, and a watermark that declares itself."""
_CATALOG, _PAGES = b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>"


def _stream(data: bytes, entries: bytes = b"", *, length: bytes | None = None) -> bytes:
    return b"<<%s/Length %s>>stream\n%s\nendstream" % (entries, length or str(len(data)).encode(), data)


def _page(more: bytes = b"/Contents 4 0 R", box: bytes = b"0 0 200 150") -> bytes:
    return b"<</Type/Page/Parent 2 0 R/MediaBox[%s]%s>>" % (box, more)


def _pdf(objects: Mapping[int, bytes], trailer: bytes = b"", size: int | None = None) -> bytes:
    """A document of these objects besides, or in place of, those of one page with a rectangle on it."""
    usual = {1: _CATALOG, 2: _PAGES, 3: _page(), 4: _stream(_MARKED)}
    data, places = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", {}
    for number, content in sorted({**usual, **objects}.items()):
        places[number] = len(data)
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%d 1\n%010d 00000 n \n" % (number, place) for number, place in places.items())
    end = size or max(places) + 1
    return data + b"xref\n0 1\n0000000000 65535 f \n%strailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (
        table,
        end,
        trailer,
        len(data),
    )


def _drawing(content: bytes, resources: bytes, objects: Mapping[int, bytes], page: bytes = b"") -> bytes:
    return _pdf(
        {3: _page(b"/Contents 4 0 R/Resources<<%s>>%s" % (resources, page)), 4: _stream(b"q %s Q %s" % (_MARKED, content)), **objects}
    )


def _image(width: int, height: int, data: bytes, filter_: bytes, more: bytes = b"/ColorSpace/DeviceGray/BitsPerComponent 8") -> bytes:
    """A page with this picture on it."""
    entries = b"/Type/XObject/Subtype/Image/Width %d/Height %d/Filter%s%s" % (width, height, filter_, more)
    return _drawing(b"q 200 0 0 150 0 0 cm /I Do Q", b"/XObject<</I 5 0 R>>", {5: _stream(data, entries)})


def _packed(content: bytes, levels: int) -> bytes:
    for _ in range(levels):
        content = zlib.compress(content, 9)
    return content


def _object_streams() -> Mapping[str, bytes]:
    """Object streams that extend, or are in, each other. The table is a stream, too."""

    def document_of(extends: Mapping[int, int], inside: Mapping[int, tuple[int, int]], count: bytes = b"1") -> bytes:
        data, places = b"%PDF-1.7\n", {}
        plain = {1: _CATALOG, 2: _PAGES, 4: _stream(_MARKED)}
        for number, base in extends.items():
            packed = b"3 0 " + _page()
            plain[number] = _stream(packed, b"/Type/ObjStm/N %s/First 4/Extends %d 0 R" % (count, base))
        for number, content in plain.items():
            places[number] = len(data)
            data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
        rows = b"\0\0\0\0\0\0" + b"".join(
            struct.pack(">BIB", 2, *inside[number]) if number in inside else struct.pack(">BIB", 1, places.get(number, 0), 0)
            for number in range(1, 8)
        )
        table = _stream(rows, b"/Type/XRef/W[1 4 1]/Size 8/Root 1 0 R")
        return data + b"8 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n" % (table, len(data))

    return {
        "object streams that extend each other": document_of({5: 6, 6: 5}, {3: (5, 0)}),
        "object stream in itself": document_of({5: 5}, {3: (5, 0), 5: (5, 0)}),
        "object streams in each other": document_of({5: 6, 6: 5}, {3: (5, 0), 5: (6, 0), 6: (5, 0)}),
        "object stream of 2^31 objects": document_of({5: 6, 6: 7}, {3: (5, 0)}, b"2147483647"),
        "object stream of less than none": document_of({5: 6, 6: 7}, {3: (5, 0)}, b"-1"),
        "object beyond its stream": document_of({5: 6, 6: 7}, {3: (5, 200)}),
    }


def _structures() -> Mapping[str, bytes]:
    data, plain = whole("pdf"), _pdf({})
    start = plain.rindex(b"startxref")
    deep = b"[" * 100_000 + b"]" * 100_000
    # The most pages that an upload may have.
    kids = b" ".join(b"3 0 R" for _ in range(2000))
    encrypted = io.BytesIO()
    with pikepdf.open(io.BytesIO(data)) as opened:
        opened.save(encrypted, encryption=pikepdf.Encryption(owner="a", user="b"))
    return {
        "table that follows itself": plain.replace(b"/Size 5", b"/Size 5/Prev %d" % plain.rindex(b"xref\n0 1")),
        "table elsewhere": plain[:start] + b"startxref\n9999999999999999999\n%%EOF",
        "table before the file": plain[:start] + b"startxref\n-5\n%%EOF",
        "table of 2^31 objects": _pdf({}, size=1 << 31),
        "stream of tables in itself": plain.replace(b"/Size 5", b"/Size 5/XRefStm %d" % plain.index(b"4 0 obj")),
        "no table": plain[:start],
        "no trailer": plain[: plain.rindex(b"trailer")],
        "tree that holds itself": _pdf({2: b"<</Type/Pages/Kids[2 0 R 3 0 R]/Count 2>>"}),
        "trees that hold each other": _pdf({2: b"<</Type/Pages/Kids[5 0 R]/Count 1>>", 5: b"<</Type/Pages/Kids[2 0 R]/Count 1>>"}),
        "10^9 pages announced": _pdf({2: b"<</Type/Pages/Kids[3 0 R]/Count 1000000000>>"}),
        "less than no pages": _pdf({2: b"<</Type/Pages/Kids[3 0 R]/Count -1>>"}),
        "no pages": _pdf({2: b"<</Type/Pages/Kids[]/Count 0>>"}),
        "one page 2,000 times": _pdf({2: b"<</Type/Pages/Kids[%s]/Count 2000>>" % kids}),
        "pages that are numbers": _pdf({2: b"<</Type/Pages/Kids[1 2 null (a)]/Count 4>>"}),
        "catalogue that is a page": _pdf({1: _page()}),
        "catalogue that is not there": plain.replace(b"/Root 1 0 R", b"/Root 99 0 R"),
        "tree that is a string": _pdf({2: b"(pages)"}),
        "100,000 levels": _pdf({5: deep}, b"/Info 5 0 R"),
        "100,000 dictionaries": _pdf({5: b"<</A" * 100_000 + b" 1" + b">>" * 100_000}, b"/Info 5 0 R"),
        "100,000 levels in the catalogue": _pdf({1: b"<</Type/Catalog/Pages 2 0 R/X %s>>" % deep}),
        "length that is itself": _pdf({4: _stream(_MARKED, length=b"4 0 R")}),
        "length of 2^63": _pdf({4: _stream(_MARKED, length=b"9223372036854775808")}),
        "length of less than nothing": _pdf({4: _stream(_MARKED, length=b"-9")}),
        "stream without end": _pdf({4: b"<</Length 5>>stream\n" + _MARKED}),
        "object that refers to itself": _pdf({4: b"4 0 R"}),
        "objects that refer to each other": _pdf({4: b"5 0 R", 5: b"4 0 R"}),
        "outlines in a circle": _pdf(
            {1: _CATALOG[:-2] + b"/Outlines 5 0 R>>", 5: b"<</First 5 0 R/Next 5 0 R/Last 5 0 R/Count 9/Title(a)>>"}
        ),
        "names in a circle": _pdf({1: _CATALOG[:-2] + b"/Names<</Dests 5 0 R>>>>", 5: b"<</Kids[5 0 R]>>"}),
        "fields in a circle": _pdf({1: _CATALOG[:-2] + b"/AcroForm<</Fields[5 0 R]>>>>", 5: b"<</Kids[5 0 R]/Parent 5 0 R/T(a)>>"}),
        "tags in a circle": _pdf(
            {1: _CATALOG[:-2] + b"/StructTreeRoot 5 0 R>>", 5: b"<</Type/StructTreeRoot/K[5 0 R]/ParentTree 5 0 R/Kids[5 0 R]>>"}
        ),
        "layers in a circle": _pdf(
            {1: _CATALOG[:-2] + b"/OCProperties<</OCGs[5 0 R]/D<</Order[5 0 R]>>>>>>", 5: b"<</Type/OCMD/OCGs 5 0 R/VE[/And 5 0 R]>>"}
        ),
        "JavaScript and programs": _pdf(
            {1: _CATALOG[:-2] + b"/OpenAction<</S/JavaScript/JS(for(;;);)>>/AA<</WC<</S/Launch/F(/bin/sh)>>>>>>"}
        ),
        "a password": encrypted.getvalue(),
        "an unknown protection": _pdf({5: b"<</Filter/Secret/V 99/R 99>>"}, b"/Encrypt 5 0 R/ID[(a)(b)]"),
        "a protection in a circle": _pdf({5: b"5 0 R"}, b"/Encrypt 5 0 R/ID[(a)(b)]"),
        "a broken protection": _pdf({5: b"<</Filter/Standard/V 5/R 6/O()/U()/P -1/Length 999999>>"}, b"/Encrypt 5 0 R/ID[(a)(b)]"),
        "a header late": b"x" * 1000 + plain,
        "version 9.9": plain.replace(b"%PDF-1.7", b"%PDF-9.9"),
        "a compressed header": gzip_bomb(plain, 1 << 20),
        "an archive after it": data + b"PK\3\4" + bytes(1 << 20),
        "noise in the middle": data[: len(data) // 2] + bytes(range(256)) * 9 + data[len(data) // 2 :],
        "nothing but a header": b"%PDF-1.7\n",
        "100,000 objects": _pdf(dict.fromkeys(range(10, 30000), b"null")),
        "two pages that share everything": document() + document(),
    }


def _contents() -> Mapping[str, bytes]:
    bomb = zeros(200)
    fonts = b"/Font<</F 5 0 R>>"
    function = b"<</FunctionType 4/Domain[0 1]/Range[0 1]/Length 9>>stream\n{ 9 roll }\nendstream"
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 200 150]"
    return {
        "forms of forms": pdf_bomb(),
        "content of 200 MB": _pdf({4: _stream(bomb, b"/Filter/FlateDecode")}),
        "content of 200 MB of spaces and signs": _pdf({4: _stream(zlib.compress(b"q Q 0 0 m " * 10_000_000, 1), b"/Filter/FlateDecode")}),
        "content compressed four times": _pdf({4: _stream(_packed(zeros(64), 3), b"/Filter[%s]" % (b"/FlateDecode" * 4))}),
        "100 filters": _pdf({4: _stream(b"x", b"/Filter[%s]" % (b"/FlateDecode" * 100))}),
        "filter that there is not": _pdf({4: _stream(b"x", b"/Filter/Secret")}),
        "content as JBIG2": _pdf({4: _stream(bytes(range(256)), b"/Filter/JBIG2Decode")}),
        "content as Brotli": _pdf({4: _stream(bytes(range(256)), b"/Filter/BrotliDecode")}),
        "content as a fax": _pdf({4: _stream(bytes(range(256)), b"/Filter[/CCITTFaxDecode/DCTDecode/JPXDecode]")}),
        "a mask in JBIG2": _image(64, 48, bytes(range(256)), b"/JBIG2Decode", b"/ImageMask true/BitsPerComponent 1"),
        "filters of noise": _pdf({4: _stream(bytes(range(256)), b"/Filter[/ASCII85Decode/LZWDecode/RunLengthDecode]")}),
        "predictor of 2^31 columns": _pdf(
            {4: _stream(zlib.compress(b"0 0 9 9 re f"), b"/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 2147483647>>")}
        ),
        "content of content that is not there": _pdf({3: _page(b"/Contents[4 0 R 99 0 R 3 0 R null 4 0 R]")}),
        "a million states": _pdf({4: _stream(zlib.compress(b"q " * 1_000_000), b"/Filter/FlateDecode")}),
        "a million points": _pdf({4: _stream(zlib.compress(b"0 0 m " + b"9 9 l 0 9 l " * 500_000 + b"f"), b"/Filter/FlateDecode")}),
        "numbers of 10^40": _pdf(
            {4: _stream(b"1e40 0 0 99999999999999999999999999999999999999999 0 0 cm -99999999999 0 99999999999 9 re f")}
        ),
        "operators without operands": _pdf({4: _stream(b"re cm Tj Do sh gs scn BDC ' \" TJ EMC ET Q Q Q d0 d1 BI ID EI")}),
        "text that is noise": _pdf({4: _stream(bytes(range(256)) * 200)}),
        "string without end": _pdf({4: _stream(b"BT (" + b"(" * 50_000)}),
        "picture in the content without end": _pdf({4: _stream(b"BI /W 99999 /H 99999 /BPC 8 /CS /G ID " + bytes(900))}),
        "form of itself": _drawing(b"/A Do", b"/XObject<</A 5 0 R>>", {5: _stream(b"/A Do", form + b"/Resources<</XObject<</A 5 0 R>>>>")}),
        "pattern of itself": _drawing(
            b"/Pattern cs /A scn 0 0 200 150 re f",
            b"/Pattern<</A 5 0 R>>",
            {
                5: _stream(
                    b"/Pattern cs /A scn 0 0 9 9 re f",
                    b"/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 9 9]/XStep 9/YStep 9/Resources<</Pattern<</A 5 0 R>>>>",
                )
            },
        ),
        "pattern of nearly nothing": _drawing(
            b"/Pattern cs /A scn 0 0 200 150 re f",
            b"/Pattern<</A 5 0 R>>",
            {
                5: _stream(
                    b"0 0 1 1 re f", b"/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 .001 .001]/XStep .0001/YStep .0001/Resources<<>>"
                )
            },
        ),
        "letter of itself": _drawing(
            b"BT /F 9 Tf (a) Tj ET",
            fonts,
            {
                5: b"<</Type/Font/Subtype/Type3/FontBBox[0 0 9 9]/FontMatrix[1 0 0 1 0 0]/CharProcs<</a 6 0 R>>"
                b"/Encoding<</Differences[97/a]>>/FirstChar 97/LastChar 97/Widths[9]/Resources<</Font<</F 5 0 R>>>>>>",
                6: _stream(b"BT /F 9 Tf (a) Tj ET"),
            },
        ),
        "mask of itself": _drawing(
            b"/G gs 0 0 99 99 re f",
            b"/ExtGState<</G 5 0 R>>",
            {
                5: b"<</SMask<</S/Alpha/G 6 0 R>>>>",
                6: _stream(b"/G gs 0 0 9 9 re f", form + b"/Group<</S/Transparency>>/Resources<</ExtGState<</G 5 0 R>>>>"),
            },
        ),
        "font that is noise": _drawing(
            b"BT /F 20 Tf 20 50 Td (abc) Tj ET",
            fonts,
            {
                5: b"<</Type/Font/Subtype/TrueType/BaseFont/A/FirstChar 0/LastChar 999999/Widths[9]/FontDescriptor 6 0 R>>",
                6: b"<</Type/FontDescriptor/FontName/A/Flags 4/FontFile2 7 0 R>>",
                7: _stream(b"\0\1\0\0\xff\xff" + bytes(range(256))),
            },
        ),
        "font of fonts in a circle": _drawing(
            b"BT /F 20 Tf (abc) Tj ET",
            fonts,
            {
                5: b"<</Type/Font/Subtype/Type0/BaseFont/A/Encoding 6 0 R/DescendantFonts[5 0 R]/ToUnicode 6 0 R>>",
                6: _stream(
                    b"/CIDInit begincodespacerange <00><ffffffff> endcodespacerange 9 begincidrange <00><ffffffff> 0 endcidrange",
                    b"/Type/CMap/UseCMap 6 0 R",
                ),
            },
        ),
        "letters of 200 MB": _drawing(
            b"BT /F 20 Tf (abc) Tj ET",
            fonts,
            {5: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 6 0 R>>", 6: _stream(bomb, b"/Filter/FlateDecode")},
        ),
        "colours of colours": _drawing(
            b"/C cs 1 scn 0 0 9 9 re f", b"/ColorSpace<</C 5 0 R>>", {5: b"[/Separation/A 5 0 R 6 0 R]", 6: function}
        ),
        "2^31 colours": _drawing(b"/C cs 1 scn 0 0 9 9 re f", b"/ColorSpace<</C[/Indexed/DeviceRGB 2147483647(abc)]>>", {}),
        "shading of 2^31 samples": _drawing(
            b"/S sh",
            b"/Shading<</S<</ShadingType 1/ColorSpace/DeviceRGB/Function 5 0 R>>>>",
            {5: _stream(bytes(99), b"/FunctionType 0/Domain[0 1 0 1]/Range[0 1 0 1 0 1]/Size[65535 65535]/BitsPerSample 32")},
        ),
        "page of 10^9 points": _pdf({3: _page(box=b"0 0 1000000000 1000000000")}),
        "page of nothing": _pdf({3: _page(box=b"0 0 0 0")}),
        "page that is no number": _pdf({3: _page(box=b"(a) /b null 9")}),
        "page of units of 10^9": _pdf({3: _page(b"/Contents 4 0 R/UserUnit 1000000000")}),
        "page that is one hair": _pdf({3: _page(box=b"0 0 .0001 14000")}),
        "turned by 17": _pdf({3: _page(b"/Contents 4 0 R/Rotate 17")}),
        "notes in a circle": _pdf(
            {
                3: _page(b"/Annots 5 0 R"),
                5: b"[5 0 R 6 0 R]",
                6: b"<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/Parent 6 0 R/Popup 6 0 R/AP<</N 6 0 R>>>>",
            }
        ),
        "20,000 notes": _pdf({3: _page(b"/Annots[%s]" % (b"<</Type/Annot/Subtype/Link/Rect[0 0 9 9]>>" * 20_000))}),
        "picture of 4 gigapixels": _image(65_535, 65_535, zlib.compress(bytes(1 << 20)), b"/FlateDecode"),
        "picture of 100 megapixels of zeros": _image(10_000, 10_000, zeros(96), b"/FlateDecode"),
        "JPEG 2000 of noise": _image(64, 48, b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(range(256)), b"/JPXDecode"),
        "JPEG 2000 of 2^31": _image(
            64,
            48,
            b"\xff\x4f\xff\x51\0\x29\0\0" + b"\x7f\xff\xff\xff" * 2 + bytes(8) + b"\x7f\xff\xff\xff" * 2 + bytes(8) + b"\0\1\7\1\1",
            b"/JPXDecode",
        ),
        "JBIG2 of noise": _image(64, 48, bytes(range(256)) * 9, b"/JBIG2Decode", b"/ColorSpace/DeviceGray/BitsPerComponent 1"),
        "JBIG2 of 2^32": _image(
            64,
            48,
            b"\0\0\0\0\x30\0\1\0\0\0\x13" + b"\xff" * 8 + bytes(11) + b"\0\0\0\1\x26\0\1\xff\xff\xff\xff" + b"\xff" * 17 + bytes(9),
            b"/JBIG2Decode",
            b"/ColorSpace/DeviceGray/BitsPerComponent 1",
        ),
        "JPEG that is cut": _image(64, 48, whole("jpeg")[:500], b"/DCTDecode", b"/ColorSpace/DeviceRGB/BitsPerComponent 8"),
        "fax of 2^31 columns": _image(
            2_147_483_647,
            9,
            bytes(99),
            b"/CCITTFaxDecode",
            b"/DecodeParms<</K -1/Columns 2147483647>>/ColorSpace/DeviceGray/BitsPerComponent 1",
        ),
        "picture that is its own mask": _image(
            64, 48, zlib.compress(bytes(64 * 48)), b"/FlateDecode", b"/ColorSpace/DeviceGray/BitsPerComponent 8/SMask 5 0 R/Mask 5 0 R"
        ),
        "99 bits": _image(64, 48, zlib.compress(bytes(64 * 48)), b"/FlateDecode", b"/ColorSpace/DeviceGray/BitsPerComponent 99"),
        "profile of noise": _image(
            64, 48, zlib.compress(bytes(64 * 48)), b"/FlateDecode", b"/ColorSpace[/ICCBased 4 0 R]/BitsPerComponent 8"
        ),
    }


def tricks() -> Mapping[str, bytes]:
    """By name."""
    return {**_object_streams(), **_structures(), **_contents()}
