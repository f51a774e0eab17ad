"""Calls of the server's HTTP API that send a file in a form. They are not repeated once the server may have begun to work."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from darkroom.backoff import Retries
from darkroom.calls import Calls
from darkroom.content import Content
from darkroom.failures import ApiError, ConnectionFailed, DarkroomFailure, InvalidRequest, RateLimited, family
from darkroom.transfer import Progress, Transfers

if TYPE_CHECKING:
    import httpx

_CHUNK = 256 * 1024
_NO_API = "This server does not offer SnapOtter's API, which pipelines need."
_BY_CODE = {
    "AUTH_REQUIRED": "API_KEY_INVALID",
    "FORBIDDEN": "PERMISSION_DENIED",
    "MUST_CHANGE_PASSWORD": "PASSWORD_CHANGE_REQUIRED",
    "FEATURE_NOT_INSTALLED": "OPERATION_UNAVAILABLE",
}
_BY_STATUS = {
    400: "FIELD_INVALID",
    401: "API_KEY_INVALID",
    402: "INSUFFICIENT_CREDITS",
    403: "PERMISSION_DENIED",
    404: "OPERATION_UNAVAILABLE",
    413: "FILE_TOO_LARGE",
    422: "FIELD_INVALID",
    429: "RATE_LIMITED",
    500: "INTERNAL",
    501: "OPERATION_UNAVAILABLE",
    507: "DISK_FULL",
}


class FormCalls:
    """Sends forms to one server."""

    def __init__(self, calls: Calls, transfers: Transfers) -> None:
        self._server, self._backoff, self._transfers = calls.server, calls.backoff, transfers

    @property
    def url(self) -> str:
        """The public URL of the server."""
        return self._server.url

    async def post(self, path: str, fields: Mapping[str, str], content: Content, progress: Progress) -> dict[str, Any]:
        """POST the fields and then the file. Returns the object in the reply.

        Repeated only where nothing was done: the server could not be reached, or it asked for time.
        """
        import httpx

        retries = Retries(self._backoff)
        answered = False
        while True:
            failure: DarkroomFailure
            cause: BaseException | None = None
            try:
                response = await self._sent(path, fields, content, progress)
            except httpx.TransportError as error:
                failure, cause = ConnectionFailed(f"The server cannot be reached: {error or type(error).__name__}"), error
                # The connection was not made, so nothing was sent.
                again = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
            else:
                answered = True
                if response.is_success:
                    return _object(response)
                failure = refusal(response)
                again = isinstance(failure, RateLimited) and failure.retry_after is not None
            if not again:
                raise failure from cause
            await retries.wait(failure, cause, answered=answered)

    async def _sent(self, path: str, fields: Mapping[str, str], content: Content, progress: Progress) -> httpx.Response:
        boundary, sent = uuid.uuid4().hex, 0
        head = "".join(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in fields.items())
        head += f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{_quoted(content.name)}"\r\n\r\n'
        before, after = head.encode(errors="replace"), f"\r\n--{boundary}--\r\n".encode()

        async def body() -> AsyncIterator[bytes]:
            nonlocal sent
            yield before
            while sent < content.size_bytes:
                chunk = await asyncio.to_thread(content.read, sent, min(_CHUNK, content.size_bytes - sent))
                if not chunk:
                    raise InvalidRequest("FILE_SIZE_MISMATCH", f"{content.name} shrank during the upload.")
                yield chunk
                sent += len(chunk)
                progress(len(chunk))
            yield after

        headers = {
            **dict(self._server.metadata),
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(before) + content.size_bytes + len(after)),
        }
        try:
            response = await self._transfers.post(f"{self._server.url}{path}", body(), headers)
        except BaseException:
            progress(-sent)
            raise
        if not response.is_success:
            progress(-sent)
        return response


def refusal(response: httpx.Response) -> DarkroomFailure:
    """The exception for a refusal, with its text. `metadata` has what else it says: `code`, `details` and `completed_steps`."""
    body = _object(response)
    status, code = response.status_code, body.get("code")
    reason = _BY_CODE.get(str(code)) or _BY_STATUS.get(status) or ("UNAVAILABLE" if status > 500 else "FIELD_INVALID")
    text = _NO_API if status == 404 and "statusCode" in body else str(body.get("error") or f"The server answered HTTP {status}.")
    said = {"code": code, "details": body.get("details"), "completed_steps": body.get("completedSteps")}
    metadata = {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in said.items()
        if value is not None
    }
    kind = family(reason)
    failure: DarkroomFailure
    if issubclass(kind, ApiError):
        failure = kind(reason, text, metadata=metadata)
    else:
        failure = kind(text)
        failure.reason = reason
    failure.request_id = response.headers.get("x-request-id")
    advice = response.headers.get("retry-after", "")
    failure.retry_after = float(advice) if advice.isdecimal() else None
    return failure


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _quoted(name: str) -> str:
    """A file name in a header."""
    return name.replace("\\", "\\\\").replace('"', '\\"').replace("\r", " ").replace("\n", " ")
