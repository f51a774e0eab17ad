"""What the task's owner is told when an attempt fails."""

from __future__ import annotations

import errno

import grpc

from services.platform.errors import DarkroomError, ErrorReason, from_rpc
from services.platform.log import get_logger
from services.platform.object_http import ObjectHttpError
from services.platform.sandbox import SandboxCrashed, SandboxOutOfMemory, SandboxTimedOut

_logger = get_logger()


def failure_of(error: Exception) -> DarkroomError:
    """The public reason and message for the exception that ended an attempt. UNAVAILABLE means that another attempt may succeed."""
    failure: DarkroomError
    match error:
        case DarkroomError():
            failure = error
        case grpc.aio.AioRpcError():
            failure = from_rpc(error)
        case ObjectHttpError():
            _logger.warning("object_storage_failed", error=repr(error))
            failure = DarkroomError(ErrorReason.UNAVAILABLE, "Object storage cannot be reached. Try again later.")
        case MemoryError():
            _logger.warning("out_of_memory", exc_info=error)
            failure = DarkroomError(ErrorReason.UNAVAILABLE, "The worker ran out of memory.")
        case OSError(errno=errno.ENOSPC):
            _logger.error("work_dir_full", error=repr(error))
            failure = DarkroomError(ErrorReason.UNAVAILABLE, "The worker ran out of disk space.")
        case SandboxTimedOut():
            failure = DarkroomError(ErrorReason.MEDIA_LIMIT_EXCEEDED, "The file takes more time to read than a file may.")
        case SandboxOutOfMemory():
            failure = DarkroomError(ErrorReason.MEDIA_LIMIT_EXCEEDED, "The file takes more memory to read than a file may.")
        case SandboxCrashed():
            _logger.warning("sandbox_crashed", error=str(error))
            failure = DarkroomError(ErrorReason.FILE_CORRUPT, "The file cannot be read.")
        case _:
            _logger.error("attempt_unhandled", exc_info=error)
            failure = DarkroomError(ErrorReason.INTERNAL, "Internal error. Quote the task's id when you report it.")
    return failure
