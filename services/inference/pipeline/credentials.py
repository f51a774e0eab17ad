"""Content credentials of a run's result: signed if a conversion asks for it; otherwise those of its inputs are left out, with a notice."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from darkroom.operations.v1.convert_pb2 import Convert
from services.inference.contract.flow import DATA_TYPE
from services.inference.contract.step import Tools
from services.inference.credentials import child
from services.inference.credentials.manifest import MOST_INGREDIENTS, PLACED, Deed, Ingredient, definition
from services.inference.credentials.presence import has_credentials
from services.inference.credentials.signer import Signer
from services.inference.pipeline.reading import Reading
from services.inference.pipeline.registry import BoundOperation
from services.inference.pipeline.run import Product, Run, Source
from services.pictures.media_format import SNIFF_BYTES, MediaFormat, sniff
from services.pictures.operations import Arity
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.sandbox import SandboxCrashed

SIGNED = (
    MediaFormat.JPEG,
    MediaFormat.PNG,
    MediaFormat.WEBP,
    MediaFormat.AVIF,
    MediaFormat.HEIC,
    MediaFormat.HEIF,
    MediaFormat.TIFF,
    MediaFormat.GIF,
)
"""Formats of results that can be signed: all that pictures are written in."""
_UNKNOWN = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class _Piece:
    """A file that the result was made of."""

    source: Source
    ingredient: Ingredient


class Credentials:
    """Gives the results of a task's runs their content credentials."""

    def __init__(self, tools: Tools, operations: Sequence[BoundOperation], reading: Reading) -> None:
        self._tools, self._operations, self._reading = tools, operations, reading
        conversions = [each.parameters for each in operations if isinstance(each.parameters, Convert)]
        self.wanted = any(each.content_credentials for each in conversions)
        """Whether the results are to be signed."""
        self._strips = any(each.strip_metadata for each in conversions)

    async def settle(self, product: Product, run: Run, deeds: Sequence[Deed]) -> Product:
        """The product as it is delivered. `deeds` are what the operations have done.

        Raises OPERATION_UNAVAILABLE if it cannot be signed any more, and FILE_CORRUPT for an input that its child could not read.
        """
        if product.media_type == DATA_TYPE:
            return product
        lost = await asyncio.to_thread(self._lost, product, run)
        if self.wanted:
            format_ = next((each for each in SIGNED if each.media_type == product.media_type), None)
            if format_ is not None:
                product, unread = await self._signed(product, format_, run, deeds)
                lost = [name for name in lost if name in unread]
            else:
                message = f"{product.name} was not signed: content credentials are written into pictures alone."
                run.notice("not_applied", "content_credentials", message, {"why": "format_not_signed", "file": product.name})
        for name in lost:
            message = f"The content credentials (C2PA) of {name} are not in the result, for which they would not be true."
            run.notice("credentials_dropped", "", message, {"file": name})
        return product

    def _lost(self, product: Product, run: Run) -> list[str]:
        """Names of the inputs whose credentials are not in the product, though nobody has asked to strip them. An input that is delivered
        unchanged keeps its own."""
        had = [each.name for each in run.sources if each.path != product.content and not self._strips and has_credentials(each.path)]
        return had if had and not has_credentials(product.content) else []

    async def _signed(self, product: Product, format_: MediaFormat, run: Run, deeds: Sequence[Deed]) -> tuple[Product, Sequence[str]]:
        """The signed product, and the names of inputs that it only names."""
        signer = self._tools.credentials
        if signer is None or signer.expires <= datetime.now(UTC):
            message = "This installation cannot sign content credentials any more: its certificate has expired or was removed."
            raise DarkroomError(ErrorReason.OPERATION_UNAVAILABLE, message)
        own = Path(tempfile.mkdtemp(prefix="signing-", dir=run.folder))
        source, target = own / "result", own / "signed"
        asked, paths = await asyncio.to_thread(self._job, signer, product, source, run, deeds)
        with run.stages.measure("sign"):
            unread = await self._tools.sandbox.run(
                child.sign,
                source,
                target,
                asked,
                *paths,
                reads=paths,
                folder=own,
                limits=self._tools.picture_resources,
                answers=signer.answering_once(),
            )
        if target.is_symlink() or not target.is_file() or not _is_written_as(format_, target, product.name):
            raise SandboxCrashed("the child left no such picture")
        return replace(product, content=target), [str(name) for name in unread]

    def _job(self, signer: Signer, product: Product, source: Path, run: Run, deeds: Sequence[Deed]) -> tuple[child.SigningJob, list[Path]]:
        """The job of the child, and the files that it reads besides `source`, where the product is put: the folder will be the child's."""
        if isinstance(product.content, bytes):
            source.write_bytes(product.content)
        else:
            shutil.copyfile(product.content, source)
        pieces = self._pieces(run)
        claimed = definition(product.name, product.media_type, deeds, [each.ingredient for each in pieces])
        if self._strips:
            # The credentials of an input may say where and by whom it was made. So it is named, and nothing of it is kept.
            claimed["ingredients"] = [each.ingredient.definition for each in pieces]
            pieces = []
        asked = child.SigningJob(
            media_type=product.media_type,
            definition=claimed,
            parts=[child.Part(each.ingredient.media_type, each.ingredient.definition) for each in pieces],
            certificates=signer.certificates,
            algorithm=signer.algorithm,
            trusted=self._tools.trusted_certificates,
        )
        return asked, [each.source.path for each in pieces]

    def _pieces(self, run: Run) -> list[_Piece]:
        """The files that the result was made of: the one that was changed, and those that were put into it."""
        joined = self._operations[0].spec.arity is Arity.ALL
        made = run.generated_picture is not None and not has_credentials(run.sources[0].path)
        sources = [] if made else [(each, "componentOf" if joined else "parentOf") for each in run.sources]
        for operation in self._operations:
            if operation.spec.credential_action == PLACED:
                ids = (getattr(operation.parameters, name) for name in operation.spec.auxiliary)
                sources += [(self._reading.auxiliary_source(file_id), "componentOf") for file_id in ids if file_id]
        return [
            _Piece(each, Ingredient(f"ingredient-{number}", each.name, _media_type(each), relationship))
            for number, (each, relationship) in enumerate(sources[:MOST_INGREDIENTS])
        ]


def _is_written_as(format_: MediaFormat, file: Path, name: str) -> bool:
    with file.open("rb") as opened:
        found = sniff(opened.read(SNIFF_BYTES), name)
    return found is format_ or (found, format_) == (MediaFormat.HEIC, MediaFormat.HEIF)


def _media_type(source: Source) -> str:
    with source.path.open("rb") as file:
        format_ = sniff(file.read(SNIFF_BYTES), source.name)
    return format_.media_type if isinstance(format_, MediaFormat) else _UNKNOWN
