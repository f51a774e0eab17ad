"""Metrics of the files service. docs/how-to/monitoring.md explains each."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

from services.platform.telemetry.durations import CALLS

SWEPT = Counter(
    "darkroom_files_swept", "Objects removed by sweepers: files, orphan_objects, orphan_uploads, excess_uploads or late_puts.", ["kind"]
)
MISSING = Counter("darkroom_files_objects_missing", "Times that the object of a file was found missing.")
REQUESTS = Histogram(
    "darkroom_storage_request_seconds",
    "Time of one operation of object storage, its repetitions included.",
    ["operation", "outcome"],
    buckets=CALLS,
)
