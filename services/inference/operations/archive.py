"""Put files into one ZIP archive."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence

from darkroom.common.v1.errors_pb2 import ErrorReason as Reason
from darkroom.operations.v1.archive_pb2 import Archive, MissingResult
from services.inference.contract.flow import InputFile, Stream
from services.inference.contract.step import Step
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.zip_archive import Entry, ZipArchive, distinct, entry_names

MANIFEST = "errors.json"


async def run(files: Sequence[InputFile], parameters: Archive, step: Step) -> Stream:
    """The archive as a stream: the files in order, and a list of the missing ones."""
    step.report(0, f"Packing {len(files)} files")
    names = _names(files, parameters)
    entries = [Entry(name, file.size, file.read) for name, file in zip(names, files, strict=True)]
    if parameters.missing:
        entries.append(_manifest(parameters.missing))
    archive = ZipArchive(entries)

    async def pieces() -> AsyncIterator[bytes]:
        done = 0
        async for piece in archive.pieces():
            step.check()
            done += len(piece)
            step.report(done / archive.size, f"Packing {len(files)} files")
            yield piece

    return Stream(f"{parameters.name or 'archive'}.zip", "application/zip", archive.size, pieces())


def _names(files: Sequence[InputFile], parameters: Archive) -> Sequence[str]:
    taken = [MANIFEST] if parameters.missing else []
    given = parameters.entry_names
    if not given:
        return entry_names((file.name for file in files), taken)
    if len(given) != len(files):
        raise DarkroomError(ErrorReason.FIELD_INVALID, f"entry_names: there are {len(given)} names for {len(files)} files")
    return given if parameters.equal_names else distinct(given, taken)


def _manifest(missing: Sequence[MissingResult]) -> Entry:
    listed = [
        {
            "index": item.index,
            "task_id": str(item.task_id) if item.task_id else None,
            "reason": Reason.Name(item.reason).removeprefix("ERROR_REASON_") if item.reason else None,
            "message": item.message,
        }
        for item in missing
    ]
    return Entry.of(MANIFEST, json.dumps({"missing": listed}, ensure_ascii=False, indent=2).encode() + b"\n")
