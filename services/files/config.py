"""Settings of the files service. All its limits and defaults are defined here."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from services.files.storages import Storages
from services.platform.bucket_address import Addressing, SignedFor, check_addressing, check_endpoint
from services.platform.config import AuditSettings, DatabaseSettings, DiskSettings, PictureSettings, ServiceSettings, StorageSettings
from services.platform.egress.settings import Networks
from services.platform.environment import EnvironmentSettings
from services.platform.rpc.targets import Target

MEBIBYTE = 1024 * 1024
GIBIBYTE = 1024 * MEBIBYTE


class FetchSettings(EnvironmentSettings):
    """How files are fetched from the URLs that clients name. Durations are in seconds."""

    fetch_allowed_networks: Networks = Field(
        (),
        description="Private or other special-purpose networks that files may be fetched from: `10.1.0.0/16,fd00:1::/32`. Every account "
        "can then read what servers there answer to a GET, if it is a picture or a PDF.",
    )
    fetch_max_redirects: int = Field(5, ge=0, le=20, description="Maximum number of redirects that are followed for a file.")
    fetch_connect_timeout: float = Field(5.0, gt=0, description="Timeout for resolving a host name, and for connecting to the host.")
    fetch_idle_timeout: float = Field(10.0, gt=0, description="Seconds without data after which a fetch is abandoned.")
    fetch_timeout: float = Field(40.0, gt=0, le=50, description="Maximum seconds for a whole fetch, redirects included.")
    fetch_concurrency: int = Field(
        32, ge=1, description="Maximum number of files that a process fetches at the same time. One takes up to 24 MiB of memory."
    )
    fetch_concurrency_each: int = Field(
        8, ge=1, description="Maximum number of files that a process fetches at the same time for one account."
    )
    fetch_lookups: int = Field(32, ge=1, description="Maximum number of host names that a process resolves at the same time.")

    storages_file: Path | None = Field(
        None,
        description="TOML file with storages whose files clients name as `storage://NAME/path`, and which may take results. "
        "services/files/storages.py documents the format.",
    )

    @field_validator("storages_file")
    @classmethod
    def _storages_are_valid(cls, storages_file: Path | None) -> Path | None:
        Storages.read(storages_file)
        return storages_file


class BucketSettings(StorageSettings):
    """The bucket that files are kept in."""

    s3_endpoint: str = Field(
        description="URL at which services reach the object storage: `http://host:port`. The bucket is not part of it, and it has no path."
    )
    s3_public_endpoint: str = Field(
        description="URL at which clients reach the object storage. Their presigned URLs are signed for this host and port. It is the edge "
        "where the edge has a route to the bucket, else that of the storage."
    )
    s3_access_key: str = Field(description="Access key for the object storage.")
    s3_secret_key: SecretStr = Field(description="Secret key for the object storage.")
    s3_bucket: str = Field("darkroom", description="Name of the bucket, which must exist.")
    s3_region: str = Field("us-east-1", description="Region for which requests are signed.")
    s3_addressing: Addressing = Field(
        "path",
        description="Where the storage expects the bucket: `path` for `https://host/bucket/…`, `virtual` for `https://bucket.host/…`, "
        "which some storage asks for, and no bucket with a dot can have.",
    )
    s3_signed_for: SignedFor = Field(
        "public",
        description="The Host that clients' URLs are signed for: `public`, that of the public endpoint, where clients reach the storage "
        "itself, or storage behind the edge goes by any name; `storage`, that of s3_endpoint, where the public endpoint is the edge and "
        "storage behind it goes by its own name alone, as AWS's does. The edge then asks by that name. It needs the setting, too.",
    )
    s3_conditional_puts: bool | None = Field(
        None,
        description="Whether the storage refuses a PUT with `If-None-Match: *` where there is an object already. Results are then written "
        "so that nothing replaces them. If unset, it is tried with an object of one byte when the service starts.",
    )

    @field_validator("s3_endpoint", "s3_public_endpoint")
    @classmethod
    def _is_an_endpoint(cls, endpoint: str) -> str:
        return check_endpoint(endpoint)

    @field_validator("s3_addressing")
    @classmethod
    def _fits_the_bucket(cls, addressing: Addressing, info: ValidationInfo) -> Addressing:
        endpoints = [info.data[name] for name in ("s3_endpoint", "s3_public_endpoint") if name in info.data]
        return check_addressing(addressing, info.data.get("s3_bucket", ""), *endpoints)


class FilesSettings(ServiceSettings, DatabaseSettings, AuditSettings, DiskSettings, PictureSettings, BucketSettings, FetchSettings):
    """Settings of the files service process. Field `x_y` is read from `DARKROOM_X_Y`."""

    tasks_address: Target = Field(description="Internal listener of the tasks service, as a gRPC target or the `IP:port` of each replica.")

    max_file_bytes: int = Field(
        2 * GIBIBYTE, ge=1, le=2 * GIBIBYTE, description="Largest upload, in bytes. The protocol allows at most 2 GiB."
    )
    max_pages: int = Field(2000, ge=1, description="Maximum number of pages in a document.")

    multipart_above_bytes: int = Field(
        5 * MEBIBYTE, ge=1, description="With mode `auto`, files larger than this many bytes are uploaded in parts."
    )
    part_bytes: int = Field(
        5 * MEBIBYTE,
        ge=5 * MEBIBYTE,
        description="Size of every part except the last, in bytes. Parts are larger if a reply would otherwise exceed max_part_urls. "
        "Clients that cut at 5 MiB without reading `part_size` need the default. Clients that cut a file into as many equal pieces as "
        "there are URLs then send pieces of less than 5 MiB, which `rclone serve s3` accepts and other storage refuses: "
        "for them set 10485760.",
    )
    max_part_urls: int = Field(
        5000,
        ge=500,
        description="Maximum number of part URLs in one reply, for all its files together; parts are enlarged to stay below it. "
        "A URL takes about 400 bytes.",
    )

    quota_bytes: int = Field(
        50 * GIBIBYTE,
        ge=0,
        description="Bytes that an account may store. Uploads count with the size that was announced until they are used.",
    )
    quota_files: int = Field(100_000, ge=0, description="Files that an account may have, unfinished uploads and outputs of tasks included.")
    quota_uploads: int = Field(5000, ge=0, description="Uploads that an account may have begun and not used or completed.")
    quota_uploads_in_parts: int = Field(
        500,
        ge=0,
        description="Those of them that are sent in parts. Some object storage limits how many all accounts together may have: "
        "`rclone serve s3` by `--multipart-max-uploads`.",
    )

    upload_url_seconds: int = Field(7200, ge=60, le=604800, description="Lifetime of upload URLs, in seconds.")
    upload_grace_seconds: int = Field(
        3600, ge=0, description="Seconds after the upload URLs expire for which an upload that has started may still finish."
    )
    download_url_seconds: int = Field(86400, ge=60, le=604800, description="Lifetime of download URLs, in seconds.")
    internal_url_seconds: int = Field(
        3600, ge=60, le=604800, description="Lifetime of the URLs with which workers read inputs and write outputs, in seconds."
    )

    temporary_seconds: int = Field(86400, ge=60, description="How long a temporary file is kept after its upload, in seconds.")
    output_seconds: int = Field(7 * 86400, ge=60, description="How long the outputs of a task are kept, in seconds.")
    unclaimed_seconds: int = Field(
        3600,
        ge=60,
        description="Age of a pin or an unclaimed output, in seconds, after which files asks the tasks service about its task; about "
        "a small output, which comes complete, it asks after 20.",
    )

    picture_cache_bytes: int = Field(
        GIBIBYTE,
        ge=0,
        description="Bytes of results that are kept for the pictures by URL of one account. The least recently used are deleted first. "
        "They count towards quota_bytes.",
    )
    picture_seconds: int = Field(
        30 * 86400, ge=3600, description="How long such a result is kept after it was last asked for, in seconds; accurate to an hour."
    )
    picture_source_seconds: int = Field(
        86400,
        ge=60,
        description="Age in seconds at which a result whose source was fetched from an origin is made again, and for which browsers and "
        "proxies may cache it.",
    )

    sweep_interval_seconds: float = Field(15, gt=0, description="Seconds between sweeps for expired files.")
    upload_sweep_interval_seconds: float = Field(
        60,
        gt=0,
        description="Seconds between listings of what clients have sent, which find what no upload needs any more, and what is more than "
        "its account may store.",
    )
    orphan_interval_seconds: float = Field(
        6 * 3600, gt=0, description="Seconds between listings of the bucket, which find orphaned objects."
    )
    orphan_age_seconds: int = Field(86400, ge=3600, description="Age in seconds at which an object without a record is deleted.")
    missing_seconds: int = Field(86400, ge=3600, description="How long an object must be missing before its record is deleted, in seconds.")

    idempotency_sweep_interval_seconds: float = Field(60, gt=0, description="Seconds between sweeps for expired idempotency keys.")

    probe_child_jobs: int = Field(
        100,
        ge=1,
        description="Number of small files that a child process examines before it is replaced; all of one account. 1: each file has a "
        "process of its own, as large files have.",
    )
    probe_child_seconds: float = Field(60.0, gt=0, description="Age at which such a child process is replaced, in seconds.")
    recent_bytes: int = Field(
        32 * MEBIBYTE,
        ge=0,
        description="Memory in bytes for small files that were stored just now, which workers then need not read from the storage.",
    )
    recent_seconds: float = Field(5.0, gt=0, description="Seconds for which such a file is kept in memory.")

    probe_concurrency: int = Field(4, ge=1, le=64, description="Maximum number of uploads examined at the same time.")

    @property
    def upload_url_life(self) -> timedelta:
        """Lifetime of upload URLs."""
        return timedelta(seconds=self.upload_url_seconds)

    @property
    def upload_deadline(self) -> timedelta:
        """Time after its creation when an unfinished upload counts as abandoned."""
        return timedelta(seconds=self.upload_url_seconds + self.upload_grace_seconds)

    @property
    def download_url_life(self) -> timedelta:
        """Lifetime of download URLs."""
        return timedelta(seconds=self.download_url_seconds)

    @property
    def temporary_life(self) -> timedelta:
        """How long a temporary file is kept."""
        return timedelta(seconds=self.temporary_seconds)

    @property
    def output_life(self) -> timedelta:
        """How long outputs are kept."""
        return timedelta(seconds=self.output_seconds)

    @property
    def picture_life(self) -> timedelta:
        """How long a result for a URL is kept after its last use."""
        return timedelta(seconds=self.picture_seconds)

    @property
    def picture_source_life(self) -> timedelta:
        """Age at which a result of a fetched source is made again."""
        return timedelta(seconds=self.picture_source_seconds)

    @property
    def missing_life(self) -> timedelta:
        """How long a record is kept while its object is missing."""
        return timedelta(seconds=self.missing_seconds)

    @property
    def unclaimed_life(self) -> timedelta:
        """Age of a pin or hidden output at which files asks about its task."""
        return timedelta(seconds=self.unclaimed_seconds)
