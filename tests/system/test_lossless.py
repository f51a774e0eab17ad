"""JPEG files whose samples are not coded again, and files that are compressed, in every surface through the public port."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from darkroom import AsyncClient
from tests.stacks import Account, StackUnderTest
from tests.system.pictures import encoded, heic, opened
from tests.system.pilio import Pilio
from tests.system.shell import Shell
from tests.system.snapotter import SnapOtter
from tests.system.test_forms import send
from tests.unit.imaging.pictures import photo, written
from tests.unit.inference.lossless.jpegs import decoded, jpeg

CONTENT = jpeg((160, 96))


def scans(content: bytes) -> bytes:
    return content[content.index(b"\xff\xda") :]


async def made(pilio: Pilio, native: AsyncClient, operation: str, content: bytes, name: str, **fields: str) -> tuple[bytes, list[str]]:
    """A result by a form of /v1, and the codes of its notices."""
    reply = await send(pilio, f"/v1/images/{operation}?wait=60", ("file", content, name), *fields.items())
    assert reply.status_code == 200, reply.text
    status = await pilio.finish(reply.json()["data"]["task_id"])
    assert status["status"] == "Succeeded", status
    [file] = (await pilio.result(status["task_id"]))["files"]
    return await native.read(int(file["id"])), [each["code"] for each in status["notices"]]


def turned_back(content: bytes) -> npt.NDArray[np.int16]:
    return np.rot90(decoded(content))


async def test_stripping_and_turning(
    pilio: Pilio, native: AsyncClient, admin: SnapOtter, stack: StackUnderTest, account: Account, tmp_path: Path
) -> None:
    stripped, notices = await made(pilio, native, "convert", CONTENT, "photo.jpg", format="kept", strip_metadata="true")
    assert (scans(stripped), notices) == (scans(CONTENT), [])
    assert scans(await admin.result("strip-metadata", CONTENT, {}, "photo.jpg")) == scans(CONTENT)

    # Work on as many pixels is not short.
    large = jpeg((4224, 4224))
    shell = Shell(stack, account, tmp_path)
    for name, content in (("photo.jpg", CONTENT), ("large.jpg", large)):
        (tmp_path / name).write_bytes(content)
        status, out, err = await shell.run("rotate", name, "--angle", "90", "--output", f"turned-{name}")
        assert status == 0, out + err
        status, out, err = await shell.run("rotate", f"turned-{name}", "--angle", "270", "--output", f"back-{name}")
        assert status == 0, out + err
        assert (decoded((tmp_path / f"back-{name}").read_bytes()) == decoded(content)).all()
    turned = await admin.result("rotate", CONTENT, {"angle": 90}, "photo.jpg")
    by_form, _ = await made(pilio, native, "rotate", CONTENT, "photo.jpg", angle="90")
    assert scans(turned) == scans(by_form) and np.abs(turned_back(turned) - decoded(CONTENT)).max() <= 8


async def test_compressing_never_makes_a_larger_file_in_silence(
    pilio: Pilio, native: AsyncClient, admin: SnapOtter, stack: StackUnderTest, account: Account, tmp_path: Path
) -> None:
    small = written(photo(), "JPEG", quality=30)
    for quality, code in (("70", "not_smaller"), ("10", None)):
        content, notices = await made(pilio, native, "convert", small, "small.jpg", format="kept", quality=quality)
        assert (content == small) == (code is not None) and notices == ([code] if code else []) and len(content) <= len(small)
    reply = await admin.tool("compress", small, {}, "small.jpg")
    assert reply.status_code == 200 and reply.json()["processedSize"] <= len(small)
    avif = written(photo(), "AVIF", quality=5)
    reply = await admin.tool("compress", avif, {}, "small.avif")
    told = json.loads(reply.headers["x-notices"])
    assert [each["code"] for each in told] == ["not_smaller"] and reply.json()["processedSize"] > len(avif)

    shell = Shell(stack, account, tmp_path)
    (tmp_path / "small.jpg").write_bytes(small)
    status, out, err = await shell.run("convert", "small.jpg", "--format", "kept", "--quality", "70", "--output", "made.jpg")
    assert status == 0 and "given back unchanged" in err, out + err
    assert (tmp_path / "made.jpg").read_bytes() == small


async def test_compressing_heic_makes_a_smaller_file_that_many_read(pilio: Pilio, native: AsyncClient, admin: SnapOtter) -> None:
    picture = opened(encoded(opened(written(photo(), "PNG")), "PNG"))
    content, notices = await made(pilio, native, "convert", heic(picture), "photo.heic", format="kept", quality="70")
    assert (opened(content).format, notices) == ("JPEG", ["picture_note"]) and len(content) < len(heic(picture))
    reply = await admin.tool("compress", heic(picture), {}, "photo.heic")
    codes = [each["code"] for each in json.loads(reply.headers["x-notices"])]
    assert ("not_smaller" in codes) == (reply.json()["processedSize"] > len(heic(picture)))
