"""A PUT as the edge keeps it from one question to the next."""

from __future__ import annotations

from dataclasses import asdict

from google.protobuf.struct_pb2 import Struct

from services.files.domain.arrivals import UploadPut


def of(put: UploadPut) -> Struct:
    """The PUT."""
    found = Struct()
    found.update(asdict(put))
    return found


def read(found: Struct | None) -> UploadPut | None:
    """The PUT that `of` has written; None where it has written none."""
    if found is None or not found.fields:
        return None
    key, upload_id, part_number, size_bytes = (found.fields[name] for name in ("key", "upload_id", "part_number", "size_bytes"))
    return UploadPut(key.string_value, upload_id.string_value or None, int(part_number.number_value), int(size_bytes.number_value))
