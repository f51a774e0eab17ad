"""Putting together all that works on tasks. It is loaded with the first one, since the libraries that read pictures come with it."""

from __future__ import annotations

from functools import partial

from services.inference.config import InferenceSettings
from services.inference.contract.memory_budget import MemoryBudget
from services.inference.contract.step import DocumentLimits, Tools
from services.inference.media import Limits, configure_libvips
from services.inference.moving.limits import MovingLimits
from services.inference.pipeline.registry import Registry
from services.inference.worker.attempt import AttemptRunner
from services.inference.worker.files import AttemptFiles
from services.inference.worker.lane import Runners
from services.inference.worker.shared import Shared
from services.inference.worker.short_runs import ShortRunner


def runners(settings: InferenceSettings, shared: Shared) -> Runners:
    """The runners of a worker; for one call in a process."""
    configure_libvips(settings.cpu_threads)
    registry = Registry()
    tools = Tools(
        triton=shared.triton,
        sandbox=shared.sandbox,
        models=settings.models,
        picture_limits=Limits(settings.max_megapixels, settings.svg_seconds),
        picture_resources=shared.picture_resources,
        result_limits=Limits(settings.max_result_megapixels),
        memory=MemoryBudget(settings.memory_bytes),
        documents=DocumentLimits(settings.document_memory_bytes, settings.document_seconds, settings.document_page_seconds),
        rates=shared.rates,
        providers=shared.providers,
        color_profiles=settings.color_profiles_dir,
        credentials=settings.signer,
        trusted_certificates=settings.content_credentials_trusted,
        moving_limits=MovingLimits(
            picture=Limits(settings.max_megapixels), seconds=settings.max_video_seconds, megapixels=settings.max_moving_megapixels
        ),
        frames_at_once=settings.frames_at_once,
        warm=shared.warm,
    )
    attempts = AttemptRunner(
        client=shared.client,
        files=partial(AttemptFiles, shared.storage, shared.caller, shared.transfer, settings.storage_patience_seconds),
        registry=registry,
        tools=tools,
        cancellations=shared.cancellations,
        folder=shared.folder,
        max_picture_bytes=settings.max_picture_bytes,
    )
    short_runs = ShortRunner(registry, tools, settings.max_picture_bytes, opens_files=shared.client.on_this_machine)
    return Runners(attempts, short_runs)
