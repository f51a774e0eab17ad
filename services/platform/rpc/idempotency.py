"""The idempotency key of the call being served."""

from __future__ import annotations

import hashlib
import re
from contextvars import ContextVar
from functools import cache

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from darkroom.common.v1 import options_pb2
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotent_call import HEADER, IdempotentCall
from services.platform.identity import current_identity

_KEY = re.compile(r"[\x20-\x7e]{1,255}")

_keyed: ContextVar[tuple[str, str, Message, str | None] | None] = ContextVar("idempotency", default=None)


def set_idempotency(method: str, key: str | None, request: Message, content: str | None = None) -> None:
    """Remember the key header of the current call, whose request the interceptor has validated; None if it has none or the method takes
    none. `content` identifies the files of a form, whatever ids they have."""
    _keyed.set((method, key, request, content) if key is not None else None)


def current_idempotency() -> IdempotentCall | None:
    """The current call as one that may be repeated; None if it has no key. Raises FIELD_INVALID for a malformed key."""
    keyed = _keyed.get()
    if keyed is None:
        return None
    method, key, request, content = keyed
    if not _KEY.fullmatch(key):
        raise DarkroomError(ErrorReason.FIELD_INVALID, f"{HEADER}: must be 1 to 255 printable ASCII characters.", field=HEADER)
    # Deterministic for one version of the protos. A field that is not set adds nothing, so new fields invalidate no key.
    asked = _asked(request, with_files=content is None).SerializeToString(deterministic=True)
    digest = hashlib.sha256(asked if content is None else asked + f"\0{content}".encode()).digest()
    return IdempotentCall(current_identity().account_id, method, key, digest)


def _asked(request: Message, *, with_files: bool) -> Message:
    """The request without the fields that only say how to reply, and without the ids of files that only this call has."""
    left_out = _left_out(request.DESCRIPTOR, with_files=with_files)
    if not left_out:
        return request
    asked = type(request)()
    asked.CopyFrom(request)
    for name in left_out:
        asked.ClearField(name)
    return asked


@cache
def _left_out(message: Descriptor, *, with_files: bool) -> list[str]:
    options = {field.name: field.GetOptions().Extensions for field in message.fields}
    return [
        name
        for name, said in options.items()
        if said[options_pb2.about_reply] or said[options_pb2.set_by_gateway] or (said[options_pb2.form_part] and not with_files)
    ]
