"""Settings of the gateway. All its limits and defaults are defined here."""

from __future__ import annotations

from pydantic import Field

from services.platform.config import ServiceSettings, StorageSettings
from services.platform.rpc.targets import Target

MEBIBYTE = 1024 * 1024


class GatewaySettings(ServiceSettings, StorageSettings):
    """Settings of the gateway process. Its public listener speaks HTTP/1.1. Field `x_y` is read from `DARKROOM_X_Y`."""

    files_address: Target = Field(description="Internal listener of the files service, as a gRPC target or the `IP:port` of each replica.")
    files_public_address: Target = Field(
        description="Public listener of the files service, as a gRPC target or the `IP:port` of each replica."
    )
    accounts_address: Target = Field(
        description="Internal listener of the accounts service, as a gRPC target or the `IP:port` of each replica."
    )
    accounts_public_address: Target = Field(
        description="Public listener of the accounts service, as a gRPC target or the `IP:port` of each replica."
    )
    tasks_address: Target = Field(description="Internal listener of the tasks service, as a gRPC target or the `IP:port` of each replica.")
    tasks_public_address: Target = Field(
        description="Public listener of the tasks service, as a gRPC target or the `IP:port` of each replica."
    )
    max_file_bytes: int = Field(2048 * MEBIBYTE, ge=1, le=2048 * MEBIBYTE, description="Largest file in a form, in bytes.")
    form_block_bytes: int = Field(
        8 * MEBIBYTE,
        ge=5 * MEBIBYTE,
        le=256 * MEBIBYTE,
        description="Size in which files of forms are passed on to storage. A form takes up to three times as much memory.",
    )
    form_held_bytes: int = Field(
        2 * MEBIBYTE,
        ge=0,
        le=2 * MEBIBYTE,
        description="Largest picture, in bytes, that is held while short work is done on it, in place of being stored first; 0: none.",
    )
    picture_memory_bytes: int = Field(
        64 * MEBIBYTE,
        ge=0,
        description="Memory in bytes for small pictures by URL that were asked for several times; 0: storage answers for all of them.",
    )
    form_field_bytes: int = Field(MEBIBYTE, ge=1024, description="Maximum bytes of everything in a form that is not a file.")
    form_parts: int = Field(1000, ge=1, le=1000, description="Maximum number of parts of a form.")
    form_idle_seconds: float = Field(30.0, gt=0, description="Seconds without data after which a form is abandoned.")
    form_slowest_bytes: int = Field(
        1024, ge=0, description="Bytes a second that a form must send on average, after form_idle_seconds; 0 for no limit."
    )
    forms_max: int = Field(48, ge=1, description="Maximum number of forms that a process receives at the same time.")
    forms_per_account: int = Field(12, ge=1, description="Maximum number of forms of one account that a process receives at the same time.")
