"""The worker's process: `python -m services.inference`."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from darkroom.internal.files.v1.storage_service_pb2_grpc import StorageServiceStub
from darkroom.internal.system.v1 import part_pb2
from models.bundles import load_bundles
from services.inference.bundles.answering import answering
from services.inference.bundles.managing import Bundles, bundles_of_models
from services.inference.config import InferenceSettings
from services.inference.contract.provider import Provider
from services.inference.contract.rates import MeasuredRates
from services.inference.credentials import child as credentials_child
from services.inference.credentials.trial import check_signing
from services.inference.generation.assembly import Offering, providers
from services.inference.model_server import triton
from services.inference.model_server.choice import DDCOLOR
from services.inference.moving import children as moving_children
from services.inference.pdf import isolated as isolated_pdf
from services.inference.pipeline import isolated
from services.inference.redraw import isolated as isolated_redraw
from services.inference.worker import cancellations, membership
from services.inference.worker.client import AttemptClient
from services.inference.worker.lane import Lane, OnDemand, Runners, work
from services.inference.worker.object_transfer import ObjectTransfer
from services.inference.worker.presence import Board, Presence, TasksBoard
from services.inference.worker.shared import Shared
from services.inference.worker.work_folder import work_folder
from services.pictures.offers import REPEAT_SECONDS, Offers
from services.pictures.operations import INTERACTIVE_LANE, specs
from services.pictures.short_pictures import LARGEST_RESULT
from services.platform import bus, log, process
from services.platform.identity import Signer
from services.platform.loop import Loop
from services.platform.object_http import object_http
from services.platform.rpc.channel import Caller, channel
from services.platform.rpc.targets import is_remote
from services.platform.sandbox import Limits as SandboxLimits
from services.platform.sandbox import Sandbox, WarmChildren
from services.platform.serving import Opening, Parts, Service
from services.platform.system_part import OwnPart
from services.platform.telemetry import checks
from services.platform.telemetry.health import Check, Health
from services.platform.worker_board import WorkerBoard

_OPERATIONS = "services.inference.operations"
_IN_CHILDREN = ("services.inference.pipeline.file_child", "services.inference.media.isolated", "services.inference.pipeline.isolated")
"""Modules that need not be imported here for that."""
_MODELS_LANES = frozenset(("neural", "pages"))
_PROBE_SECONDS = 2.0
_CHILDREN_PER_FILE = 3
"""An animation is read by one child and written by another at the same time, and operations on its frames may need one."""
_TRITON_SECONDS = 2.0


async def compose(settings: InferenceSettings, opening: Opening) -> Parts:
    """Assemble the worker. Its listener reports healthy once tasks can be taken; `lane.work` says how the worker ends."""
    # Names in the history of tasks; unique among replicas and restarts.
    name = f"{settings.worker_name}-{os.getpid()}-{secrets.token_hex(3)}"
    # OpenCV is loaded with the first picture.
    os.environ["OPENCV_FOR_THREADS_NUM"] = str(settings.cpu_threads)
    joined = None
    if settings.membership_dir is not None:
        # First, since the others need what it brings.
        kept = membership.maintain_membership(settings.membership_dir, settings.accounts_address or "", settings.tls)
        joined = await opening.open("membership", kept)
    caller = Caller(Signer("inference", settings.signing_key_file, delegated=joined.delegation if joined is not None else None))
    _check_operations()
    bundles = load_bundles()
    folder = await opening.open("work folder", work_folder(settings.work_dir, name))
    sandbox = await opening.open("sandbox", _sandbox(settings))
    await check_signing(sandbox, settings.signer)
    warm = await opening.open("warm children", _warm_children(settings, sandbox))
    server = await opening.open(
        "triton",
        triton.connect(
            settings.triton_address, _patience(settings), settings.shared_bytes, settings.triton_tls, bundles_of_models(bundles)
        ),
    )
    transfer = ObjectTransfer(await opening.open("storage", object_http(settings.s3_authorities)), settings.storage_patience_seconds)
    files = await opening.open("files", channel(settings.files_address, "files", settings.tls))
    tasks = await opening.open("tasks", channel(settings.tasks_address, "tasks", settings.tls))
    streams = await opening.open("streams", channel(settings.tasks_address, "tasks", settings.tls, repeats=False))
    client = AttemptClient(tasks, streams, caller, name, on_this_machine=not is_remote(settings.tasks_address))
    managing = None
    if not _MODELS_LANES.isdisjoint(settings.lanes):
        managing = Bundles(bundles, server.control, settings.model_repository, settings.model_platform, {DDCOLOR: settings.model_colorize})
    # One that has joined has no user of NATS: the tasks service says for it what there is to say, and answers to its next heartbeat that a
    # task is cancelled.
    board: Board
    connection, heard, board = None, cancellations.Cancellations(), TasksBoard(client, managing)
    if joined is None:
        connection = await opening.open("nats", bus.connect(settings.nats, "inference", name=name))
        heard, board = await opening.open("cancellations", cancellations.listening(connection)), WorkerBoard(connection)
        if managing is not None:
            await opening.open("bundles", answering(connection, managing, manages=settings.model_repository is not None))
    rates = MeasuredRates(settings.cpu_threads, settings.operation_seconds)
    serving = await opening.open("providers", providers(settings, server))
    shared = Shared(
        client=client,
        caller=caller,
        storage=StorageServiceStub(files),
        transfer=transfer,
        cancellations=heard,
        folder=folder,
        triton=server,
        sandbox=sandbox,
        warm=warm,
        picture_resources=_pictures(settings),
        providers=serving,
        rates=rates,
    )
    loaded = OnDemand(lambda: _runners(settings, shared))
    lanes = {lane: count for lane, count in settings.lanes.items() if _workable(lane, serving)}
    offers = Offers(connection) if connection is not None else None
    own, offering = OwnPart(), Offering(offers, serving, lanes, server.on_gpu, settings.signer)
    models = None if _MODELS_LANES.isdisjoint(settings.lanes) else server.control.models
    standby = set(lanes) & set(settings.standby_lanes)
    itself = part_pb2.Worker(
        name=name, slots=lanes, standby_lanes=sorted(standby), machine=settings.worker_name, away_days=settings.away_days
    )
    presence = Presence(board, itself, own, offering, models, rates)
    telling = Loop("offers", REPEAT_SECONDS, presence.step)

    async def tell_of_change(_ready: bool) -> None:
        telling.wake()

    async def offer_and_work(stop: asyncio.Event, health: Health) -> None:
        await health.on_change(tell_of_change)
        async with process.background(telling.run()):
            serving = [
                Lane(lane, count, client, loaded, short_runs=lane == INTERACTIVE_LANE, standby=lane in standby)
                for lane, count in lanes.items()
            ]
            await work(serving, stop, health, settings.drain_seconds)
        await presence.leave()

    return Parts(
        needs=[*_needs(settings, connection, tasks, files, server), *([joined.check()] if joined is not None else [])],
        own=own,
        before_listening=lambda stop: _reached(tasks, stop),
        work=offer_and_work,
    )


def _needs(
    settings: InferenceSettings, connection: bus.Bus | None, tasks: grpc.aio.Channel, files: grpc.aio.Channel, server: triton.Triton
) -> list[Check]:
    needs = [*([checks.nats(connection)] if connection is not None else []), checks.service("tasks", tasks), checks.service("files", files)]
    # No other lane has operations that need models here.
    return needs if _MODELS_LANES.isdisjoint(settings.lanes) else [*needs, Check("triton", server.reach, _TRITON_SECONDS)]


def _sandbox(settings: InferenceSettings) -> Sandbox:
    # The lanes' limits share out the processor.
    modules = [*_IN_CHILDREN, credentials_child.__name__, isolated_pdf.__name__, isolated_redraw.__name__]
    short = [f"{_OPERATIONS}.{name}" for name, spec in specs().items() if spec.short_megapixels]
    return Sandbox(
        preload=[*modules, *short],
        # 15 MiB, until there is a document.
        on_demand={**{module.__name__: module.NEEDED for module in (isolated_pdf, isolated_redraw)}, **moving_children.ON_DEMAND},
        concurrency=_CHILDREN_PER_FILE * sum(settings.lanes.values()),
    )


def _warm_children(settings: InferenceSettings, sandbox: Sandbox) -> WarmChildren:
    return WarmChildren(
        sandbox,
        working=settings.cpu_threads,
        kept=settings.lanes.get(INTERACTIVE_LANE, 0),
        jobs=settings.picture_child_jobs,
        seconds=settings.picture_child_seconds,
        limits=replace(_pictures(settings), file_bytes=LARGEST_RESULT),
        rehearsal=isolated.rehearse,
    )


def _pictures(settings: InferenceSettings) -> SandboxLimits:
    return SandboxLimits(
        memory_bytes=settings.picture_memory_bytes,
        cpu_seconds=round(settings.picture_seconds),
        wall_seconds=2 * settings.picture_seconds,
    )


def _check_operations() -> None:
    """Raises ImportError if an operation has no module."""
    if missing := [name for name in specs() if find_spec(f"{_OPERATIONS}.{name}") is None]:
        raise ImportError(f"there are no modules for the operations {', '.join(missing)}")


def _runners(settings: InferenceSettings, shared: Shared) -> Runners:
    from services.inference.worker.runners import runners

    return runners(settings, shared)


def _patience(settings: InferenceSettings) -> triton.Patience:
    return triton.Patience(settings.triton_patience_seconds, settings.triton_base_seconds, settings.triton_seconds_per_megapixel)


def _workable(lane: str, serving: Mapping[str, Provider]) -> bool:
    """Whether a lane has an operation that this worker can run. Operations that it is not configured for are left to other workers."""
    return lane == INTERACTIVE_LANE or any(spec.lane == lane and (not spec.needs or spec.name in serving) for spec in specs().values())


async def _reached(tasks: grpc.aio.Channel, stop: asyncio.Event) -> bool:
    """Wait until the tasks service is serving; False if `stop` is set first."""
    health = health_pb2_grpc.HealthStub(tasks)
    while not stop.is_set():
        try:
            reply = await health.Check(health_pb2.HealthCheckRequest(), timeout=_PROBE_SECONDS)
            if reply.status == health_pb2.HealthCheckResponse.SERVING:
                return True
        except grpc.aio.AioRpcError as error:
            log.get_logger().info("tasks_not_reached", code=error.code().name)
        await asyncio.sleep(0.2)
    return False


service = Service("inference", InferenceSettings, compose)
serve = service.serve

if __name__ == "__main__":
    sys.exit(service.main())
