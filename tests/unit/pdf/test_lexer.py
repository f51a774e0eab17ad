"""Content streams are taken apart at the right places."""

from __future__ import annotations

import base64
import io
import random
import zlib

import pikepdf
import pytest
from PIL import Image

from services.inference.pdf.edits import Edit, apply
from services.inference.pdf.lexer import names, operations


def operators(data: bytes) -> list[bytes]:
    return [operation.operator for operation in operations(data)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"q 1 0 0 1 0 0 cm Q", [b"q", b"cm", b"Q"]),
        (b"(a) Tj(b)Tj[(c)-1(d)]TJ<e5>Tj", [b"Tj", b"Tj", b"TJ", b"Tj"]),
        (b"((nested (EMC)) \\) EMC) Tj q", [b"Tj", b"q"]),
        (b"(a\\\\) Tj (b\\\\\\)) Tj", [b"Tj", b"Tj"]),
        (b"% a comment with Q and (\nq % and\rQ", [b"q", b"Q"]),
        (b"/A<</B true/C[null false(x)]/D<</E<41>>>>>BDC EMC", [b"BDC", b"EMC"]),
        (b"/Q gs /Do Do/EMC BMC", [b"gs", b"Do", b"BMC"]),
        (b"(x) ' 1 2 (y) \" T* f* B* b* W* d0 d1", [b"'", b'"', b"T*", b"f*", b"B*", b"b*", b"W*", b"d0", b"d1"]),
        (b"0.5w 1J -3 .5-2 9 re", [b"w", b"J", b"re"]),
        (b"}{ ) > q", [b"q"]),
        (b"(never closed Q Q", []),
        (b"", []),
    ],
)
def test_operators(data: bytes, expected: list[bytes]) -> None:
    assert operators(data) == expected


def test_an_operation_knows_its_place() -> None:
    data = b"q\n/Artifact  <</Subtype /Watermark>>BDC\n(a) Tj EMC"
    _, begin, show, end = operations(data)
    assert data[begin.start : begin.end] == b"/Artifact  <</Subtype /Watermark>>BDC"
    assert data[begin.operator_start : begin.end] == b"BDC"
    assert begin.operands(data) == ["/Artifact", {"/Subtype": "/Watermark"}]
    assert data[show.start : show.end] == b"(a) Tj"
    assert end.operands(data) == []


@pytest.mark.parametrize("operand", [b"<</A", b"[1 2", b"<</A /B>", b"<<1 2>>", b"<zz>", b"/A#ZZ"])
def test_malformed_operands_are_no_error(operand: bytes) -> None:
    data = operand + b" BDC Q"
    assert operators(data)[-1] == b"Q"
    for operation in operations(data):
        assert isinstance(operation.operands(data), list)


def image(settings: bytes, body: bytes) -> bytes:
    return b"q BI /W 16 /H 16 " + settings + b" ID " + body + b"\nEI Q\n"


GRAY = random.Random(5).randbytes(100) + b"\nEI Q " + b" EI\n" * 5 + random.Random(6).randbytes(130)
assert len(GRAY) == 256


def jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.frombytes("L", (16, 16), GRAY).save(buffer, "JPEG", comment=b" EI Q EMC ")
    return buffer.getvalue()


def stored_flate() -> bytes:
    """zlib with level 0, so that the traps stand in the compressed data as they are."""
    return zlib.compress(GRAY, 0)


