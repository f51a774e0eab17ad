"""Triton, as a worker sees it: the connection, the models that its settings name, and whether there is a GPU."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from deploy.admin.checks.findings import Finding, ok, problem, warning
from deploy.admin.checks.peers import check_tls
from services.inference.config import InferenceSettings
from services.inference.contract.models import ModelSettings
from services.inference.model_server.shapes import Device
from services.inference.model_server.triton import Patience, connect
from services.platform.errors import DarkroomError
from services.platform.telemetry.health import NotThereError

_SUBJECT = "Triton"
_ADDRESS = "DARKROOM_TRITON_ADDRESS"
_LANES = frozenset(("neural", "pages"))
_PATIENCE = Patience(0, 5, 1)
_PREFIX = "model_"
_INSTALL = "`python -m models install` puts it into the repository, from which Triton loads it"


async def check_triton(settings: InferenceSettings) -> list[Finding]:
    """Nothing for a worker whose lanes need no models."""
    if _LANES.isdisjoint(settings.lanes):
        return []
    if refused := await check_tls(_SUBJECT, settings.triton_address, "triton", settings.triton_tls, _ADDRESS):
        return refused
    try:
        async with connect(settings.triton_address, _PATIENCE, tls=settings.triton_tls) as triton:
            await triton.reach()
            models = await triton.control.models()
            ready = sorted(name for name, is_ready in models.items() if is_ready)
            devices = [await triton.device(name) for name in ready]
    except (NotThereError, DarkroomError) as error:
        return [problem(_SUBJECT, f"{settings.triton_address} is not ready: {error}", "check its log: it may be loading models")]
    where = "on a GPU" if Device.GPU in devices else "on the processor"
    return [ok(_SUBJECT, f"{len(ready)} models are loaded at {settings.triton_address}, {where}"), *_missing(settings, models)]


def _missing(settings: InferenceSettings, loaded: Mapping[str, bool]) -> Iterator[Finding]:
    fields = [field for field in ModelSettings.model_fields if field.startswith(_PREFIX)]
    absent = {field: name for field in fields if (name := getattr(settings, field)) and not loaded.get(name)}
    for field in settings.model_fields_set & absent.keys():
        name = absent.pop(field)
        text = f"the model {name} is {'not ready' if name in loaded else 'not there'}, which DARKROOM_{field.upper()} names"
        yield problem(_SUBJECT, text, _INSTALL)
    if absent:
        text = f"missing, so operations that need them are refused or use other models: {', '.join(sorted(set(absent.values())))}"
        yield warning(_SUBJECT, text, "install those that you want with `python -m models install`")
