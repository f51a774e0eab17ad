"""The steps of every request of the surface: the caller, the permission, and the wording of a refusal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.calls import Calls
from services.gateway.surfaces.snapotter.errors import INTERNAL, Refusal, refusal_of
from services.gateway.surfaces.snapotter.runs import ClientGone, notices_in
from services.platform.errors import DarkroomError
from services.platform.identity import Identity
from services.platform.log import get_logger

SignedInHandler = Callable[[Request, Identity], Awaitable[Response]]
AnyoneHandler = Callable[[Request, Identity | None], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]

_CLIENT_GONE = 499
_UNCHANGED = ("/api/auth/change-password", "/api/auth/logout", "/api/auth/session", "/api/v1/config/")
"""The calls of a person who has to change the password."""
_GRPC_CODES = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    422: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
"""The names of refusals in logs and metrics, by their statuses."""
_logger = get_logger()


class EndpointFactory:
    """Makes endpoints of handlers: they identify the caller, check permissions and word refusals."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def anyone(self, name: str, handle: AnyoneHandler) -> Endpoint:
        """An endpoint for callers known and unknown. `name` is the method's, for logs and metrics."""

        async def serve(request: Request, identity: Identity | None) -> Response:
            if identity is not None:
                _check_password(request, identity)
            return await handle(request, identity)

        return self._calls.open_endpoint(name, serve, _refused)

    def signed_in(self, name: str, handle: SignedInHandler, permission: str | None = None) -> Endpoint:
        """An endpoint for callers who are known, and who have a permission if one is named."""

        async def serve(request: Request, identity: Identity | None) -> Response:
            if identity is None:
                raise Refusal(401, "Authentication required", code="AUTH_REQUIRED")
            _check_password(request, identity)
            if permission is not None and not identity.permits(permission):
                raise Refusal(403, "Insufficient permissions", code="FORBIDDEN")
            response = await handle(request, identity)
            response.headers.update(dict(notices_in(request)))
            return response

        return self._calls.open_endpoint(name, serve, _refused)


def _check_password(request: Request, identity: Identity) -> None:
    user = identity.user
    if user is not None and user.session and user.must_change and not request.url.path.startswith(_UNCHANGED):
        raise Refusal(403, "Password change required", code="MUST_CHANGE_PASSWORD")


def _refused(raised: Exception, outcome: dict[str, object]) -> Response:
    if isinstance(raised, ClientGone):
        outcome |= {"code": "CANCELLED"}
        return Response(status_code=_CLIENT_GONE)
    if isinstance(raised, Refusal):
        outcome |= {"code": _GRPC_CODES.get(raised.status, "INVALID_ARGUMENT")}
        return raised.response()
    if isinstance(raised, DarkroomError):
        outcome |= {"code": raised.grpc_code.name, "reason": raised.reason.value}
        return refusal_of(raised).response()
    _logger.exception("request_unhandled", exc_info=raised)
    outcome |= {"code": "INTERNAL"}
    return Refusal(500, INTERNAL, details="Quote the request id when you report it.").response()