@pytest.mark.parametrize(
    "data",
    [
        image(b"/BPC 8 /CS /G", GRAY),
        image(b"/BitsPerComponent 8 /ColorSpace /DeviceGray", GRAY),
        image(b"/CS/G/BPC 8/D[1 0]", GRAY),
        image(b"/IM true", GRAY[:32]),
        image(b"/BPC 8 /CS [/I /RGB 255 <00>]", GRAY),
        image(b"/BPC 8 /CS /Named /L 256", GRAY),
        image(b"/BPC 8 /CS /G /F /Fl", stored_flate()),
        image(b"/BPC 8 /CS /G /F [/Fl] /DP [null]", zlib.compress(GRAY)),
        image(b"/BPC 8 /CS /G /F /DCT", jpeg()),
        image(b"/BPC 8 /CS /G /F [/A85 /Fl]", base64.a85encode(zlib.compress(GRAY), adobe=True)[2:]),
        image(b"/BPC 8 /CS /G /F /AHx", GRAY.hex().encode() + b">"),
        image(b"/BPC 8 /CS /G /F /RL", b"\x7f" + GRAY[:128] + b"\x7f" + GRAY[128:] + b"\x80"),
        image(b"/BPC 8 /CS /G", GRAY).replace(b"\nEI Q\n", b"EI\rQ\n"),
        image(b"/BPC 8 /CS /Unknown", b"\x80EI\x00\x01\x02\x03 EI\x05 \xff EI Q\xfe" + b"\x99" * 8),
        b"q BI /W 16 /H 16 /BPC 8 /CS /G ID\r\n" + GRAY + b"\r\nEI Q\n",
    ],
    ids=range(15),
)
def test_inline_images(data: bytes) -> None:
    assert operators(data) == [b"q", b"BI", b"Q"]
    _, drawn, _ = operations(data)
    assert data[drawn.start : drawn.end].startswith(b"BI /W 16")
    assert data[drawn.start : drawn.end].endswith(b"EI")


def test_an_inline_image_that_never_ends() -> None:
    assert operators(b"q BI /W 16 /H 16 /BPC 8 /CS /G ID " + bytes(30)) == [b"q", b"BI"]


def test_it_agrees_with_qpdf_on_arbitrary_tokens() -> None:
    """Random sequences of well-formed operations, with and without space between them."""
    chance = random.Random(11)
    operands = [b"1", b"-.5", b"(a\\)b)", b"(())", b"<41 42>", b"/N", b"/N#20x", b"[1(]) /A]", b"<</K[<</L(>>)>>]>>", b"true"]
    for _ in range(300):
        data = b""
        for _ in range(chance.randint(1, 30)):
            data += b" ".join(chance.choices(operands, k=chance.randint(0, 4))) + b" "
            data += chance.choice([b"q", b"Q", b"Tj", b"T*", b"'", b'"', b"BDC", b"sc", b"d1"])
            data += chance.choice([b" ", b"\n", b"\r\n", b"% EMC (\n", b"\t\x00"])
        with pikepdf.new() as document:
            instructions = pikepdf.parse_content_stream(document.make_stream(data))
        assert operators(data) == [bytes(instruction.operator) for instruction in instructions]


def test_names() -> None:
    data = b"/F1 12 Tf/Fm#300 Do (/InString) Tj /\xcb\xce gs"
    assert names(data) == {"/F1", "/Fm00", "/InString", "/\xcb\xce"}


@pytest.mark.parametrize(
    ("data", "cut", "left"),
    [
        (b"q /A Do Q", b"/A Do", b"q Q"),
        (b"Q/A Do q", b"/A Do", b"Q q"),
        (b"/A Do\nq", b"/A Do", b"q"),
        (b"q /A Do", b"/A Do", b"q "),
        (b"q/A Do/B Do", b"/A Do", b"q/B Do"),
    ],
)
def test_a_cut_never_joins_two_tokens(data: bytes, cut: bytes, left: bytes) -> None:
    start = data.index(cut)
    assert apply(data, [Edit(start, start + len(cut))]) == left


def test_edits_apply_to_a_part() -> None:
    edits = [Edit(2, 5, b"x"), Edit(7, 9)]
    data = b"0123456789"
    assert apply(data, edits) == b"01x569"
    assert apply(data, edits, 0, 3) + apply(data, edits, 3, 8) + apply(data, edits, 8) == b"01x569"
