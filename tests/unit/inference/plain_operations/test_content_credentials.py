"""Content credentials through a pipeline: signed, left out with a notice, read, and hostile ones."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from darkroom.operations.v1 import convert_pb2
from services.inference.credentials.presence import has_credentials
from services.inference.credentials.signer import Signer
from services.inference.media import Image, Limits, Saving, decode, encode
from services.pictures.media_format import MediaFormat
from services.platform.errors import DarkroomError, ErrorReason
from tests.content_credentials import actions, active, hostile, signed, store_of
from tests.signing_certificate import make_signing
from tests.unit.imaging.pictures import photo
from tests.unit.inference.plain_operations.running import Running

OURS, CAMERA = make_signing(), make_signing("Camera")
FORMATS = (
    MediaFormat.JPEG,
    MediaFormat.PNG,
    MediaFormat.WEBP,
    MediaFormat.AVIF,
    MediaFormat.HEIC,
    MediaFormat.HEIF,
    MediaFormat.TIFF,
    MediaFormat.GIF,
)
SIGN = {"convert": {"format": convert_pb2.PICTURE_FORMAT_KEPT, "content_credentials": True}}
KEPT = {"convert": {"format": convert_pb2.PICTURE_FORMAT_KEPT}}
DROPPED = ("credentials_dropped", "")


@pytest.fixture
def signing(running: Running) -> Running:
    """With the operator's certificate."""
    tools = running.tools
    running.tools = dataclasses.replace(tools, credentials=Signer(OURS.certificates, OURS.key), trusted_certificates=OURS.trusted)
    return running


def plain(format_: MediaFormat = MediaFormat.JPEG) -> bytes:
    return encode(Image(photo()), Saving(format_))


def captured(format_: MediaFormat = MediaFormat.JPEG) -> bytes:
    return signed(plain(format_), format_.media_type, CAMERA)


