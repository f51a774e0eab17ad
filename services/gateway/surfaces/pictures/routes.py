"""`GET /i/{signature}/{operations}/{source}`: files finds the picture or has it made, and storage answers."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from darkroom.internal.files.v1 import pictures_service_pb2 as pb
from darkroom.pictures.v1 import pictures_service_pb2, surface_pb2
from services.gateway import paths, replies  # noqa: F401 - `paths` has the convertor `anything`
from services.gateway.surfaces.parts import GatewayParts
from services.gateway.surfaces.pictures.memory import Contents, Recent
from services.platform.errors import DarkroomError, ErrorReason, translate_rpc_errors
from services.platform.identity import Identity
from services.platform.log import get_logger
from services.platform.object_http import ObjectHttpError
from services.platform.rpc.surfaces import Surface

_METHOD = pictures_service_pb2.DESCRIPTOR.services_by_name["PicturesService"].methods_by_name["GetPicture"]
_NAME = f"/{_METHOD.containing_service.full_name}/{_METHOD.name}"
_SHAPE = "/i/{signature}/{operations}/{source}"
_PARTS = 5
_SECONDS = 60.0
_FORMATS = {"image/avif": pb.ACCEPTED_FORMAT_AVIF, "image/webp": pb.ACCEPTED_FORMAT_WEBP}
_OK = 200
_STORAGE_KNOWS = {"range", "if-modified-since", "if-unmodified-since", "if-match"}
"""Headers of requests that storage answers."""
_logger = get_logger()

_Asked = tuple[str, "pb.AcceptedFormat.ValueType", bool]


class PictureEndpoint:
    """Answers for every path below `/i`."""

    def __init__(self, parts: GatewayParts) -> None:
        self._pictures, self._caller, self._http = parts.pictures, parts.caller, parts.http
        self._recent, self._contents = Recent[_Asked](), Contents(parts.picture_memory_bytes)
        surface = Surface.declared_in(surface_pb2.DESCRIPTOR)
        assert surface is not None
        self._surface = surface

    async def serve(self, request: Request, identity: Identity | None) -> Response:
        """Answer with the picture if it is small and popular, else send the reader on to the storage, which the edge does for it.

        Raises what `PicturesService.OpenPicture` raises.
        """
        # As it was sent, which is what was signed.
        path = request.scope["raw_path"].decode("latin-1")
        asked: _Asked = path, accepted_format(request.headers.get("accept", "")), request.method == "HEAD"
        known = self._recent.find(asked)
        if known is None:
            known = self._recent.add(asked, await self._open(asked))
        if known.uses and not _STORAGE_KNOWS & set(request.headers) and request.method == "GET":
            content = await self._content(known.opened)
            if content is not None:
                return _shown(known.opened, content, request.headers.get("if-none-match", ""))
        return replies.from_storage(known.opened.url)

    async def _content(self, opened: pb.OpenPictureResponse) -> bytes | None:
        """The bytes of a small picture; None for one that storage is to answer for."""
        file = opened.file
        if not self._contents.takes(file.size_bytes):
            return None
        content = self._contents.find(file.id)
        if content is None:
            try:
                async with self._http.request("GET", opened.storage_url) as stored:
                    content = await stored.read(file.size_bytes)
                    whole = stored.status == _OK and len(content) == file.size_bytes
            except ObjectHttpError as error:
                _logger.warning("storage_failed", operation="GET", error=str(error))
                whole = False
            if not whole or content is None:
                return None
            self._contents.add(file.id, content)
        return content

    async def _open(self, asked: _Asked) -> pb.OpenPictureResponse:
        path, accepts, for_head = asked
        parts = path.split("/", _PARTS - 1)
        if len(parts) < _PARTS or not all(parts[2:]):
            raise DarkroomError(ErrorReason.ROUTE_NOT_FOUND, f"There is no such picture: its URL is {_SHAPE}.")
        _, _, signature, operations, source = parts
        wanted = pb.OpenPictureRequest(signature=signature, operations=operations, source=source, accepts=accepts, for_head=for_head)
        with translate_rpc_errors():
            return await self._pictures.OpenPicture(wanted, metadata=self._caller.on_behalf_of(0), timeout=_SECONDS)

    def refused(self, raised: Exception, outcome: dict[str, object]) -> Response:
        """A refusal, which nothing caches."""
        if not isinstance(raised, DarkroomError):
            _logger.exception("request_unhandled", exc_info=raised)
            raised = DarkroomError(ErrorReason.INTERNAL, "Internal error. Quote the request id when you report it.")
        outcome |= {"code": raised.grpc_code.name, "reason": raised.reason.value}
        reply = replies.refusal(self._surface, raised)
        reply.headers["cache-control"] = "no-store"
        return reply


def routes(parts: GatewayParts) -> Sequence[Route]:
    """The routes of the application."""
    endpoint = PictureEndpoint(parts)
    serve = parts.calls.open_endpoint(_NAME, endpoint.serve, endpoint.refused)
    return [Route(path, serve, methods=["GET"]) for path in ("/i", "/i/{rest:anything}")]


def _shown(opened: pb.OpenPictureResponse, content: bytes, known: str) -> Response:
    """The picture, or 304 for a reader that has it (RFC 9110, 13.1.2)."""
    headers = {"etag": opened.etag, "cache-control": opened.cache_control, "content-security-policy": "sandbox; default-src 'none'"}
    if known == "*" or opened.etag in (each.strip().removeprefix("W/") for each in known.split(",")):
        return Response(status_code=304, headers=headers)
    headers |= {"content-disposition": opened.disposition, "accept-ranges": "bytes"}
    return Response(content, headers=headers, media_type=opened.file.media_type)


def accepted_format(header: str) -> pb.AcceptedFormat.ValueType:
    """The best format that an `Accept` header names. `*/*` names none: that is what programs send that may know only the old ones."""
    for media_type, format_ in _FORMATS.items():
        for item in header.split(","):
            name, *parameters = (part.strip() for part in item.lower().split(";"))
            if name == media_type and not any(_is_none(parameter) for parameter in parameters):
                return format_
    return pb.ACCEPTED_FORMAT_UNSPECIFIED


def _is_none(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return name == "q" and not value.strip("0.")
