"""`envoy.service.auth.v3.Authorization`: the edge asks whether a PUT may go to the storage."""

from __future__ import annotations

from ext_authz import ext_authz_pb2 as pb
from ext_authz import ext_authz_pb2_grpc
from services.files.domain.arrivals import Arrivals, UploadPut
from services.files.surfaces.edge import put_metadata
from services.platform.rpc.interceptor import Context

REFUSED_HEADER = "x-refused"
"""By which the edge refuses a PUT once its body has ended: many clients read no answer before they have sent it."""


class UploadAuthorization(ext_authz_pb2_grpc.AuthorizationServicer):
    """Lets every PUT pass, with the name of the refusal for those that the edge is to refuse."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals

    async def Check(self, request: pb.CheckRequest, context: Context) -> pb.CheckResponse:
        """Look at one PUT."""
        asked = request.attributes.request.http
        answer = await self._arrivals.answer(asked.path, asked.headers)
        if answer is None:
            return pb.CheckResponse()
        if isinstance(answer, UploadPut):
            return pb.CheckResponse(dynamic_metadata=put_metadata.of(answer))
        header = pb.HeaderValue(key=REFUSED_HEADER, value=answer)
        return pb.CheckResponse(ok_response=pb.OkHttpResponse(headers=[pb.HeaderValueOption(header=header)]))
