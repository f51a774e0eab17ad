"""Metrics of the files service besides those of its requests to storage. docs/how-to/monitoring.md explains each."""

from __future__ import annotations

from prometheus_client import Counter

SWEPT = Counter("darkroom_files_swept", "What sweepers have removed: files, orphan_objects, orphan_uploads, excess_uploads.", ["kind"])
MISSING = Counter("darkroom_files_objects_missing", "Times that the object of a file was found missing.")