async def read(running: Running, content: bytes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(await running.file(content, {"inspect_metadata": {}}))
    return document["contentCredentials"]


@pytest.mark.parametrize("format_", FORMATS)
async def test_a_result_is_signed_in_every_format(format_: MediaFormat, signing: Running) -> None:
    to = {"convert": {"format": f"PICTURE_FORMAT_{format_.upper()}", "content_credentials": True}}
    unsigned = {"convert": {"format": f"PICTURE_FORMAT_{format_.upper()}"}}
    content = await signing.file(captured(), {"resize": {"width": 80}}, to)
    store = store_of(content, format_.media_type, OURS.trusted)
    assert (store["validation_state"], actions(store)) == ("Trusted", ["c2pa.opened", "c2pa.resized", "c2pa.transcoded"])
    assert signing.notices == []
    [ingredient] = active(store)["ingredients"]
    assert (ingredient["relationship"], ingredient["title"], ingredient["format"]) == ("parentOf", "photo.png", "image/jpeg")
    said = await read(signing, content)
    assert (said["state"], said["manifests"], said["ingredients"][0]["claimGenerator"]) == ("trusted", 2, "Camera 1")
    assert said["signer"]["name"] == "Darkroom under test" and said["claimGenerator"].startswith("Darkroom")
    same = decode(content, Limits(1.0)).pixels, decode(await signing.file(plain(), {"resize": {"width": 80}}, unsigned), Limits(1.0)).pixels
    assert np.array_equal(*same)


async def test_a_chain_of_results_names_each(signing: Running) -> None:
    once = await signing.file(plain(MediaFormat.PNG), {"resize": {"width": 80}}, SIGN)
    twice = await signing.file(once, {"color_adjust": {"brightness": 20}}, SIGN, {"pixelate": {}})
    said = await read(signing, twice)
    assert [each["action"] for each in said["actions"]] == ["c2pa.opened", "c2pa.adjustedColor", "c2pa.transcoded", "c2pa.filtered"]
    assert said["manifests"] == 2 and said["ingredients"][0]["state"] == "trusted"
    altered = bytearray(twice)
    altered[-60] ^= 1
    with pytest.raises(DarkroomError):
        decode(bytes(altered), Limits(1.0))
    flat = await signing.file(plain(MediaFormat.TIFF), SIGN)
    altered = bytearray(flat)
    altered[len(altered) // 4] ^= 1
    said = await read(signing, bytes(altered))
    assert (said["state"], said["codes"]) == ("invalid", ["assertion.dataHash.mismatch"])


async def test_somebody_elses_signature_is_intact_but_not_trusted(signing: Running) -> None:
    said = await read(signing, captured())
    assert (said["state"], said["codes"], said["title"]) == ("untrusted", ["signingCredential.untrusted"], "captured.jpg")
    assert said["signer"] == {"name": "Camera", "organization": "Tests", "algorithm": "Es256"}
    assert said["actions"] == [{"action": "c2pa.created", "digitalSourceType": "digitalCapture", "softwareAgent": "Camera 1"}]
    assert "contentCredentials" not in json.loads(await signing.file(plain(), {"inspect_metadata": {}}))


@pytest.mark.parametrize("format_", [MediaFormat.JPEG, MediaFormat.WEBP])
async def test_an_edit_leaves_them_out_with_a_notice(format_: MediaFormat, signing: Running) -> None:
    """As short work in one child, too."""
    content = await signing.file(captured(format_), {"resize": {"width": 80}})
    assert not has_credentials(content) and signing.notices == [DROPPED]
    signing.notices.clear()
    assert not has_credentials(await signing.file(captured(format_), KEPT)) and signing.notices == [DROPPED]
    signing.notices.clear()
    await signing.file(plain(format_), {"resize": {"width": 80}})
    assert signing.notices == []


async def test_an_input_that_is_given_back_keeps_them(signing: Running) -> None:
    given = captured()
    assert await signing.file(given, {"resize": {}}) == given and signing.notices == []
    assert await signing.file(given, {"edit_metadata": {}}) == given and signing.notices == []


@pytest.mark.parametrize("format_", FORMATS)
async def test_changed_metadata_leave_them_out(format_: MediaFormat, signing: Running) -> None:
    given = captured(format_)
    content = await signing.file(given, {"edit_metadata": {"title": "A title"}})
    assert not has_credentials(content) and signing.notices == [DROPPED]
    assert np.array_equal(decode(content, Limits(1.0)).pixels, decode(given, Limits(1.0)).pixels)
    assert b"A title" in content
    store = store_of(await signing.file(given, SIGN, {"edit_metadata": {"title": "A title"}}), format_.media_type, OURS.trusted)
    assert (store["validation_state"], actions(store)[-1]) == ("Trusted", "c2pa.edited.metadata")


async def test_pictures_that_are_put_together_are_ingredients(signing: Running) -> None:
    files = {"a.jpg": captured(), "b.png": plain(MediaFormat.PNG)}
    made = await signing.joined(files, {"stitch": {}}, SIGN)
    said = await read(signing, made.content)
    assert [each["relationship"] for each in said["ingredients"]] == ["componentOf", "componentOf"]
    assert [each["action"] for each in said["actions"]] == ["c2pa.created", "c2pa.placed", "c2pa.transcoded"]
    assert said["actions"][0]["digitalSourceType"] == "composite" and signing.notices == []
    await signing.joined(files, {"stitch": {}})
    assert signing.notices == [DROPPED]
    signing.auxiliaries[7] = captured(MediaFormat.PNG)
    made = await signing.product(plain(), {"compose": {"overlay_file_id": 7}}, SIGN)
    assert [each["relationship"] for each in (await read(signing, made.content))["ingredients"]] == ["parentOf", "componentOf"]
    made = await signing.made_of_nothing({"qr_code": {"text": "Darkroom"}}, SIGN)
    said = await read(signing, made.content)
    assert (said["actions"][0]["digitalSourceType"], said["ingredients"], said["state"]) == ("algorithmicMedia", [], "trusted")


async def test_what_is_stripped_is_neither_kept_nor_missed(signing: Running) -> None:
    strip = {"format": convert_pb2.PICTURE_FORMAT_KEPT, "strip_metadata": True}
    assert not has_credentials(await signing.file(captured(), {"convert": strip}))
    content = await signing.file(captured(), {"convert": {**strip, "content_credentials": True}})
    said = await read(signing, content)
    assert said["ingredients"] == [{"title": "photo.png", "format": "image/jpeg", "relationship": "parentOf"}]
    assert (said["state"], said["manifests"], b"Camera" in content, signing.notices) == ("trusted", 1, False, [])


async def test_an_input_that_cannot_be_an_ingredient_is_named(signing: Running) -> None:
    bitmap = b"BM" + (54 + 16 * 16 * 3).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little") + (40).to_bytes(4, "little")
    bitmap += (16).to_bytes(4, "little") * 2 + b"\1\0\x18\0" + bytes(24) + bytes(range(256)) * 3
    said = await read(signing, await signing.file(bitmap, SIGN))
    assert said["ingredients"] == [{"title": "photo.png", "format": "image/bmp", "relationship": "parentOf"}] and said["state"] == "trusted"


async def test_without_a_certificate_nothing_is_made(running: Running) -> None:
    with pytest.raises(DarkroomError) as refused:
        await running.file(plain(), SIGN)
    assert refused.value.reason is ErrorReason.OPERATION_UNAVAILABLE


async def test_results_that_are_no_pictures_are_not_signed(signing: Running) -> None:
    await signing.file(plain(), SIGN, {"vectorize": {}})
    assert signing.notices == [("not_applied", "content_credentials")]


@pytest.mark.cases(6)
@pytest.mark.parametrize(("name", "content"), list(hostile(captured())), ids=[name for name, _ in hostile(captured())])
async def test_hostile_manifests_do_no_harm(name: str, content: bytes, signing: Running) -> None:
    """Each is read, left out or carried as what it is: the picture is sound, unless its end is missing."""
    try:
        said = json.loads(await signing.file(content, {"inspect_metadata": {}}))
        store = store_of(await signing.file(content, {"resize": {"width": 40}}, SIGN), "image/jpeg", OURS.trusted)
    except DarkroomError as error:
        assert error.reason is ErrorReason.FILE_CORRUPT and name.startswith("cut"), name
    else:
        assert said.get("contentCredentials", {"state": "unreadable"})["state"] in ("untrusted", "invalid", "unreadable"), name
        assert store["validation_state"] == "Trusted" and actions(store)[0] == "c2pa.opened", name
