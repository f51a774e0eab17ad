"""Settings of the files service. Every limit and default of the service is defined here, and only here."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, SecretStr

from services.common.config import DatabaseSettings, PictureSettings, ServiceSettings

MEBIBYTE = 1024 * 1024
GIBIBYTE = 1024 * MEBIBYTE


class FilesSettings(ServiceSettings, DatabaseSettings, PictureSettings):
    """Settings read from `DARKROOM_*`; a field `x_y` from `DARKROOM_X_Y`."""

    tasks_address: str = Field(description="gRPC target of the tasks service's internal listener.")

    s3_endpoint: str = Field(description="Object storage as services reach it: `http://host:port`.")
    s3_public_endpoint: str = Field(description="Object storage as clients reach it; the URLs they get are signed for this host and port.")
    s3_access_key: str = Field(description="Access key of the object storage.")
    s3_secret_key: SecretStr = Field(description="Secret key of the object storage.")
    s3_bucket: str = Field("darkroom", description="Bucket; it must exist.")
    s3_region: str = Field("us-east-1", description="Region that requests are signed for.")

    max_file_bytes: int = Field(2 * GIBIBYTE, ge=1, le=2 * GIBIBYTE, description="Largest upload; the protocol allows 2 GiB at most.")
    max_pages: int = Field(2000, ge=1, description="Longest document.")

    multipart_above_bytes: int = Field(5 * MEBIBYTE, ge=1, description="`auto` uploads files larger than this in parts.")
    # A client may cut its file into as many equal pieces as it got URLs. With parts of 10 MiB such a piece has 5 MiB or more,
    # the minimum that object storage accepts for a part other than the last.
    part_bytes: int = Field(
        10 * MEBIBYTE,
        ge=10 * MEBIBYTE,
        description="Size of every part but the last, unless the URLs of many large files would be too many.",
    )
    max_part_urls: int = Field(
        5000,
        ge=500,
        description="Most part URLs in one reply, over all its files; parts grow where there would be more. Each takes 400 bytes.",
    )

    upload_url_seconds: int = Field(7200, ge=60, le=604800, description="Life of upload URLs.")
    upload_grace_seconds: int = Field(3600, ge=0, description="Time after that for an upload that has already started.")
    download_url_seconds: int = Field(86400, ge=60, le=604800, description="Life of download URLs.")
    internal_url_seconds: int = Field(3600, ge=60, le=604800, description="Life of the URLs that workers read and write with.")

    temporary_seconds: int = Field(86400, ge=60, description="How long a temporary file is kept after its upload.")
    output_seconds: int = Field(7 * 86400, ge=60, description="How long the outputs of a task are kept.")
    unclaimed_seconds: int = Field(3600, ge=60, description="Age at which the tasks service is asked about a pin or an unclaimed output.")

    sweep_interval_seconds: float = Field(15, gt=0, description="Seconds between two sweeps for files to remove.")
    orphan_interval_seconds: float = Field(6 * 3600, gt=0, description="Seconds between two listings of the bucket.")
    orphan_age_seconds: int = Field(86400, ge=3600, description="Age at which an object without a record is deleted.")
    missing_seconds: int = Field(86400, ge=3600, description="How long an object must be missing before its record is removed.")

    idempotency_sweep_interval_seconds: float = Field(60, gt=0, description="Seconds between two sweeps for expired idempotency keys.")

    probe_concurrency: int = Field(4, ge=1, le=64, description="How many uploads are examined at the same time.")

    @property
    def upload_url_life(self) -> timedelta:
        """Lifetime of upload URLs."""
        return timedelta(seconds=self.upload_url_seconds)

    @property
    def upload_deadline(self) -> timedelta:
        """Time from an upload's creation until it is considered abandoned."""
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
    def missing_life(self) -> timedelta:
        """How long a record waits for its object to come back."""
        return timedelta(seconds=self.missing_seconds)

    @property
    def unclaimed_life(self) -> timedelta:
        """How long pins and hidden outputs are left alone."""
        return timedelta(seconds=self.unclaimed_seconds)
