"""The logo: shown to everybody, and replaced by those who may."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response

from darkroom.accounts.v1 import branding_service_pb2 as pb
from services.gateway.backend import Backend
from services.gateway.logos import LogoMaker, LogoNotMade
from services.gateway.receiving import Receiver
from services.gateway.surfaces.snapotter.errors import Refusal, answer, image_problem
from services.gateway.surfaces.snapotter.forms import BY_NAME, require_form
from services.gateway.surfaces.snapotter.names import Name, clean_name
from services.gateway.surfaces.snapotter.runs import SURFACE
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity

_METHODS = pb.DESCRIPTOR.services_by_name["BrandingService"].methods_by_name
_NAME = "logo.png"
_INVALID = "VALIDATION_ERROR"


@dataclass(slots=True)
class _Sent:
    name: str
    media_type: str
    content: bytes
    """As much of it as is taken, and a byte more if there is more."""


class Logo:
    """Asks accounts on behalf of callers. A new one may have `most_kilobytes`, and is made by a task."""

    def __init__(self, receiver: Receiver, maker: LogoMaker, backend: Backend, most_kilobytes: int) -> None:
        self._receiver, self._maker, self._backend, self._most_kilobytes = receiver, maker, backend, most_kilobytes

    async def show(self, request: Request, identity: Identity | None) -> Response:
        """The logo. Clients may keep it, and ask each time whether it is still the same."""
        reply: pb.GetLogoResponse = await self._ask("GetLogo", pb.GetLogoRequest(), None)
        tag = f'"{hashlib.sha256(reply.png).hexdigest()[:32]}"'
        headers = {"etag": tag, "cache-control": "public, no-cache"}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(reply.png, headers=headers, media_type="image/png")

    async def upload(self, request: Request, identity: Identity) -> Response:
        """Replace it."""
        require_form(request)
        sent = await self._sent(request)
        if sent is None:
            raise Refusal(400, "No file uploaded", code=_INVALID)
        if not sent.media_type.startswith("image/"):
            raise Refusal(400, "File must be an image", code=_INVALID)
        if len(sent.content) > self._most_bytes:
            raise Refusal(400, f"Logo must be {self._most_kilobytes}KB or smaller", code=_INVALID)
        png = await self._made(identity.account_id, sent)
        await self._ask("UpdateLogo", pb.UpdateLogoRequest(png=png), identity)
        return answer({"ok": True})

    async def delete(self, request: Request, identity: Identity) -> Response:
        """Remove it, if there is one."""
        await self._ask("DeleteLogo", pb.DeleteLogoRequest(), identity)
        return answer({"ok": True})

    @property
    def _most_bytes(self) -> int:
        return self._most_kilobytes << 10

    async def _sent(self, request: Request) -> _Sent | None:
        """The first file of the form, all of which is read."""
        sent: _Sent | None = None
        async for part in self._receiver.form(request).parts():
            if part.file_name is None:
                await part.text()
            elif sent is None:
                content = bytearray()
                # All of it is read: whoever still sends may not see a reply.
                async for chunk in part.chunks():
                    content += chunk[: self._most_bytes + 1 - len(content)]
                sent = _Sent(part.file_name, part.media_type, bytes(content))
        return sent

    async def _made(self, account_id: int, sent: _Sent) -> bytes:
        """A PNG of it. Only the task remains of the way it was made."""
        # The content decides the type of a file, except for the formats that have no other sign.
        name = Name.of(clean_name(sent.name))
        kept_name = str(name) if name.extension[1:].lower() in BY_NAME else name.stem or _NAME
        try:
            file_id = await self._receiver.store(account_id, kept_name, _whole(sent.content), surface=SURFACE)
            return await self._maker.make(account_id, file_id, SURFACE)
        except LogoNotMade as error:
            raise Refusal(422, "Logo could not be processed", details=error.message) from error
        except DarkroomError as error:
            reason = image_problem(error)
            if reason is None and error.reason is ErrorReason.FIELD_INVALID:
                reason = error.message
            if reason is None:
                raise
            raise Refusal(400, f"Invalid image: {reason}", code=_INVALID) from error

    async def _ask(self, method: str, asked: Message, identity: Identity | None) -> Any:
        return (await self._backend.call("accounts", _METHODS[method], asked, identity)).message


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content
