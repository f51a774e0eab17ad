"""Files as the native messages show them."""

from __future__ import annotations

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from darkroom.files.v1 import file_pb2, files_service_pb2
from services.files.domain.library import Download
from services.files.records import File, FileOrigin, FileState

_STATES = {
    FileState.PENDING: file_pb2.FILE_STATE_PENDING,
    FileState.CLEARING: file_pb2.FILE_STATE_PENDING,
    FileState.READY: file_pb2.FILE_STATE_READY,
    # A worker may still read a file that its owner has deleted.
    FileState.DELETING: file_pb2.FILE_STATE_READY,
}
_ORIGINS = {FileOrigin.UPLOAD: file_pb2.FILE_ORIGIN_UPLOAD, FileOrigin.TASK: file_pb2.FILE_ORIGIN_TASK}


def file_message(file: File) -> file_pb2.File:
    message = file_pb2.File(
        id=file.id,
        name=file.name,
        media_type=file.media_type,
        size_bytes=file.size_bytes,
        state=_STATES[file.state],
        origin=_ORIGINS[file.origin],
        create_time=time_message(file.created_at),
    )
    if file.pages is not None:
        message.document.pages = file.pages
    elif file.width is not None and file.height is not None:
        message.image.width, message.image.height = file.width, file.height
        message.image.frames = file.frames or 0
        message.image.duration_milliseconds = file.duration_milliseconds or 0
    if file.expires_at is not None:
        message.expire_time.CopyFrom(time_message(file.expires_at))
    return message


def download_message(download: Download) -> files_service_pb2.Download:
    """A file with its download URL."""
    return files_service_pb2.Download(file=file_message(download.file), url=download.url, expire_time=time_message(download.expires_at))


def time_message(moment: datetime) -> Timestamp:
    """A moment as a protobuf timestamp."""
    message = Timestamp()
    message.FromDatetime(moment)
    return message
