"""Settings of a worker."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from services.common.config import PictureSettings, ProcessSettings
from services.common.operations import specs
from services.inference.contract.memory_budget import default_budget
from services.inference.generation.settings import GenerationSettings
from services.inference.model_server.shared_memory import is_local


class InferenceSettings(ProcessSettings, PictureSettings, GenerationSettings):
    """What a worker needs. It has no public listener."""

    tasks_address: str = Field(description="Internal listener of the tasks service, a gRPC target.")
    files_address: str = Field(description="Internal listener of the files service, a gRPC target.")
    triton_address: str = Field(description="gRPC endpoint of the model server: `host:port`.")
    triton_shared_memory: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Whether pictures pass to the model server and back through shared memory: auto, where its address is this host's own; "
        "on, wherever it sees this host's /dev/shm; off. Where that turns out not to work, they go through the socket.",
    )
    triton_shared_memory_bytes: int = Field(
        64 << 20,
        ge=1 << 20,
        description="Most of it that a worker takes, in bytes. A request that does not find room goes through the socket.",
    )

    lanes: Annotated[dict[str, int], NoDecode] = Field(
        default={"neural": 2, "document": 1, "system": 8, "gpt_image_2": 8, "nano_banana_2": 8},
        description="Lanes to work on, each with the number of tasks at once: `neural=2,document=1,system=8`. Of two pictures one is read, "
        "written or transferred while the model has the other. One whose operations need a "
        "provider is worked on while that is configured.",
    )
    work_dir: Path = Field(
        default_factory=lambda: Path(tempfile.gettempdir()) / "darkroom-inference",
        description="Folder for inputs and results of running tasks; each worker has its own below it, emptied when it is gone.",
    )
    drain_seconds: float = Field(20.0, ge=0, description="How long running tasks may go on after SIGTERM before they are handed back.")
    cpu_threads: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        description="Threads that one picture may be worked on with outside the model server.",
    )

    memory_bytes: int = Field(
        default_factory=default_budget,
        ge=256 << 20,
        description="Memory, in bytes, that the tasks of this worker may take together: one waits for it, and is refused if it needs more. "
        "By default half of the machine's, or of the control group's.",
    )
    max_picture_bytes: int = Field(1 << 30, gt=0, description="Largest picture file that is read into memory, in bytes.")
    picture_memory_bytes: int = Field(6 << 30, gt=0, description="Address space of the process that decodes one picture.")
    picture_seconds: float = Field(120.0, gt=0, description="Processor time in which one picture must be decoded.")
    document_memory_bytes: int = Field(2 << 30, gt=0, description="Memory that the process which parses one document may use.")
    document_seconds: float = Field(600.0, gt=0, description="Time in which one document must be done.")

    model_cutout: str = Field("", description="Model of remove_background; empty: `birefnet` where that runs on a GPU, else `isnet`.")
    model_text: str = Field("ppocr_det", description="Model that finds text for remove_watermark.")
    model_inpaint: str = Field(
        "",
        description="Model that fills marks over detail, of remove_watermark; empty: `lama` if installed, else `migan` if so, else none.",
    )
    model_reading: str = Field("ppocr_rec", description="Model that reads the text of scanned pages for redraw_pdf.")
    model_upscale_2: str = Field("realesr_animevideov3_x2", description="Model of upscale by 2.")
    model_upscale_3: str = Field("realesr_animevideov3_x3", description="Model of upscale by 3.")
    model_upscale_4: str = Field("realesr_animevideov3_x4", description="Model of upscale by 4.")
    model_upscale_fine: str = Field(
        "realesrgan_x4plus",
        description="Model in the place of those where the model server runs it on a GPU, and for small pictures; empty: none.",
    )
    upscale_fine_megapixels: float = Field(
        0.04, ge=0, description="Largest picture that the finer model makes twice as large on a processor, in millions of pixels."
    )
    upscale_face_megapixels: float = Field(
        0.5,
        ge=0,
        description="How much of a picture's faces the finer model is given on a processor to enhance them, smallest first, in millions of "
        "pixels.",
    )
    upscale_batch: int = Field(4, ge=1, le=8, description="Tiles of an upscale in one request to the model server.")
    upscale_tile: int = Field(256, ge=96, le=2048, description="Longest side of the tiles that an upscale cuts a picture into, in pixels.")
    storage_patience_seconds: float = Field(30.0, ge=0, description="How long a step waits for storage or files that are away.")
    triton_patience_seconds: float = Field(60.0, ge=0, description="How long a step waits for a model server that is starting or away.")
    triton_base_seconds: float = Field(30.0, gt=0, description="Time limit of one inference, whatever its size.")
    triton_seconds_per_megapixel: float = Field(600.0, gt=0, description="Added to the limit for each million input pixels.")

    @property
    def shared_bytes(self) -> int:
        """Memory to share with the model server, in bytes; 0: none."""
        shared = self.triton_shared_memory == "on" or (self.triton_shared_memory == "auto" and is_local(self.triton_address))
        return self.triton_shared_memory_bytes if shared else 0

    @field_validator("lanes", mode="before")
    @classmethod
    def _parse_lanes(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
        return {lane.strip(): count.strip() or "1" for lane, _, count in pairs}

    @field_validator("lanes")
    @classmethod
    def _check_lanes(cls, lanes: dict[str, int]) -> dict[str, int]:
        known = sorted({spec.lane for spec in specs().values()})
        unknown = sorted(set(lanes) - set(known))
        if unknown or not lanes:
            raise ValueError(f"there is no lane {', '.join(unknown) or 'named'}; the lanes are {', '.join(known)}")
        if any(count < 1 for count in lanes.values()):
            raise ValueError("a lane needs at least one task at once; leave out a lane that is not to be worked on")
        return lanes
