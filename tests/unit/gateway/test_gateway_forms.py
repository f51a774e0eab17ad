"""Forms as they are read, cut in every way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.gateway.forms import Form, FormLimits
from services.platform.errors import DarkroomError, ErrorReason

LIMITS = FormLimits(parts=4, field_bytes=500, idle_seconds=30, slowest_bytes=0)
BODY = (
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a b.png"\r\nContent-Type: image/png\r\n\r\n'
    b"one\r\n--y\r\n-\r\n--x\r\ncontent-disposition: form-data; name=prompt\r\n\r\n\xc3\xa4\r\n--x--\r\nepilogue"
)
EXPECTED = [("file", "a b.png", b"one\r\n--y\r\n-"), ("prompt", None, "ä".encode())]


async def pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(body), size):
        yield body[at : at + size]


async def read(form: Form) -> list[tuple[str, str | None, bytes]]:
    return [(part.name, part.file_name, b"".join([chunk async for chunk in part.chunks()])) async for part in form.parts()]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
async def test_a_form_reads_the_same_however_it_is_cut(size: int) -> None:
    assert await read(Form("multipart/form-data; boundary=x", pieces(BODY, size), LIMITS)) == EXPECTED


async def test_what_nobody_reads_of_a_part_is_passed_over() -> None:
    form = Form("multipart/form-data; boundary=x", pieces(BODY, 5), LIMITS)
    assert [part.name async for part in form.parts()] == ["file", "prompt"]


@pytest.mark.parametrize("length", range(len(BODY.removesuffix(b"\r\nepilogue")) - 1))
async def test_a_form_that_breaks_off_is_malformed(length: int) -> None:
    with pytest.raises(DarkroomError) as raised:
        await read(Form("multipart/form-data; boundary=x", pieces(BODY[:length], 64), LIMITS))
    assert raised.value.reason is ErrorReason.MALFORMED_REQUEST


async def test_nothing_is_read_before_it_is_asked_for() -> None:
    taken = 0

    async def counted() -> AsyncIterator[bytes]:
        nonlocal taken
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        while True:
            taken += 1
            yield bytes(1000)

    form = Form("multipart/form-data; boundary=x", counted(), LIMITS)
    part = await anext(form.parts())
    chunks = part.chunks()
    for _ in range(3):
        await anext(chunks)
    assert taken <= 4


@pytest.mark.parametrize(("slowest", "idle"), [(0, 0.05), (10**9, 0.0001)])
async def test_a_form_that_drips_or_stops_is_given_up(slowest: int, idle: float) -> None:
    async def dripping() -> AsyncIterator[bytes]:
        yield BODY[:60]
        while slowest:
            await asyncio.sleep(0)
            yield b"-"
        await asyncio.Event().wait()

    limits = FormLimits(parts=4, field_bytes=500, idle_seconds=idle, slowest_bytes=slowest)
    with pytest.raises(DarkroomError, match="did not arrive in time"):
        async with asyncio.timeout(30):
            await read(Form("multipart/form-data; boundary=x", dripping(), limits))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n" * 5 + b"--x--", ErrorReason.MALFORMED_REQUEST),
        (b"--x\r\nContent-Disposition: form-data; name=" + b"a" * 600 + b"\r\n\r\n1\r\n--x--", ErrorReason.BODY_TOO_LARGE),
        (b"--x\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--x--", ErrorReason.MALFORMED_REQUEST),
        (b"--x\r\nA: " + b"a" * 100_000 + b"\r\n\r\n1\r\n--x--", ErrorReason.MALFORMED_REQUEST),
    ],
    ids=["parts", "a long name", "no form data", "a long header"],
)
async def test_forms_have_limits(body: bytes, reason: ErrorReason) -> None:
    with pytest.raises(DarkroomError) as raised:
        await read(Form("multipart/form-data; boundary=x", pieces(body, 1000), LIMITS))
    assert raised.value.reason is reason
