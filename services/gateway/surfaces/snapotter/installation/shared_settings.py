"""The settings for everybody: those of accounts, in SnapOtter's JSON."""

from __future__ import annotations

import json
import re
from typing import Any

from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response

from darkroom.accounts.v1 import settings_service_pb2 as pb
from services.gateway.backend import Backend
from services.gateway.surfaces.snapotter.bodies import json_body, storable
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.times import instant
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity

_METHODS = pb.DESCRIPTOR.services_by_name["SettingsService"].methods_by_name
_INVALID = "VALIDATION_ERROR"
_NO_OBJECT = "Request body must be a JSON object with key-value pairs"
_TAGS = "Settings keys and values must not contain HTML tags"
_TAG_BEGINS = re.compile(r"<[A-Za-z/!?]")


class SharedSettings:
    """Asks accounts on behalf of callers."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def all(self, request: Request, identity: Identity) -> Response:
        """All settings."""
        reply: pb.ListSettingsResponse = await self._ask("ListSettings", pb.ListSettingsRequest(), identity)
        return answer({"settings": {setting.name: setting.value for setting in reply.settings}})

    async def one(self, request: Request, identity: Identity) -> Response:
        """One setting."""
        key = storable(request.path_params["key"])
        try:
            reply: pb.GetSettingResponse = await self._ask("GetSetting", pb.GetSettingRequest(name=key), identity)
        except DarkroomError as error:
            if error.reason is not ErrorReason.SETTING_NOT_FOUND:
                raise
            raise Refusal(404, f'Setting "{key}" not found', code="NOT_FOUND") from error
        setting = reply.setting
        return answer({"key": setting.name, "value": setting.value, "updatedAt": instant(setting.update_time)})

    async def change(self, request: Request, identity: Identity) -> Response:
        """Write settings."""
        return await self._write(await json_body(request), identity)

    async def change_one(self, request: Request, identity: Identity) -> Response:
        """Write the setting that the path names."""
        body = await json_body(request)
        if not isinstance(body, dict) or "value" not in body:
            raise Refusal(400, "Request body must be a JSON object with a value", code=_INVALID)
        return await self._write({request.path_params["key"]: body["value"]}, identity)

    async def _write(self, body: object, identity: Identity) -> Response:
        if not isinstance(body, dict):
            raise Refusal(400, _NO_OBJECT, code=_INVALID)
        values = {storable(key): storable(_text(value)) for key, value in body.items() if key}
        if any(_has_tag(text) for pair in values.items() for text in pair):
            raise Refusal(400, _TAGS, code=_INVALID)
        if values:
            await self._ask("UpdateSettings", pb.UpdateSettingsRequest(values=values), identity)
        return answer({"ok": True, "updatedCount": len(values)})

    async def _ask(self, method: str, asked: Message, identity: Identity) -> Any:
        return (await self._backend.call("accounts", _METHODS[method], asked, identity)).message


def _text(value: object) -> str:
    """The stored form of a value: text unchanged, all else as its JSON text. Raises `Refusal` for one that is nested too deeply."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        raise Refusal(400, "Settings are nested too deeply", code=_INVALID) from None


def _has_tag(text: str) -> bool:
    begins = _TAG_BEGINS.search(text)
    return begins is not None and text.rfind(">") > begins.start()
