"""The errors about files that more than one part of the domain raises."""

from __future__ import annotations

from services.platform.errors import DarkroomError, ErrorReason


def about(error: DarkroomError, file_id: int) -> DarkroomError:
    """The same error, with the file's id in its metadata, for programs."""
    return DarkroomError(
        error.reason, error.message, field=error.field, allowed=error.allowed, metadata={**error.metadata, "file_id": str(file_id)}
    )


def not_found(file_id: int | str) -> DarkroomError:
    """There is no such file in the account; another account's file gets the same error."""
    return DarkroomError(ErrorReason.FILE_NOT_FOUND, "There is no such file.", metadata={"file_id": str(file_id)})


def not_uploaded(file_id: int) -> DarkroomError:
    """The file's bytes are not there."""
    return about(
        DarkroomError(
            ErrorReason.SOURCE_FILE_UPLOAD_NOT_COMPLETED,
            f"File {file_id} has not been uploaded yet. Send its bytes to its upload URL first.",
        ),
        file_id,
    )


def no_upload(file_id: int | str) -> DarkroomError:
    """There is no multipart upload to complete."""
    message = (
        "There is no open multipart upload: there is no such file, it was created for a single PUT, or its upload has expired. "
        "Create the file again for fresh upload URLs."
    )
    return DarkroomError(ErrorReason.UPLOAD_NOT_FOUND, message, metadata={"file_id": str(file_id)})
