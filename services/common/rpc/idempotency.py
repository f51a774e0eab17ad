"""The idempotency key of the call being served."""

from __future__ import annotations

import hashlib
import re
from contextvars import ContextVar

from google.protobuf.message import Message

from darkroom.common.v1 import options_pb2
from services.common.errors import DarkroomError, ErrorReason
from services.common.idempotency import HEADER, IdempotentCall
from services.common.identity import current_identity

_KEY = re.compile(r"[\x20-\x7e]{1,255}")

_keyed: ContextVar[tuple[str, str, Message] | None] = ContextVar("idempotency", default=None)


def set_idempotency(method: str, key: str | None, request: Message) -> None:
    """Remember the key header of the current call, whose request the interceptor has validated; None if it has none or the method takes
    none."""
    _keyed.set((method, key, request) if key is not None else None)


def current_idempotency() -> IdempotentCall | None:
    """The current call as one that may be repeated; None if it has no key. Raises FIELD_INVALID for a malformed key."""
    keyed = _keyed.get()
    if keyed is None:
        return None
    method, key, request = keyed
    if not _KEY.fullmatch(key):
        raise DarkroomError(ErrorReason.FIELD_INVALID, f"{HEADER}: must be 1 to 255 printable ASCII characters.", field=HEADER)
    # Deterministic for one version of the protos. A field that is not set adds nothing, so new fields invalidate no key.
    digest = hashlib.sha256(_asked(request).SerializeToString(deterministic=True)).digest()
    return IdempotentCall(current_identity().account_id, method, key, digest)


def _asked(request: Message) -> Message:
    """What is asked for, without the fields that only say how to reply."""
    replying = [field.name for field, _ in request.ListFields() if field.GetOptions().Extensions[options_pb2.about_reply]]
    if not replying:
        return request
    asked = type(request)()
    asked.CopyFrom(request)
    for name in replying:
        asked.ClearField(name)
    return asked
