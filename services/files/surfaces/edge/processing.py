"""`envoy.service.ext_proc.v3.ExternalProcessor`: the edge reports how a PUT to the storage goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus

from ext_proc import ext_proc_pb2 as pb
from ext_proc import ext_proc_pb2_grpc
from services.files.domain.running_puts import RunningPuts
from services.files.surfaces.edge import put_metadata
from services.files.surfaces.edge.authorization import REFUSED_HEADER
from services.platform.rpc.interceptor import Context

AUTHORIZATION = "envoy.filters.http.ext_authz"
"""The name by which Envoy keeps what `UploadAuthorization` says of a PUT."""
_NOTHING = pb.ProcessingRequest()
"""In place of a message that does not come any more."""
_PASS = pb.ProcessingResponse(request_headers=pb.HeadersResponse())
_ENDED = pb.ProcessingResponse(
    immediate_response=pb.ImmediateResponse(status=pb.HttpStatus(code=HTTPStatus.NOT_FOUND), details="upload_ended")
)


class UploadProcessor(ext_proc_pb2_grpc.ExternalProcessorServicer):
    """Follows each PUT of an upload, from before its first byte is stored until it is answered. Others it leaves alone at once."""

    def __init__(self, running: RunningPuts) -> None:
        self._running = running

    async def Process(self, requests: AsyncIterator[pb.ProcessingRequest], context: Context) -> AsyncIterator[pb.ProcessingResponse]:
        """Follow one PUT. The end of the stream lets it go on."""
        asked = await anext(requests, _NOTHING)
        put = put_metadata.read(asked.metadata_context.filter_metadata.get(AUTHORIZATION))
        if put is None:
            return
        if refusal := self._running.refusal(put):
            header = pb.HeaderValue(key=REFUSED_HEADER, raw_value=refusal.encode())
            change = pb.HeaderMutation(set_headers=[pb.HeaderValueOption(header=header)])
            yield pb.ProcessingResponse(request_headers=pb.HeadersResponse(response=pb.CommonResponse(header_mutation=change)))
            return
        with self._running.running(put) as ended:
            yield _PASS
            answer = await _before(ended, requests)
        if answer is None or (_succeeded(answer) and not await self._running.stored(put)):
            yield _ENDED


async def _before(ended: asyncio.Event, requests: AsyncIterator[pb.ProcessingRequest]) -> pb.ProcessingRequest | None:
    """The next message; None if the upload ends before it comes."""
    next_message, end = asyncio.ensure_future(anext(requests, _NOTHING)), asyncio.ensure_future(ended.wait())
    try:
        await asyncio.wait([next_message, end], return_when=asyncio.FIRST_COMPLETED)
        return next_message.result() if next_message.done() else None
    finally:
        next_message.cancel()
        end.cancel()


def _succeeded(answer: pb.ProcessingRequest) -> bool:
    status = next((header.raw_value for header in answer.response_headers.headers.headers if header.key == ":status"), b"")
    return status.startswith(b"2")
