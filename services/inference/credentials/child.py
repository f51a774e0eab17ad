"""The work on files, in a sandboxed child: a manifest may be as hostile as any file, and the library that reads it is a large program.

The child has no network, so nothing that a manifest names is fetched. It has no key either: it asks the worker for a signature.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHILD_IMPORTS = NEEDED = ("c2pa",)
_LOCAL: Mapping[str, Any] = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": False, "verify_trust": True},
    "core": {"allowed_network_hosts": [], "max_decompressed_manifest_size_in_mb": 32},
    "builder": {"thumbnail": {"enabled": False}},
}
"""The library fetches nothing, and a result carries no small copy of its input."""
_TINY = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==")
"""A GIF of one pixel."""
_LARGEST_STORE = 32 << 20
"""Characters of a manifest store as JSON."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file that the result was made of."""

    media_type: str
    definition: Mapping[str, Any]
    """The `Ingredient`, in the form of the library."""


@dataclass(frozen=True, slots=True)
class SigningJob:
    """A result that gets content credentials."""

    media_type: str
    definition: Mapping[str, Any]
    """The manifest, in the form of the library."""
    parts: Sequence[Part]
    certificates: str
    """In PEM, the signing one first."""
    algorithm: str
    """As `Signer.algorithm`."""
    trusted: str = ""
    """Root certificates in PEM: what the result says of its parts depends on them."""


def manifests_in(content: bytes, media_type: str, trusted: str = "") -> Mapping[str, Any] | None:
    """The manifest store of a file, checked, in the form of the library; None if it cannot be read.

    `trusted` are root certificates in PEM.
    """
    import c2pa

    try:
        with c2pa.Context.from_dict(_settings(trusted)) as context, c2pa.Reader(media_type, io.BytesIO(content), context=context) as reader:
            store = reader.json()
    except c2pa.C2paError:
        return None
    found = json.loads(store) if len(store) <= _LARGEST_STORE else None
    return found if isinstance(found, dict) else None


def sign(source: Path, target: Path, asked: SigningJob, *rest: Any) -> list[str]:
    """Write the file with content credentials to `target`. The rest are the files of the parts, and a callable that gets what is to be
    signed, in base 64, and returns the signature.

    Returns the titles of parts whose files, or credentials, could not be read, so that the result only names them.
    """
    import c2pa

    *paths, ask = rest

    def signature(data: bytes) -> bytes:
        return bytes(ask(base64.b64encode(data).decode()))

    algorithm = c2pa.C2paSigningAlg[asked.algorithm.upper()]
    files = list(zip(asked.parts, paths, strict=True))
    with ExitStack() as stack:
        signer = c2pa.Signer.from_callback(signature, algorithm, asked.certificates)
        context = stack.enter_context(c2pa.Context.from_dict(_settings(asked.trusted), signer=signer))
        readable = [_is_readable(part, path, context) for part, path in files]
        named = [dict(part.definition) for part, can_read in zip(asked.parts, readable, strict=True) if not can_read]
        builder = stack.enter_context(
            c2pa.Builder({**asked.definition, "ingredients": [*asked.definition.get("ingredients", ()), *named]}, context)
        )
        for (part, path), can_read in zip(files, readable, strict=True):
            if can_read:
                _add(builder, part, path)
        with source.open("rb") as read, target.open("w+b") as written:
            builder.sign(asked.media_type, read, written)
    return [str(each["title"]) for each in named]


def try_signing(asked: SigningJob, ask: Callable[[str], bytes]) -> list[str]:
    """Sign a tiny picture. Returns what is wrong with the result: C2PA's codes, or an error of the library; empty if all is well."""
    import c2pa

    algorithm = c2pa.C2paSigningAlg[asked.algorithm.upper()]
    signed = io.BytesIO()
    try:
        signer = c2pa.Signer.from_callback(lambda data: bytes(ask(base64.b64encode(data).decode())), algorithm, asked.certificates)
        with c2pa.Context.from_dict(_settings(""), signer=signer) as context, c2pa.Builder(dict(asked.definition), context) as builder:
            builder.sign(asked.media_type, io.BytesIO(_TINY), signed)
    except c2pa.C2paError as error:
        return [str(error)]
    found = manifests_in(signed.getvalue(), asked.media_type) or {}
    return [str(each["code"]) for each in found.get("validation_status", ()) if each["code"] != "signingCredential.untrusted"]


def _settings(trusted: str) -> dict[str, Any]:
    return {**_LOCAL, **({"trust": {"user_anchors": trusted}} if trusted else {})}


def _is_readable(part: Part, path: Path, context: Any) -> bool:
    """Whether the library takes a file as an ingredient: it tries with a manifest that is thrown away."""
    import c2pa

    try:
        with c2pa.Builder({"format": "image/png"}, context) as builder:
            _add(builder, part, path)
    except c2pa.C2paError:
        return False
    return True


def _add(builder: Any, part: Part, path: Path) -> None:
    with path.open("rb") as file:
        builder.add_ingredient(dict(part.definition), part.media_type, file)
