"""`externalscaler.ExternalScaler`: KEDA asks how many workers there should be."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass

from externalscaler import externalscaler_pb2 as pb
from externalscaler import externalscaler_pb2_grpc
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc.interceptor import Context
from services.tasks.monitoring.scaling import Scaling, Work

_LOOK_SECONDS = 1.0
_TASKS, _AGE = "tasks", "age"
_TARGETS = {_TASKS: "tasksPerReplica", _AGE: "ageSeconds"}
"""By metric, the entry of the metadata with its target."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """The subject of a scaled object."""

    lanes: Collection[str]
    targets: Mapping[str, float]
    """By metric."""


class ExternalScaler(externalscaler_pb2_grpc.ExternalScalerServicer):
    """The work of the lanes that an object's metadata name. Streams end when `stopping` is set."""

    def __init__(self, scaling: Scaling, stopping: asyncio.Event) -> None:
        self._scaling, self._stopping = scaling, stopping

    async def IsActive(self, request: pb.ScaledObjectRef, context: Context) -> pb.IsActiveResponse:
        """Whether there is work."""
        return pb.IsActiveResponse(result=await self._active(_asked(request)))

    async def StreamIsActive(self, request: pb.ScaledObjectRef, context: Context) -> AsyncIterator[pb.IsActiveResponse]:
        """The same, and again when it changes."""
        asked, told = _asked(request), None
        while not self._stopping.is_set():
            active = await self._active(asked)
            if active != told:
                told = active
                yield pb.IsActiveResponse(result=active)
            await asyncio.sleep(_LOOK_SECONDS)

    async def GetMetricSpec(self, request: pb.ScaledObjectRef, context: Context) -> pb.GetMetricSpecResponse:
        """The metrics that the metadata give targets for."""
        asked = _asked(request)
        # Here, and not only when KEDA asks for a value, so that a wrong name shows when the object is made.
        await self._scaling.work(asked.lanes)
        return pb.GetMetricSpecResponse(
            metricSpecs=[
                pb.MetricSpec(metricName=name, targetSize=math.ceil(target), targetSizeFloat=target)
                for name, target in asked.targets.items()
            ]
        )

    async def GetMetrics(self, request: pb.GetMetricsRequest, context: Context) -> pb.GetMetricsResponse:
        """The value of a metric."""
        if request.metricName not in _TARGETS:
            raise _invalid("metricName", f"there is no metric {request.metricName!r}", sorted(_TARGETS))
        value = _value(await self._scaling.work(_asked(request.scaledObjectRef).lanes), request.metricName)
        metric = pb.MetricValue(metricName=request.metricName, metricValue=math.ceil(value), metricValueFloat=value)
        return pb.GetMetricsResponse(metricValues=[metric])

    async def _active(self, asked: _Asked) -> bool:
        return (await self._scaling.work(asked.lanes)).tasks > 0


def _value(work: Work, metric: str) -> float:
    return float(work.tasks) if metric == _TASKS else work.oldest_seconds


def _asked(reference: pb.ScaledObjectRef) -> _Asked:
    said = reference.scalerMetadata
    lanes = [lane.strip() for lane in said.get("lanes", "").split(",") if lane.strip()]
    targets = {metric: _target(entry, said[entry]) for metric, entry in _TARGETS.items() if entry in said}
    if not targets:
        raise _invalid("scalerMetadata", "names no target", sorted(_TARGETS.values()))
    return _Asked(lanes, targets)


def _target(entry: str, text: str) -> float:
    try:
        target = float(text)
    except ValueError:
        target = math.nan
    if not 0 < target < math.inf:
        raise _invalid(entry, f"{text!r} is not a number above 0")
    return target


def _invalid(field: str, problem: str, allowed: Sequence[str] = ()) -> DarkroomError:
    return DarkroomError(ErrorReason.FIELD_INVALID, f"{field}: {problem}", field=field, allowed=allowed)
