"""Tools whose reply is the result itself: a picture, or what is known about one."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from services.common.identity import Identity
from services.gateway.surfaces.snapotter.calls.tool_calls import NO_FILE, SETTINGS, ToolCalls, kept_name
from services.gateway.surfaces.snapotter.contents import Contents
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.forms import Forms
from services.gateway.surfaces.snapotter.names import encoded, with_type
from services.gateway.surfaces.snapotter.runs import Kept
from services.gateway.surfaces.snapotter.tools.catalogue import Tool

UNREADABLE = "Failed to read image metadata"
PREVIEW_FAILED = "Preview failed"
Serve = Callable[[Tool, Request, Identity], Awaitable[Response]]


class OwnTools:
    """Serves them. Of several files in a form, the last one counts."""

    def __init__(self, forms: Forms, calls: ToolCalls, contents: Contents) -> None:
        self._forms, self._calls, self._contents = forms, calls, contents

    def of(self, tool_id: str, step: str) -> Serve | None:
        """What serves a tool, or a step of it; None for what is served as all others are."""
        return {("info", ""): self._data, ("strip-metadata", "inspect"): self._data, ("optimize-for-web", "preview"): self._preview}.get(
            (tool_id, step)
        )

    async def _data(self, tool: Tool, request: Request, identity: Identity) -> Response:
        """What is known about a picture. Nothing is checked before: what cannot be read is told so."""
        account_id = identity.account_id
        sent = await self._forms.read(request, account_id, "last")
        # They have no settings.
        sent.fields.pop(SETTINGS, None)
        if not sent.files:
            raise Refusal(400, NO_FILE)
        [file] = sent.files
        if file.problem:
            raise Refusal(422, UNREADABLE, details=file.problem)
        _, run = await self._calls.run(tool, request, account_id, sent, failed=UNREADABLE, unusable=UNREADABLE)
        found = json.loads(await self._contents.read(account_id, run.outputs[0]))
        return answer({"filename": file.sent_name, "fileSize": file.size} | found)

    async def _preview(self, tool: Tool, request: Request, identity: Identity) -> Response:
        """The result of a tool, without a job that it could be downloaded from."""
        account_id = identity.account_id
        sent = await self._forms.read(request, account_id, "last")
        file, run = await self._calls.run(tool, request, account_id, sent, failed=PREVIEW_FAILED)
        output, kept = run.outputs[0], Kept.read(run.kept)
        assert kept is not None
        headers = {
            "x-original-size": str(file.size),
            "x-processed-size": str(output.size_bytes),
            "x-output-filename": encoded(with_type(kept_name(kept, output.media_type), output.media_type)),
        }
        return Response(await self._contents.read(account_id, output), headers=headers, media_type=output.media_type)
