"""The logo as a form: any picture, of which a PNG is made before accounts gets it."""

from __future__ import annotations

from google.protobuf.descriptor import MethodDescriptor
from starlette.requests import Request
from starlette.responses import Response

from darkroom.rest.v1 import branding_pb2
from services.gateway import replies
from services.gateway.contents import Contents
from services.gateway.logos import LogoMaker
from services.gateway.surfaces.parts import GatewayParts
from services.gateway.surfaces.rest.fields import Fields
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity

METHOD: MethodDescriptor = branding_pb2.DESCRIPTOR.services_by_name["BrandingService"].methods_by_name["ReplaceLogo"]
_PART, _SURFACE = "file", "rest"
# A file that is refused for these can be no logo.
_UNUSABLE = (ErrorReason.MEDIA_UNSUPPORTED, ErrorReason.FILE_CORRUPT, ErrorReason.MEDIA_LIMIT_EXCEEDED, ErrorReason.FIELD_INVALID)


class LogoForm:
    """Serves POST /v1/branding/logo as a form."""

    def __init__(self, parts: GatewayParts) -> None:
        self._backend, self._receiver, self._fields = parts.backend, parts.receiver, Fields(METHOD.input_type)
        self._maker = LogoMaker(parts.receiver, parts.runs, Contents(parts.storage, parts.caller, parts.http), parts.caller)

    async def serve(self, request: Request, identity: Identity) -> Response:
        """Receive the picture, make the logo of it, and replace the one that there is."""
        received = await self._receiver.receive(request, self._fields, identity.account_id)
        if not received.file_ids:
            raise DarkroomError(ErrorReason.FIELD_INVALID, f"{_PART}: must be a file, the picture that becomes the logo.", field=_PART)
        try:
            png = await self._maker.make(identity.account_id, received.file_ids[0], _SURFACE)
        except DarkroomError as error:
            raise (error.at(_PART) if error.reason in _UNUSABLE else error) from error
        reply = await self._backend.call("accounts", METHOD, branding_pb2.ReplaceLogoRequest(png=png), identity)
        return replies.response(METHOD, reply.message, reply.headers)
