"""The gateway's requests to the other services, as the account whose call it serves."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from darkroom.internal.files.v1 import intake_service_pb2 as pb
from darkroom.internal.files.v1 import intake_service_pb2_grpc
from services.pictures.media_format import sniff
from services.pictures.short_pictures import READ_QUICKLY
from services.platform.backoff import retry_unavailable
from services.platform.errors import translate_rpc_errors
from services.platform.idempotent_call import CONTENT_HEADER
from services.platform.idempotent_call import HEADER as IDEMPOTENCY_HEADER
from services.platform.identity import ADDRESS_HEADER, IDENTITY_HEADER, Identity, Signer, current_client
from services.platform.object_writing import HEAD_BYTES, StartedFile
from services.platform.rpc.channel import Caller
from services.platform.rpc.held_files import Held
from services.platform.rpc.trace import TRACE_HEADER, current_trace_id

_SECONDS = 20.0
_PATIENCE_SECONDS = 20.0
# Joining the parts of a large file, and any file's examination.
_COMPLETION_SECONDS = 120.0
# For so long a token is used again; it then still has most of its minute left.
_REUSED_SECONDS = 20
# The longest wait that a caller can ask for, and an examination of its files.
_CALL_SECONDS = 150.0


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of a public method."""

    message: Message
    headers: Mapping[str, str]
    """The metadata that it sent ahead of the message, such as an HTTP status of its own."""
    trailers: Mapping[str, str]


class Backend:
    """Calls public methods on behalf of their callers.

    A form may take longer than the minute for which the edge's token is good, so the gateway signs one of its own that says the same.
    """

    def __init__(self, public: Mapping[str, grpc.aio.Channel], signer: Signer) -> None:
        self._public, self._signer = public, signer
        self._sign = lru_cache(maxsize=4096)(self._sign_token)

    async def call(
        self,
        service: str,
        method: MethodDescriptor,
        request: Message,
        identity: Identity | None,
        key: str | None = None,
        content: bytes = b"",
        asked_by: Mapping[str, str] = MappingProxyType({}),
    ) -> Reply:
        """Make the call. `key` is the caller's idempotency key, `content` the identity of the form's files, and `asked_by` the
        headers that say by which URL the caller came. Without an identity, the method must be one for anyone.

        Raises what the method raises.
        """
        call = self._public[service].unary_unary(
            f"/{method.containing_service.full_name}/{method.name}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=message_factory.GetMessageClass(method.output_type).FromString,
        )
        metadata = [*self.metadata(identity), *asked_by.items()]
        if key is not None:
            metadata += [(IDEMPOTENCY_HEADER, key), (CONTENT_HEADER, content.hex())]
        with translate_rpc_errors():
            running = call(request, metadata=tuple(metadata), timeout=_CALL_SECONDS, wait_for_ready=True)
            message = await running
            return Reply(message, _texts(await running.initial_metadata()), _texts(await running.trailing_metadata()))

    def metadata(self, identity: Identity | None) -> list[tuple[str, str]]:
        """The metadata of a call for the caller whose request is being served: its trace, its identity and its address."""
        metadata = [(TRACE_HEADER, current_trace_id())]
        if identity is not None:
            metadata.append((IDENTITY_HEADER, self._sign(identity, int(time.monotonic()) // _REUSED_SECONDS)))
        if address := current_client().address:
            metadata.append((ADDRESS_HEADER, address))
        return metadata

    def channel(self, service: str) -> grpc.aio.Channel:
        """The channel to the public listener of a service."""
        return self._public[service]

    def _sign_token(self, identity: Identity, _period: int) -> str:
        return self._signer.identity_token(
            identity.account_id,
            identity.key_id,
            identity.scopes,
            key_name=identity.key_name,
            max_streams=identity.max_streams,
            user=identity.user,
            refreshed=identity.refreshed,
        )


class FilesOfAccount:
    """Files that the gateway writes for an account: a `Target` for `ObjectWriter`."""

    def __init__(
        self,
        stub: intake_service_pb2_grpc.IntakeServiceAsyncStub,
        caller: Caller,
        account_id: int,
        name: str = "",
        surface: str = "",
        *,
        any_content: bool = False,
        most_held_bytes: int = 0,
    ) -> None:
        """Pictures of up to `most_held_bytes` are held in place of being stored, if work on them may be short."""
        self._most_held_bytes = most_held_bytes
        self.held: Held | None = None
        self._stub, self._caller, self._account_id, self._name, self._surface = stub, caller, account_id, name, surface
        self._any_content = any_content

    async def begin(self, head: bytes, size: int | None, content: bytes) -> StartedFile:
        """Create a record; its bytes go to a URL if the size is known and `content` was not stored.

        Patient with a files service that restarts. A record whose reply was lost is one that nobody names, and expires.
        """
        holds = bool(content) and len(content) <= self._most_held_bytes and sniff(head, self._name) in READ_QUICKLY
        request = pb.BeginFileRequest(
            name=self._name,
            head=head,
            size_bytes=size,
            content=b"" if holds else content,
            surface=self._surface,
            any_content=self._any_content,
            held=holds,
        )

        async def begin() -> pb.BeginFileResponse:
            with translate_rpc_errors():
                return await self._stub.BeginFile(request, metadata=self._metadata, timeout=_COMPLETION_SECONDS if content else _SECONDS)

        reply = await retry_unavailable(begin, _PATIENCE_SECONDS)
        if reply.output_file_id:
            self.held = Held(reply.file_id, reply.output_file_id, reply.name, content, self._surface)
        return StartedFile(reply.file_id, reply.url, reply.only_if_absent)

    async def store(self, held: Held) -> None:
        """Store a file that was held after all. Raises as BeginFile."""
        request = pb.BeginFileRequest(
            name=held.name, head=held.content[:HEAD_BYTES], content=held.content, surface=held.surface, file_id=held.file_id
        )
        with translate_rpc_errors():
            await self._stub.BeginFile(request, metadata=self._metadata, timeout=_COMPLETION_SECONDS)

    async def part_url(self, file_id: int, number: int) -> str:
        """Where to PUT a part."""
        with translate_rpc_errors():
            request = pb.SignFilePartRequest(file_id=file_id, part_number=number)
            return (await self._stub.SignFilePart(request, metadata=self._metadata, timeout=_SECONDS)).url

    async def complete(self, file_id: int, etags: Sequence[str]) -> None:
        """Join the parts, and have the file examined."""
        with translate_rpc_errors():
            request = pb.CompleteFileRequest(file_id=file_id, etags=etags)
            await self._stub.CompleteFile(request, metadata=self._metadata, timeout=_COMPLETION_SECONDS)

    async def discard(self, *file_ids: int) -> None:
        """Delete files."""
        with translate_rpc_errors():
            await self._stub.DiscardFiles(pb.DiscardFilesRequest(file_ids=file_ids), metadata=self._metadata, timeout=_SECONDS)

    @property
    def _metadata(self) -> tuple[tuple[str, str], ...]:
        # Signed again: a large file takes longer than a token is valid.
        return self._caller.on_behalf_of(self._account_id)


def _texts(metadata: object) -> dict[str, str]:
    return {str(key): str(value) for key, value in metadata or ()}  # type: ignore[attr-defined]
