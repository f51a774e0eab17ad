"""Content credentials of other programs, and manifests that were made to do harm."""

from __future__ import annotations

import base64
import io
import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import c2pa

from services.inference.credentials.signer import Signer
from tests.signing_certificate import Signing

_LOCAL = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": False},
    "builder": {"thumbnail": {"enabled": False}},
}
_CAPTURED = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
STORE = b"jumdc2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71"


def signed(content: bytes, media_type: str, signing: Signing, **more: Any) -> bytes:
    """A file as a camera signs it."""
    signer = Signer(signing.certificates, signing.key)
    action = {"action": "c2pa.created", "digitalSourceType": _CAPTURED, "softwareAgent": {"name": "Camera", "version": "1"}}
    definition = {
        "claim_generator_info": [{"name": "Camera", "version": "1"}],
        "title": "captured.jpg",
        "format": media_type,
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
        **more,
    }
    made = io.BytesIO()
    given = c2pa.Signer.from_callback(signer.sign, c2pa.C2paSigningAlg[signer.algorithm.upper()], signing.certificates)
    with c2pa.Context.from_dict(_LOCAL, signer=given) as context, c2pa.Builder(definition, context) as builder:
        builder.sign(media_type, io.BytesIO(content), made)
    return made.getvalue()


def store_of(content: bytes, media_type: str, trusted: str) -> Mapping[str, Any]:
    """The manifests of a file, as the library checks them."""
    settings = {**_LOCAL, "trust": {"user_anchors": trusted}}
    with c2pa.Context.from_dict(settings) as context, c2pa.Reader(media_type, io.BytesIO(content), context=context) as reader:
        return json.loads(reader.json())


def active(store: Mapping[str, Any]) -> Mapping[str, Any]:
    """The manifest of the file itself."""
    return store["manifests"][store["active_manifest"]]


def actions(store: Mapping[str, Any]) -> list[str]:
    """The names of its actions."""
    return [each["action"] for assertion in active(store)["assertions"] for each in assertion["data"].get("actions", ())]


def hostile(content: bytes) -> Iterator[tuple[str, bytes]]:
    """A signed JPEG, made to do harm: lengths of boxes that lie, boxes within themselves, parts that are missing, and noise."""
    at = content.index(STORE)
    superbox = at - 12  # its length is before the description's, which is before `jumd`
    for name, length in (("none", 0), ("one", 1), ("seven", 7), ("huge", 0xFFFFFFFF), ("half", 0x7FFFFFFF)):
        for where, place in (("superbox", superbox), ("description", at - 4)):
            yield f"{where} {name}", content[:place] + struct.pack(">I", length) + content[place + 4 :]
    boxes = [place for place in range(at, at + 20_000) if content[place : place + 4] == b"jumb"]
    for number, place in enumerate(boxes[:6]):
        yield f"box {number} goes on for ever", content[: place - 4] + b"\xff\xff\xff\xf0" + content[place:]
        yield f"box {number} is the store", content[: place + 8] + STORE + content[place + 8 + len(STORE) :]
    label = b"urn:c2pa:"
    first = content.index(label)
    own = content[first : first + 45]
    # What a manifest refers to is itself.
    yield "circle", content.replace(b"c2pa.hash.data", b"c2pa.claim.v2\0").replace(b"c2pa.assertions", own[:15])
    for number in range(8):
        start = at + 200 + 1500 * number
        yield f"noise {number}", content[:start] + base64.b85decode(b"0" * 300)[:200] + b"\xff" * 40 + content[start + 240 :]
    segment = superbox - 12
    (length,) = struct.unpack(">H", content[segment + 2 : segment + 4])
    for number in range(1, 6):
        short = 60 + number * (length - 60) // 6
        yield (
            f"short {number}",
            content[: segment + 2]
            + struct.pack(">H", short)
            + content[segment + 4 : segment + 2 + short]
            + content[segment + 2 + length :],
        )
        yield f"cut {number}", content[: at + number * (len(content) - at) // 6]
