"""Settings of SnapOtter's API. Their defaults are SnapOtter's own."""

from __future__ import annotations

import os

from pydantic import Field

from services.platform.environment import EnvironmentSettings


class SnapOtterSettings(EnvironmentSettings):
    """Settings of SnapOtter's API, read from `DARKROOM_…`; 0 switches a limit off, and the limits of the platform remain."""

    auth_enabled: bool = Field(
        True, description="Whether people have to sign in for SnapOtter's API. If not, every request is one of the user `anonymous`."
    )
    max_upload_size_mb: int = Field(0, ge=0, description="Largest file that SnapOtter's API takes, in MiB.")
    max_svg_size_mb: float = Field(0, ge=0, description="Largest SVG that SnapOtter's API takes, in MiB.")
    max_logo_size_kb: int = Field(500, ge=1, le=4096, description="Largest logo that SnapOtter's API takes, in KiB.")
    max_batch_size: int = Field(0, ge=0, description="Maximum number of files in a request to SnapOtter's API.")
    concurrent_jobs: int = Field(
        0,
        ge=0,
        le=64,
        description="Files of a batch of SnapOtter's API that are worked on at the same time; 0: one fewer than the gateway has cores, and "
        "at least 2.",
    )
    max_pipeline_steps: int = Field(0, ge=0, le=100, description="Maximum number of steps of a pipeline in SnapOtter's API; 0: 100.")
    max_pdf_pages: int = Field(
        0, ge=0, le=2**31 - 1, description="Maximum number of pages that SnapOtter's API shows in the preview of a PDF."
    )
    progress_streams: int = Field(
        1000, ge=1, description="Streams of progress that a process of the gateway has open at the same time; nobody signs in for them."
    )
    sse_heartbeat: float = Field(15.0, gt=0, description="Seconds between the comments that keep a stream of progress open.")

    @property
    def jobs_at_once(self) -> int:
        """Files of a batch that are worked on at the same time."""
        return self.concurrent_jobs or max(2, len(os.sched_getaffinity(0)) - 1)

    @property
    def most_bytes(self) -> int:
        """The largest file."""
        return self.max_upload_size_mb << 20

    @property
    def most_svg_bytes(self) -> int:
        """The largest SVG."""
        return round(self.max_svg_size_mb * (1 << 20))
