"""Every gRPC method, public and internal, is sent noise and nearly valid messages: none may fail by a defect or say what it is made of."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TypeVar

import grpc
import h2.connection
import h2.events
import pytest
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from deploy.local.credentials import signing_key_file
from externalscaler import externalscaler_pb2
from services.platform.identity import Signer
from services.platform.rpc import catalogue
from services.platform.rpc.permissions import callers_of
from tests.harness.internal_methods import internal_methods
from tests.stacks import Account, StackUnderTest
from tests.system.fuzzing import SECONDS, SEED, encoded

_DEFECTS = (grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.DATA_LOSS, grpc.StatusCode.UNAVAILABLE)
_INTERNALS = re.compile(r"Traceback|Error parsing|_pb2|<class|\.py\b|asyncpg|sqlalchemy|nats:|unix:|/tmp/|/work/|0x[0-9a-f]{6}|Exception")
_STREAM_SECONDS = 1.0
_AT_A_TIME = 8
# Most of these wait for an answer that does not come.
_FRAMES_AT_A_TIME = 60
_STANDARD = (health_pb2.DESCRIPTOR.services_by_name["Health"], reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"])

Metadata = tuple[tuple[str, str], ...]
T = TypeVar("T")


@dataclass(frozen=True)
class Target:
    """A method and where it is called."""

    method: MethodDescriptor
    channel: grpc.aio.Channel
    credentials: Callable[[], Metadata]
    """For one call: those of a service are short-lived."""

    @property
    def path(self) -> str:
        return f"/{self.method.containing_service.full_name}/{self.method.name}"

    @property
    def request(self) -> Descriptor:
        return self.method.input_type

    async def wrong(self, data: bytes) -> str:
        """Send a request; what is wrong with what comes back, or nothing."""
        seconds = _STREAM_SECONDS if self.method.server_streaming else 60
        call: grpc.aio.StreamStreamCall[bytes, bytes] = self.channel.stream_stream(self.path)(
            iter([data]), metadata=self.credentials(), timeout=seconds
        )
        try:
            async for reply in call:
                known = GetMessageClass(self.method.output_type).FromString(reply)
                if self.method.containing_service in _STANDARD:
                    continue  # Reflection repeats the request, whatever is in it.
                size = known.ByteSize()
                known.DiscardUnknownFields()
                if known.ByteSize() != size:
                    return f"{self.path} answered {data!r} with fields that its proto does not have"
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED and self.method.server_streaming:
                return ""
            if error.code() in _DEFECTS or _INTERNALS.search(str(error.details())):
                return f"{self.path} answered {data!r} with {error.code().name}: {error.details()}"
        return ""


@pytest.fixture
async def targets(stack: StackUnderTest, account: Account) -> AsyncIterator[list[Target]]:
    """Every method that is called as gRPC: at the edge with a key, and behind it with the token of a service that may call it."""
    key, options = (("authorization", f"Bearer {account.api_key}"),), (("grpc.default_authority", "darkroom"),)
    async with AsyncExitStack() as opened:
        edge = await opened.enter_async_context(grpc.aio.insecure_channel(stack.url.removeprefix("http://")))
        native = [service for service in catalogue.public_services() if not catalogue.is_json(service)]
        found = [Target(method, edge, lambda: key) for service in (*native, *_STANDARD) for method in service.methods]
        scaler = [("tasks", method) for method in externalscaler_pb2.DESCRIPTOR.services_by_name["ExternalScaler"].methods]
        for server, method in (*internal_methods(), *scaler):
            # Those for others than services are called by one all the same, which may be refused.
            caller = next(iter(sorted(callers_of(method))), "inference")
            signer = Signer(caller, signing_key_file(stack.stack.config.layout, caller))
            channel = await opened.enter_async_context(grpc.aio.insecure_channel(stack.internal_address(server), options))
            found.append(Target(method, channel, partial(signer.service_metadata, int(account.id))))
        yield found


async def test_no_request_breaks_a_method(targets: list[Target]) -> None:
    random, end = Random(SEED), time.monotonic() + SECONDS
    wrong: dict[str, str] = {}
    while time.monotonic() < end:
        answers = await _at_once([target.wrong(encoded(random, target.request)) for target in targets])
        wrong = {target.path: answer for target, answer in zip(targets, answers, strict=True) if answer} | wrong
    assert not wrong, "\n".join(wrong.values())


async def _at_once(calls: Sequence[Coroutine[None, None, T]], most: int = _AT_A_TIME) -> list[T]:
    slots = asyncio.Semaphore(most)

    async def one(call: Coroutine[None, None, T]) -> T:
        async with slots:
            return await call

    async with asyncio.TaskGroup() as group:
        running = [group.create_task(one(call)) for call in calls]
    return [each.result() for each in running]


def _frames(random: Random, data: bytes) -> Iterator[bytes]:
    """What is no gRPC message, or not one alone."""
    length = len(data).to_bytes(4, "big")
    yield b"\0" + length + data[: random.randint(0, max(0, len(data) - 1))] if data else b"\0\0\0\0\x05"
    yield b"\0" + length + data + b"\0" + length + data
    yield b"\0" + (0xFFFFFFFF).to_bytes(4, "big") + data
    yield random.randrange(256).to_bytes(1, "big") + length + data
    yield random.randbytes(random.randint(0, 4))


async def test_broken_frames_do_no_harm(stack: StackUnderTest, targets: list[Target]) -> None:
    """gRPC itself may refuse them, or wait for the rest; the service answers the next call."""
    random = Random(SEED)
    edge = [target for target in targets if dict(target.credentials())["authorization"].startswith("Bearer dk_")]
    chosen = random.sample(edge, k=min(len(edge), max(6, SECONDS)))
    sent = [_sent(stack, target, frame) for target in chosen for frame in _frames(random, encoded(random, target.request))]
    for headers in await _at_once(sent, _FRAMES_AT_A_TIME):
        assert headers.get(":status") in (None, "200"), headers
        assert not _INTERNALS.search(headers.get("grpc-message", "")), headers
    assert not any(await _at_once([target.wrong(encoded(random, target.request)) for target in chosen]))


async def _sent(stack: StackUnderTest, target: Target, frame: bytes) -> dict[str, str]:
    """Headers and trailers of the reply to a request with this body; empty if there is none soon."""
    host, _, port = stack.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    connection, received = h2.connection.H2Connection(), dict[str, str]()
    connection.initiate_connection()
    request = {":method": "POST", ":scheme": "http", ":path": target.path, ":authority": host, "te": "trailers"}
    connection.send_headers(1, [*request.items(), ("content-type", "application/grpc"), *target.credentials()])
    connection.send_data(1, frame, end_stream=True)
    with suppress(TimeoutError):
        async with asyncio.timeout(_STREAM_SECONDS):
            ended = False
            while not ended:
                writer.write(connection.data_to_send())
                data = await reader.read(65536)
                ended = not data
                for event in connection.receive_data(data):
                    if isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
                        received |= {name.decode(): value.decode() for name, value in event.headers}
                    ended |= isinstance(event, h2.events.StreamEnded | h2.events.StreamReset)
    writer.close()
    return received
