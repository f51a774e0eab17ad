"""Pictures of the kinds that users report, through each API and the command line: each looks as it must, or is refused."""

from __future__ import annotations

import base64
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image, ImageCms

from darkroom import AsyncClient
from tests.reported_files.pictures import ReportedFile, reported_pictures
from tests.stacks import Account, StackUnderTest
from tests.system.claid import STABLE, claid
from tests.system.fal import Fal
from tests.system.pi import Pi
from tests.system.pictures import opened
from tests.system.pilio import Pilio
from tests.system.shell import Shell
from tests.system.snapotter import SnapOtter
from tests.system.test_forms import send

SEEN = [each for each in reported_pictures().values() if each.shown is not None]
REFUSED = [each for each in reported_pictures().values() if each.shown is None]


@dataclass(frozen=True)
class Callers:
    """A client of each surface, of one account as far as there are accounts."""

    stack: StackUnderTest
    account: Account
    native: AsyncClient
    pilio: Pilio
    admin: SnapOtter
    shell: Shell

    async def fetched(self, url: str) -> bytes:
        async with httpx.AsyncClient() as http:
            return (await http.get(url)).raise_for_status().content


@pytest.fixture
async def callers(
    stack: StackUnderTest, account: Account, native: AsyncClient, pilio: Pilio, admin: SnapOtter, tmp_path: Path
) -> AsyncIterator[Callers]:
    yield Callers(stack, account, native, pilio, admin, Shell(stack, account, tmp_path))


async def _by_form(callers: Callers, file: ReportedFile) -> bytes:
    reply = await send(callers.pilio, "/v1/images/convert?wait=60", ("file", file.content, file.name), ("format", "png"))
    assert reply.status_code == 200, reply.text
    status = await callers.pilio.finish(reply.json()["data"]["task_id"])
    assert status["status"] == "Succeeded", status
    assert file.said in str(status["notices"])
    [made] = (await callers.pilio.result(status["task_id"]))["files"]
    return await callers.native.read(int(made["id"]))


async def _by_snapotter(callers: Callers, file: ReportedFile) -> bytes:
    return await callers.admin.result("convert", file.content, {"format": "png"}, file.name)


async def _by_command(callers: Callers, file: ReportedFile) -> bytes:
    (callers.shell.folder / file.name).write_bytes(file.content)
    status, out, err = await callers.shell.run("convert", file.name, "--format", "png", "--output", "made.png")
    assert status == 0, out + err
    assert file.said in err
    return (callers.shell.folder / "made.png").read_bytes()


async def _by_claid(callers: Callers, file: ReportedFile) -> bytes:
    stored = await callers.native.upload(file.content, name=file.name)
    async with claid(callers.stack.url, callers.account.api_key, STABLE) as client:
        sent = {"input": f"storage://files/{stored.id}", "operations": {}, "output": {"format": "png"}}
        reply = await client.post("image/edit", sent)
        assert reply.status_code == 200, reply.text
        return await callers.fetched(reply.json()["data"]["output"]["tmp_url"])


async def _by_pi(callers: Callers, file: ReportedFile) -> bytes:
    stored = await callers.native.upload(file.content, name=file.name)
    async with AsyncExitStack() as closing:
        pi = Pi(callers.stack.url, callers.account.api_key)
        closing.push_async_callback(pi.http.aclose)
        job = await pi.job({"operations": [{"convert": {"format": "PICTURE_FORMAT_PNG"}}], "input_file_ids": [str(stored.id)]})
        ended = await pi.ended(job["job_id"])
        assert ended["status"] == "completed", ended
        return await callers.fetched(ended["data"]["result_url"])


async def _by_fal(callers: Callers, file: ReportedFile) -> bytes:
    async with AsyncExitStack() as closing:
        fal = Fal(callers.stack.url, callers.account.api_key)
        closing.push_async_callback(fal.http.aclose)
        data = f"data:application/octet-stream;base64,{base64.b64encode(file.content).decode()}"
        made = await fal.result(await fal.submit("darkroom/convert", {"image_url": data, "format": "png"}))
        return await callers.fetched(made["image"]["url"])


SURFACES: Mapping[str, Callable[[Callers, ReportedFile], Awaitable[bytes]]] = {
    "v1": _by_form,
    "snapotter": _by_snapotter,
    "command": _by_command,
    "claid": _by_claid,
    "pi": _by_pi,
    "fal": _by_fal,
}


def over_white(picture: Image.Image, size: tuple[int, int]) -> np.ndarray:
    """As it is seen, with 8 bits."""
    if picture.mode.startswith("I"):
        picture = Image.fromarray((np.asarray(picture) // 257).astype(np.uint8))
    whole = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA")).convert("RGB")
    # A tool may draw at another resolution.
    return np.asarray(whole if whole.size == size else whole.resize(size, Image.Resampling.BOX), float)


@pytest.mark.cases(24)
@pytest.mark.parametrize(("surface", "file"), list(product(SURFACES, SEEN)), ids=lambda value: getattr(value, "id", value))
async def test_it_looks_as_it_must(callers: Callers, surface: str, file: ReportedFile) -> None:
    assert file.shown is not None
    height, width = file.shown.shape[:2]
    picture = opened(await SURFACES[surface](callers, file))
    assert picture.size == (width, height) or file.extension == "svg"
    assert picture.getexif().get(0x0112, 1) == 1
    if profile := picture.info.get("icc_profile"):
        picture = in_srgb(picture, profile)
    assert np.abs(over_white(picture, (width, height)) - file.shown).mean() <= file.tolerance + 0.5


def in_srgb(picture: Image.Image, profile: bytes) -> Image.Image:
    """A result that keeps the profile of its input."""

    made = ImageCms.profileToProfile(
        picture, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    assert made is not None
    return made


@pytest.mark.cases(3)
@pytest.mark.parametrize("file", REFUSED, ids=lambda file: file.id)
async def test_it_is_refused(callers: Callers, file: ReportedFile) -> None:
    reply = await send(callers.pilio, "/v1/images/convert?wait=60", ("file", file.content, file.name), ("format", "png"))
    if reply.status_code == 200:
        status = await callers.pilio.finish(reply.json()["data"]["task_id"])
        assert (status["status"], status["error_type"]) == ("Failed", "file_corrupt" if file.extension != "tif" else "media_unsupported")
        assert file.said in status["error_message"]
    else:
        assert (reply.status_code, reply.json()["code"]) in ((400, 40005), (400, 40006)), reply.text
    reply = await callers.admin.tool("convert", file.content, {"format": "png"}, file.name)
    assert reply.status_code in (400, 422), reply.text
