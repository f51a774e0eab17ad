"""Content credentials through the public port: signed, read, left out, altered, and refused to none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.content_credentials import actions, active, signed, store_of
from tests.signing_certificate import make_signing
from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded
from tests.system.pilio import Pilio
from tests.system.test_forms import send

SIGN = {"convert": {"format": "PICTURE_FORMAT_KEPT", "content_credentials": True}}
JPEG = encoded(disc(96, 64), "JPEG")


@pytest.fixture
def trusted(stack: StackUnderTest) -> str:
    """The root of the stack's certificate."""
    return Path(stack.settings("inference")["DARKROOM_CONTENT_CREDENTIALS_TRUSTED_FILE"]).read_text()


async def made_of(pilio: Pilio, content: bytes, *operations: dict[str, Any], name: str = "photo.jpg") -> tuple[bytes, list[str]]:
    """The result of operations, and the codes of the task's notices."""
    file_id = await pilio.upload(name, content)
    task_id = await pilio.start("/v1/tasks", {"file_ids": [file_id], "operations": list(operations)})
    status = await pilio.finish(task_id)
    assert status["status"] == "Succeeded", status
    result = await pilio.result(task_id)
    [file] = result["files"]
    return (await pilio.http.get(file["download_url"])).content, [each["code"] for each in result.get("notices", [])]


async def read(pilio: Pilio, content: bytes, name: str = "photo.jpg") -> dict[str, Any]:
    document, _ = await made_of(pilio, content, {"inspect_metadata": {}}, name=name)
    found: dict[str, Any] = json.loads(document)
    return found["contentCredentials"]


async def test_a_resize_and_a_cut_out_are_signed_and_read(pilio: Pilio, trusted: str) -> None:
    """The second is made of the first."""
    resized, notices = await made_of(pilio, JPEG, {"resize": {"width": 64}}, SIGN)
    store = store_of(resized, "image/jpeg", trusted)
    assert (store["validation_state"], actions(store), notices) == ("Trusted", ["c2pa.opened", "c2pa.resized", "c2pa.transcoded"], [])
    cut, notices = await made_of(pilio, resized, {"remove_background": {}}, SIGN)
    store = store_of(cut, "image/png", trusted)
    assert store["validation_state"] == "Trusted" and "credentials_dropped" not in notices
    assert active(store)["ingredients"][0]["active_manifest"] in store["manifests"] and len(store["manifests"]) == 2
    said = await read(pilio, cut, "cut.png")
    assert (said["state"], said["manifests"], said["ingredients"][0]["state"]) == ("trusted", 2, "trusted")
    assert said["actions"][1] == {
        "action": "c2pa.edited",
        "digitalSourceType": "algorithmicallyEnhanced",
        "softwareAgent": "isnet",
        "description": "remove_background",
    }
    altered = bytearray(resized)
    altered[-40] ^= 1
    said = await read(pilio, bytes(altered))
    assert (said["state"], said["codes"]) == ("invalid", ["assertion.dataHash.mismatch"])


async def test_a_generated_picture_is_said_to_be(pilio: Pilio, trusted: str) -> None:
    body = {
        "operations": [
            {"gpt_image_2": {"prompt": "A red cup"}},
            {"convert": {"format": "PICTURE_FORMAT_WEBP", "content_credentials": True}},
        ]
    }
    task_id = await pilio.start("/v1/tasks", body)
    assert (await pilio.finish(task_id))["status"] == "Succeeded"
    [file] = (await pilio.result(task_id))["files"]
    said = await read(pilio, (await pilio.http.get(file["download_url"])).content, "cup.webp")
    assert said["state"] == "trusted" and said["actions"][0] == {
        "action": "c2pa.created",
        "digitalSourceType": "trainedAlgorithmicMedia",
        "softwareAgent": "gpt-image-2",
        "description": "gpt_image_2",
    }


async def test_a_camera_is_not_trusted_and_an_edit_drops_what_it_said(pilio: Pilio) -> None:
    captured = signed(JPEG, "image/jpeg", make_signing("Camera"))
    said = await read(pilio, captured)
    assert (said["state"], said["codes"], said["claimGenerator"]) == ("untrusted", ["signingCredential.untrusted"], "Camera 1")
    small, notices = await made_of(pilio, captured, {"resize": {"width": 64}})
    assert notices == ["credentials_dropped"] and b"c2pa" not in small
    tagged, notices = await made_of(pilio, captured, {"edit_metadata": {"artist": "Ada"}})
    assert notices == ["credentials_dropped"] and b"c2pa" not in tagged
    assert (await made_of(pilio, JPEG, {"resize": {"width": 64}}))[1] == []
    sent = await send(pilio, "/v1/images/resize?wait=60", ("file", captured, "photo.jpg"), ("width", "32"))
    assert [each["code"] for each in sent.json()["data"]["notices"]] == ["credentials_dropped"]
    kept, notices = await made_of(pilio, captured, SIGN)
    assert b"Camera" in kept and notices == []
