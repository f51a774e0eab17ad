"""Settings of a worker."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from services.inference.contract.memory_budget import default_budget
from services.inference.contract.models import ModelSettings
from services.inference.credentials.settings import CredentialSettings
from services.inference.generation.settings import GenerationSettings
from services.inference.model_server.shared_memory import is_local
from services.pictures.operations import lanes as known_lanes
from services.platform.config import PictureSettings, ProcessSettings, StorageSettings
from services.platform.rpc.targets import Target
from services.platform.tls import MutualTls
from services.platform.worker_board import MOST_AWAY_DAYS


class InferenceSettings(ProcessSettings, PictureSettings, StorageSettings, GenerationSettings, CredentialSettings, ModelSettings):
    """Settings of a worker process, which has no public listener."""

    nats_url: str = Field(
        "",
        validate_default=False,
        description="As for the other services. A worker with membership_dir has none: the tasks service says in NATS what it reports.",
    )
    tasks_address: Target = Field(description="Internal listener of the tasks service, as a gRPC target or the `IP:port` of each replica.")
    files_address: Target = Field(description="Internal listener of the files service, as a gRPC target or the `IP:port` of each replica.")
    membership_dir: Path | None = Field(
        None,
        description="Folder of a worker that has joined from another machine, which `make worker` makes; internal_tls_dir, "
        "signing_key_file and trusted_keys_file are then in it, and there is no nats_url. The process keeps it fresh.",
    )
    accounts_address: Target | None = Field(
        None, validate_default=True, description="Internal listener of the accounts service; with membership_dir alone."
    )
    triton_address: str = Field(
        description="gRPC endpoint of the model server: `host:port` or `unix:/path`. With internal_tls_dir, "
        "`host:port` is mutual TLS, and the server's certificate names `triton`."
    )
    triton_shared_memory: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Whether to exchange pictures with the model server through shared memory. auto: if triton_address is on this host. "
        "on: always; the server must see this host's /dev/shm. off: never. If shared memory fails, the worker uses the socket.",
    )
    triton_shared_memory_bytes: int = Field(
        64 << 20,
        ge=1 << 20,
        description="Maximum shared memory that a worker uses, in bytes. A request that does not fit uses the socket.",
    )

    lanes: Annotated[dict[str, int], NoDecode] = Field(
        default={
            "interactive": 8,
            "picture": 4,
            "neural": 2,
            "pages": 1,
            "document": 1,
            "system": 8,
            "gpt_image_2": 8,
            "nano_banana_2": 8,
        },
        description="Lanes that the worker serves, each with its maximum number of concurrent tasks: "
        "`interactive=8,picture=4,neural=2,pages=1,document=1,system=8`. With two tasks, the worker can read, write or transfer one "
        "picture while the model processes the other. A lane whose operations need a provider is served only if that provider is "
        "configured.",
    )
    standby_lanes: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Those of the lanes that the worker serves only while no other worker does, and when tasks have waited for as long as "
        "`DARKROOM_STANDBY_AFTER` of the tasks service says: `neural,pages` on a small server that a machine with a GPU joins at times.",
    )
    away_days: int = Field(
        0,
        ge=0,
        le=MOST_AWAY_DAYS,
        description="Days for which tasks wait for this machine after it was last heard, if nobody else can run them. If 0, none does: "
        "operations that only this worker offers are refused a minute after it has gone.",
    )
    worker_name: str = Field(
        default_factory=lambda: socket.gethostname()[:60],
        min_length=1,
        max_length=60,
        description="Name of the machine for people, also while it is away. By default the name of the host.",
    )
    work_dir: Path = Field(
        default_factory=lambda: Path(tempfile.gettempdir()) / "darkroom-inference",
        description="Folder for inputs and results of running tasks, and for the frames of an animation or a video of which all are looked "
        "at before any is changed: up to 2 bytes a pixel, all frames together. Each worker has its own subfolder, deleted when the worker "
        "is gone.",
    )
    drain_seconds: float = Field(
        20.0, ge=0, description="Seconds for which running tasks may continue after SIGTERM before they are handed back."
    )
    cpu_threads: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        description="Number of CPU threads per picture, outside the model server.",
    )

    frames_at_once: int = Field(
        0,
        ge=0,
        le=64,
        description="Frames of an animation or a video that are worked on at once, each with memory of its own; fewer if the budget is too "
        "small for so many. 0: 4 where the models run on a GPU, which takes them in one request, else 2.",
    )
    memory_bytes: int = Field(
        default_factory=default_budget,
        ge=256 << 20,
        description="Memory budget for all tasks of this worker, in bytes. A task waits until enough is free, and fails if it needs more "
        "than the budget. By default, half of the memory of the machine or of the control group.",
    )
    max_picture_bytes: int = Field(1 << 30, gt=0, description="Largest picture file that a worker reads into memory, in bytes.")
    picture_memory_bytes: int = Field(6 << 30, gt=0, description="Maximum address space of the process that decodes a picture, in bytes.")
    picture_seconds: float = Field(120.0, gt=0, description="Maximum CPU time for decoding a picture, in seconds.")
    picture_child_jobs: int = Field(
        100,
        ge=1,
        description="Number of short picture jobs that a child process does before it is replaced; all for one account. 1: each job has a "
        "process of its own.",
    )
    picture_child_seconds: float = Field(60.0, gt=0, description="Age at which such a child process is replaced, in seconds.")
    color_profiles_dir: Path | None = Field(
        None,
        description="Folder with CMYK profiles for convert: iso_coated.icc, iso_uncoated.icc, us_web_coated.icc and us_web_uncoated.icc. "
        "A general profile takes the place of a missing one.",
    )
    svg_seconds: float = Field(10.0, gt=0, description="Maximum CPU time for drawing an SVG, in seconds.")
    document_memory_bytes: int = Field(2 << 30, gt=0, description="Maximum memory of the process that parses a document, in bytes.")
    document_seconds: float = Field(600.0, gt=0, description="Maximum time for processing a document, in seconds.")
    document_page_seconds: float = Field(
        30.0, gt=0, description="Maximum CPU time for each page of a document, and once more for the document, in seconds."
    )

    model_repository: Path | None = Field(
        None,
        description="Folder from which the model server loads its models, as this worker sees it. With it, the worker installs and "
        "removes bundles while the platform runs; the server must have been started with `--model-control-mode=explicit`. Absent: bundles "
        "can only be looked at.",
    )
    model_platform: Literal["cpu", "cuda", "cuda-onnxruntime", "cuda-tensorrt"] | None = Field(
        None,
        description="The platform for the models of an installed bundle, as `--platform` of `python -m models install`. Absent: that of "
        "the installed models.",
    )
    storage_patience_seconds: float = Field(
        30.0, ge=0, description="Seconds for which a step waits for object storage or the files service while they are unreachable."
    )
    triton_patience_seconds: float = Field(
        60.0, ge=0, description="Seconds for which a step waits for a model server that is starting or unreachable."
    )
    triton_base_seconds: float = Field(30.0, gt=0, description="Base timeout of one inference, in seconds, independent of its size.")
    triton_seconds_per_megapixel: float = Field(600.0, gt=0, description="Seconds added to the timeout per megapixel of input.")

    @property
    def shared_bytes(self) -> int:
        """Memory to share with the model server, in bytes; 0 for none."""
        shared = self.triton_shared_memory == "on" or (self.triton_shared_memory == "auto" and is_local(self.triton_address))
        return self.triton_shared_memory_bytes if shared else 0

    @property
    def triton_tls(self) -> MutualTls | None:
        """The certificates for the model server; None on a Unix socket."""
        return None if self.triton_address.startswith("unix:") else self.tls

    @field_validator("lanes", mode="before")
    @classmethod
    def _parse_lanes(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
        return {lane.strip(): count.strip() or "1" for lane, _, count in pairs}

    @field_validator("standby_lanes", mode="before")
    @classmethod
    def _parse_standby_lanes(cls, value: object) -> object:
        return tuple(lane.strip() for lane in value.split(",") if lane.strip()) if isinstance(value, str) else value

    @field_validator("membership_dir")
    @classmethod
    def _is_in_nats_or_joined(cls, folder: Path | None, info: ValidationInfo) -> Path | None:
        if folder is None and info.data.get("nats_url") == "":
            raise ValueError("DARKROOM_NATS_URL is required without DARKROOM_MEMBERSHIP_DIR")
        return folder

    @field_validator("accounts_address")
    @classmethod
    def _renews_a_membership(cls, address: str | None, info: ValidationInfo) -> str | None:
        if address is None and info.data.get("membership_dir") is not None:
            raise ValueError("DARKROOM_MEMBERSHIP_DIR needs DARKROOM_ACCOUNTS_ADDRESS, where the membership is renewed")
        return address

    @field_validator("standby_lanes")
    @classmethod
    def _serves_standby_lanes(cls, standby: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if unserved := sorted(set(standby) - set(info.data.get("lanes", standby))):
            raise ValueError(f"DARKROOM_STANDBY_LANES names {', '.join(unserved)}, which DARKROOM_LANES does not")
        return standby

    @field_validator("lanes")
    @classmethod
    def _check_lanes(cls, lanes: dict[str, int]) -> dict[str, int]:
        unknown = sorted(set(lanes) - set(known_lanes()))
        if unknown or not lanes:
            raise ValueError(f"there is no lane {', '.join(unknown) or 'named'}; the lanes are {', '.join(known_lanes())}")
        if any(count < 1 for count in lanes.values()):
            raise ValueError("a lane needs at least one task at once; leave out a lane that is not to be worked on")
        return lanes
