"""Runs of tools: tasks that the gateway creates for a caller and waits for."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from starlette.requests import Request

from darkroom.common.v1.held_pb2 import HeldFile
from darkroom.files.v1 import file_pb2, files_service_pb2
from darkroom.internal.files.v1 import storage_service_pb2, storage_service_pb2_grpc
from darkroom.internal.tasks.v1 import run_service_pb2, run_service_pb2_grpc
from darkroom.operations.v1 import operation_pb2
from darkroom.tasks.v1 import task_pb2
from services.platform.backoff import retry_unavailable
from services.platform.errors import DarkroomError, ErrorReason, translate_rpc_errors
from services.platform.log import bind_to_context, get_logger
from services.platform.process import end
from services.platform.rpc.channel import Caller
from services.platform.rpc.notices import notices_header

SURFACE = "snapotter"
ENDED = (task_pb2.TASK_STATE_SUCCEEDED, task_pb2.TASK_STATE_FAILED, task_pb2.TASK_STATE_CANCELLED)
WAIT_SECONDS = 60
_CALL_SECONDS = 150.0
_SECONDS = 20.0
_PATIENCE_SECONDS = 20.0
"""For a service that restarts."""
_NOTICES = "darkroom.notices"
"""In the scope of a request: the notices about its runs."""
_Result = TypeVar("_Result")
_logger = get_logger()


class ClientGone(Exception):
    """The caller that waited for a run has closed the connection."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The record kept with a task of the names that its caller knows."""

    tool: str
    inputs: Sequence[str]
    """Names of the input files."""
    name: str | None = None
    """The result's name, if the tool gives it one; for a pipeline, unchanged."""
    steps: Sequence[tuple[str, int]] = ()
    """The tools of a pipeline, and how many operations each of them is."""
    may_become_png: bool = False
    """Whether the result of a pipeline or of a batch may be a PNG for its alpha; then its name says so."""
    keeps_name: bool = False
    """Whether the name stays unchanged, also if an input has it, except where its extension would say another format."""
    others: Sequence[str] = ()
    """The names of further results, where they do not have names of their own."""
    exact: bool = False
    """Whether the result has just the name, even if it is the source's."""

    def text(self) -> str:
        """As JSON."""
        said: dict[str, object] = {"tool": self.tool, "inputs": list(self.inputs), "name": self.name}
        if self.steps:
            said["steps"] = list(self.steps)
        if self.may_become_png:
            said["mayBecomePng"] = True
        if self.keeps_name:
            said["keepsName"] = True
        if self.others:
            said["others"] = list(self.others)
        if self.exact:
            said["exact"] = True
        return json.dumps(said, ensure_ascii=False)

    @classmethod
    def read(cls, text: str) -> RunRecord | None:
        """From JSON; None for what another surface has kept."""
        try:
            said = json.loads(text)
            steps = [(str(tool), int(operations)) for tool, operations in said.get("steps", ())]
            name = None if said["name"] is None else str(said["name"])
            return cls(
                str(said["tool"]),
                [str(name) for name in said["inputs"]],
                name,
                steps,
                bool(said.get("mayBecomePng")),
                bool(said.get("keepsName")),
                tuple(str(name) for name in said.get("others", ())),
                exact=bool(said.get("exact")),
            )
        except (ValueError, KeyError, TypeError):
            return None


def still(operations: Sequence[operation_pb2.Operation]) -> list[operation_pb2.Operation]:
    """The operations, with the first frame or page of a file as their result: this API gives pictures."""
    made = [operation_pb2.Operation.FromString(each.SerializeToString()) for each in operations]
    for each in made:
        if each.HasField("convert"):
            each.convert.frame = 1
    return made


