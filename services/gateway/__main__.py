"""`python -m services.gateway`: serve."""

from __future__ import annotations

import logging
import sys

from starlette.applications import Starlette

from darkroom.internal.accounts.v1 import setting_values_service_pb2_grpc
from darkroom.internal.files.v1 import intake_service_pb2_grpc, pictures_service_pb2_grpc, storage_service_pb2_grpc
from darkroom.internal.tasks.v1 import run_service_pb2_grpc
from services.gateway import surfaces
from services.gateway.backend import Backend
from services.gateway.calls import Calls
from services.gateway.config import GatewaySettings
from services.gateway.forms import FormLimits
from services.gateway.receiving import Receiver
from services.gateway.surfaces.parts import GatewayParts
from services.platform.bus import connect
from services.platform.identity import Signer, Verifier
from services.platform.object_http import object_http
from services.platform.object_writing import ObjectWriter
from services.platform.revocations import Revocations
from services.platform.rpc.channel import Caller, channel
from services.platform.rpc.handing_over import stays_here
from services.platform.rpc.open_call_counts import OpenCallCounts
from services.platform.rpc.open_calls import OpenCalls
from services.platform.serving import Opening, Parts, Service
from services.platform.slots import Slots
from services.platform.surface_modules import surface_modules
from services.platform.telemetry import checks


async def compose(settings: GatewaySettings, opening: Opening) -> Parts:
    """Put the service together."""
    # Its warnings quote what clients sent.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    signer = Signer("gateway", settings.signing_key_file)
    bus = await opening.open("nats", connect(settings.nats, "gateway"))
    revocations = await opening.open("revocations", Revocations(bus))
    streams = OpenCalls(settings.max_streams_per_account, settings.max_streams)
    counts = await opening.open("open calls", OpenCallCounts(bus, "gateway", streams).sharing())
    files = await opening.open("files", channel(settings.files_address, "files", settings.tls))
    library = await opening.open("library", channel(settings.files_public_address, "files", settings.tls, repeats=False))
    tasks = await opening.open("tasks", channel(settings.tasks_public_address, "tasks", settings.tls, repeats=False))
    accounts = await opening.open("accounts", channel(settings.accounts_public_address, "accounts", settings.tls, repeats=False))
    accounts_internal = await opening.open("settings", channel(settings.accounts_address, "accounts", settings.tls))
    # A run that is repeated would be a second one.
    runs = await opening.open("runs", channel(settings.tasks_address, "tasks", settings.tls, repeats=False))
    http = await opening.open("storage", object_http(settings.s3_authorities))
    limits = FormLimits(settings.form_parts, settings.form_field_bytes, settings.form_idle_seconds, settings.form_slowest_bytes)
    slots = Slots(
        settings.forms_max,
        settings.forms_per_account,
        f"At most {settings.forms_per_account} forms of an account are received at the same time. Send this one when another has arrived.",
        "Too many forms are arriving. Try again later.",
    )
    intake, caller = intake_service_pb2_grpc.IntakeServiceStub(files), Caller(signer)
    parts = GatewayParts(
        calls=Calls(Verifier(settings.trusted_keys_file), slots),
        backend=Backend({"files": library, "tasks": tasks, "accounts": accounts}, signer),
        receiver=Receiver(
            intake,
            caller,
            ObjectWriter(http, settings.form_block_bytes),
            limits,
            settings.max_file_bytes,
            settings.form_held_bytes,
            tasks_here=stays_here(tasks),
        ),
        revocations=revocations,
        caller=caller,
        runs=run_service_pb2_grpc.RunServiceStub(runs),
        storage=storage_service_pb2_grpc.StorageServiceStub(files),
        intake=intake,
        pictures=pictures_service_pb2_grpc.PicturesServiceStub(files),
        settings=setting_values_service_pb2_grpc.SettingValuesServiceStub(accounts_internal),
        http=http,
        bus=bus,
        streams=streams,
        derived_secret=signer.derived_secret,
        forms_at_once=settings.forms_max,
        forms_at_once_each=settings.forms_per_account,
        picture_memory_bytes=settings.picture_memory_bytes,
    )
    routes = [route for module in surface_modules(surfaces, "routes") for route in module.routes(parts)]
    return Parts(needs=[checks.nats(bus)], loops=[counts.loop], application=Starlette(routes=routes))


service = Service("gateway", GatewaySettings, compose, surfaces=surfaces)
serve = service.serve

if __name__ == "__main__":
    sys.exit(service.main())
