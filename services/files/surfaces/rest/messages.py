"""Files as the replies of `/v1` show them."""

from __future__ import annotations

from google.protobuf.struct_pb2 import NULL_VALUE, Value

from darkroom.rest.v1 import files_pb2 as pb
from darkroom.rest.v1 import uploads_pb2
from services.files.domain.library import Download
from services.files.domain.unfinished import ResumedUpload
from services.files.domain.upload_urls import CreatedUpload
from services.files.records import File, FileOrigin, FileState
from services.files.surfaces.rendering import time_message

NULL = Value(null_value=NULL_VALUE)
_PENDING, _READY = "Pending", "Ready"


def upload_item(asked: uploads_pb2.SourceFile, created: CreatedUpload) -> uploads_pb2.FileUploadItem:
    """A record that the call has created, now or before."""
    item = uploads_pb2.FileUploadItem(
        id=str(created.file.id), nanoid=asked.nanoid, name=created.file.name, type=asked.type, status=_status(created.file)
    )
    if asked.HasField("size"):
        item.size = asked.size
    _set_target(item, created)
    return item


def resumed_upload(resumed: ResumedUpload) -> uploads_pb2.ResumedUpload:
    """The progress of an upload."""
    file = resumed.upload.file
    item = uploads_pb2.ResumedUploadItem(id=str(file.id), name=file.name, status=_PENDING)
    if file.size_bytes:
        item.size = file.size_bytes
    _set_target(item, resumed.upload)
    parts = [
        uploads_pb2.ArrivedPart(part_number=number, etag=part.etag, size=part.size_bytes)
        for number, part in sorted(resumed.stored_parts.items())
    ]
    return uploads_pb2.ResumedUpload(item=item, parts=parts)


def file_record(file: File) -> pb.FileRecord:
    status = _status(file)
    return pb.FileRecord(
        id=str(file.id),
        name=file.name,
        type=file.name.rpartition(".")[2].lower(),
        status=status,
        size=file.size_bytes if status == _READY or file.size_bytes else None,
        media_type=file.media_type,
        origin="task" if file.origin is FileOrigin.TASK else "upload",
        width=file.width,
        height=file.height,
        pages=file.pages,
        frames=file.frames if (file.frames or 1) > 1 else None,
        duration_milliseconds=file.duration_milliseconds,
        created_at=time_message(file.created_at),
        expires_at=time_message(file.expires_at) if file.expires_at is not None else None,
    )


def download_url(download: Download) -> pb.DownloadUrl:
    """Where to get a file."""
    return pb.DownloadUrl(download_url=download.url, expires_at=time_message(download.expires_at), file=file_record(download.file))


def _status(file: File) -> str:
    return _PENDING if file.state in (FileState.PENDING, FileState.CLEARING) else _READY


def _set_target(item: uploads_pb2.FileUploadItem | uploads_pb2.ResumedUploadItem, created: CreatedUpload) -> None:
    if created.url is not None:
        item.upload_url = created.url
    if not created.part_urls:
        return
    item.upload_urls.extend(created.part_urls)
    item.upload_id = created.file.upload_id or ""
    item.part_size = created.part_bytes
