"""Moments in requests."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from services.platform.errors import DarkroomError, ErrorReason


def moment(message: Timestamp, field: str) -> datetime:
    """A field's moment. Raises FIELD_INVALID for one that no calendar has, which a gRPC client can send."""
    try:
        return message.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        text = f"{field}: must be a time from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z"
        raise DarkroomError(ErrorReason.FIELD_INVALID, text, field=field) from None
