"""Metrics of a worker. docs/how-to/monitoring.md explains each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Gauge, Histogram

from services.platform.telemetry.durations import CALLS, WORK

SLOTS = Gauge("darkroom_worker_slots", "Tasks that the worker runs at one time, by lane.", ["lane"])
SLOTS_BUSY = Gauge("darkroom_worker_slots_busy", "Tasks that the worker runs now, by lane.", ["lane"])
ATTEMPTS = Counter("darkroom_worker_attempts", "Attempts that have ended here, by outcome and reason.", ["outcome", "reason"])
OPERATIONS = Histogram("darkroom_operation_seconds", "Time of one operation on one input.", ["operation"], buckets=WORK)
STAGES = Histogram("darkroom_stage_seconds", "Time of what surrounds the operations, for each input or task.", ["stage"], buckets=WORK)
_MODELS = Histogram("darkroom_model_seconds", "Time of one request to a model, as the worker sees it.", ["model", "outcome"], buckets=WORK)
_PICTURES = Counter("darkroom_model_pictures", "Pictures or tiles that a model was given.", ["model"])
_TRANSFERS = Histogram("darkroom_transfer_seconds", "Time of one transfer by object storage.", ["direction", "outcome"], buckets=CALLS)
TRANSFERRED = Counter("darkroom_transfer_bytes", "Bytes moved from (download) and to (upload) object storage.", ["direction"])


@contextmanager
def model_request(model: str, pictures: int) -> Iterator[None]:
    """Count a request to a model."""
    with _timed(_MODELS, model):
        yield
    _PICTURES.labels(model).inc(pictures)


@contextmanager
def transfer(direction: str) -> Iterator[None]:
    """Count a transfer."""
    with _timed(_TRANSFERS, direction):
        yield


@contextmanager
def _timed(histogram: Histogram, label: str) -> Iterator[None]:
    """Observe the block's duration by outcome: `ok`, or `failed`, which includes cancellation."""
    started, outcome = time.perf_counter(), "failed"
    try:
        yield
        outcome = "ok"
    finally:
        histogram.labels(label, outcome).observe(time.perf_counter() - started)