class Runs:
    """Creates and reads tasks, and opens their files, for any account."""

    def __init__(
        self,
        tasks: run_service_pb2_grpc.RunServiceAsyncStub,
        files: storage_service_pb2_grpc.StorageServiceAsyncStub,
        caller: Caller,
    ) -> None:
        self._tasks, self._files, self._caller = tasks, files, caller

    async def run(
        self,
        request: Request,
        account_id: int,
        file_ids: Sequence[int],
        operations: Sequence[operation_pb2.Operation],
        kept: RunRecord,
        name: str = "",
        held: HeldFile | None = None,
    ) -> run_service_pb2.Run:
        """A task, once it has ended. A client that closes its connection cancels it, unless it has a name: then all calls with that name
        within 24 hours are about the same task. `held` is the one file, if it is not stored.

        Raises what TasksService.CreateTask raises, and ClientGone.
        """
        asked = run_service_pb2.RunRequest(
            input_file_ids=file_ids,
            operations=still(operations),
            surface=SURFACE,
            kept=kept.text(),
            wait_seconds=WAIT_SECONDS,
            # By which a call whose answer was lost finds its task.
            name=name or uuid.uuid4().hex,
            shared=bool(name),
            fails_in_place=bool(kept.steps),
            held=held,
        )
        run, calls = await self._ended(request, account_id, asked)
        if run.state == task_pb2.TASK_STATE_CANCELLED and calls > 1 and not asked.shared:
            # A connection that broke was taken for a caller that has gone.
            asked.name = uuid.uuid4().hex
            run, _ = await self._ended(request, account_id, asked)
        request.scope.setdefault(_NOTICES, []).extend(run.notices)
        return run

    async def begin(
        self, account_id: int, file_ids: Sequence[int], operations: Sequence[operation_pb2.Operation], kept: RunRecord
    ) -> run_service_pb2.Run:
        """A task that goes on by itself. Raises what TasksService.CreateTask raises."""
        asked = run_service_pb2.RunRequest(
            input_file_ids=file_ids, operations=still(operations), surface=SURFACE, kept=kept.text(), name=uuid.uuid4().hex, shared=True
        )
        return await retry_unavailable(partial(self._created, account_id, asked), _PATIENCE_SECONDS)

    async def abandon(self, account_id: int, task_id: int) -> None:
        """Cancel a task that nobody will ask for."""
        await self._abandon(account_id, task_id)

    async def _created(self, account_id: int, asked: run_service_pb2.RunRequest) -> run_service_pb2.Run:
        with translate_rpc_errors():
            reply = await self._tasks.Run(asked, metadata=self._caller.on_behalf_of(account_id), timeout=_CALL_SECONDS)
        return reply.run

    async def _ended(self, request: Request, account_id: int, asked: run_service_pb2.RunRequest) -> tuple[run_service_pb2.Run, int]:
        """A task, once it has ended, and how many calls its creation took."""
        calls = 0

        async def begin() -> run_service_pb2.Run:
            nonlocal calls
            calls += 1
            return await self._created(account_id, asked)

        run = await _unless_gone(request, retry_unavailable(begin, _PATIENCE_SECONDS))
        bind_to_context(task_id=run.task_id)
        while run.state not in ENDED:
            opening = retry_unavailable(partial(self.open, account_id, run.task_id, WAIT_SECONDS), _PATIENCE_SECONDS)
            try:
                run = await _unless_gone(request, opening)
            except (ClientGone, asyncio.CancelledError):
                if not asked.shared:
                    await asyncio.shield(self._abandon(account_id, run.task_id))
                raise
        return run, calls

    async def open(self, account_id: int, task_id: int, wait_seconds: int = 0, after: int | None = None) -> run_service_pb2.Run:
        """A task and its files, once it has ended or the time is up; with `after`, once it has an event after that number. Raises
        TASK_NOT_FOUND."""
        asked = run_service_pb2.OpenRunRequest(task_id=task_id, wait_seconds=wait_seconds, after_sequence=after)
        with translate_rpc_errors():
            reply = await self._tasks.OpenRun(asked, metadata=self._caller.on_behalf_of(account_id), timeout=_CALL_SECONDS)
        return reply.run

    async def download(
        self, account_id: int, file: file_pb2.File, name: str, media_type: str, *, for_head: bool
    ) -> files_service_pb2.Download | None:
        """Where a file can be had, by GET or by HEAD, under a name; None once it is gone."""
        offer = storage_service_pb2.Offer(name=name, media_type=media_type)
        asked = storage_service_pb2.SignDownloadsRequest(file_ids=[file.id], offers=[offer], for_head=for_head)
        with translate_rpc_errors():
            reply = await self._files.SignDownloads(asked, metadata=self._caller.on_behalf_of(account_id), timeout=_SECONDS)
        return reply.downloads[0] if reply.downloads else None

    async def _abandon(self, account_id: int, task_id: int) -> None:
        asked = run_service_pb2.AbandonRunRequest(task_id=task_id)
        try:
            with translate_rpc_errors():
                await self._tasks.AbandonRun(asked, metadata=self._caller.on_behalf_of(account_id), timeout=_SECONDS)
        except DarkroomError as error:
            _logger.warning("run_not_abandoned", task_id=task_id, error=str(error))


def notices_in(request: Request) -> tuple[tuple[str, str], ...]:
    """The header with the notices about the runs of a request."""
    return notices_header(request.scope.get(_NOTICES, ()))


def failure(run: run_service_pb2.Run) -> str | None:
    """Why a task has no result, for its caller; None if it has one."""
    if run.state == task_pb2.TASK_STATE_SUCCEEDED and run.outputs:
        return None
    if run.error.reason == ErrorReason.INTERNAL.number:
        return "Internal error."
    return run.error.message or "The task was cancelled."


def sentences(run: run_service_pb2.Run) -> str:
    """The messages of the notices about a run, each once."""
    return " ".join(dict.fromkeys(notice.message for notice in run.notices))


async def _unless_gone(request: Request, waiting: Awaitable[_Result]) -> _Result:
    """The result, unless the client closes its connection first. Raises ClientGone."""
    working, leaving = asyncio.ensure_future(waiting), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGone
        return working.result()
    finally:
        await end(leaving)
        if not working.done():
            working.cancel()


async def _left(request: Request) -> None:
    """Return when the client has closed its connection. Its body has been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
