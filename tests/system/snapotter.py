"""A client of SnapOtter's API as its users write it: forms and JSON over HTTP, and a token."""

from __future__ import annotations

import json
import secrets
import uuid
from dataclasses import dataclass, field

import httpx

from darkroom import AsyncClient

Content = bytes | str
Part = tuple[str, Content] | tuple[str, Content, str]
"""A field (name, text) or a file (name, bytes, file name)."""
ADMIN, FIRST_PASSWORD, PASSWORD = "admin", "admin", "Correct-Horse-1"


@dataclass
class SnapOtter:
    """One caller; without a token, nobody."""

    url: str
    token: str = ""
    http: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=90))

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def of(self, token: str) -> SnapOtter:
        """Another caller, by the same connections."""
        return SnapOtter(self.url, token, self.http)

    async def call(self, verb: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        """A call with a JSON body, or without one."""
        content = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = {} if body is None else {"content-type": "application/json"}
        return await self.http.request(verb, self.url + path, content=content, headers={**kind, **self.headers, **headers})

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.call("GET", path, **headers)

    async def post(self, path: str, body: object = None, **headers: str) -> httpx.Response:
        return await self.call("POST", path, body, **headers)

    async def form(self, path: str, *parts: Part, **headers: str) -> httpx.Response:
        """A form of these parts, in this order."""
        content, kind = form_of(*parts)
        return await self.http.post(self.url + path, content=content, headers={**self.headers, "content-type": kind, **headers})

    async def tool(self, tool: str, picture: bytes, settings: object = None, name: str = "photo.png", **fields: str) -> httpx.Response:
        """A call of a tool."""
        parts: list[Part] = [("file", picture, name)]
        if settings is not None:
            parts.append(("settings", settings if isinstance(settings, str) else json.dumps(settings)))
        return await self.form(f"/api/v1/tools/{tool}", *parts, *fields.items())

    async def result(self, tool: str, picture: bytes, settings: object = None, name: str = "photo.png") -> bytes:
        """What a tool makes of a picture."""
        reply = await self.tool(tool, picture, settings, name)
        assert reply.status_code == 200, reply.text
        return await self.download(reply.json()["downloadUrl"])

    async def download(self, path: str) -> bytes:
        """A file of a job, without a token."""
        reply = await self.http.get(self.url + path)
        assert reply.status_code == 200, reply.text
        return reply.content

    async def signed_in(self, name: str, password: str) -> SnapOtter:
        """The session of somebody. A session is one on every surface; it begins at /v1, which is always on."""
        session = await self._session(name, password)
        assert session is not None, f"{name} cannot sign in"
        return session

    async def _session(self, name: str, password: str) -> SnapOtter | None:
        reply = await self.post("/v1/sessions", {"user_name": name, "password": password})
        assert reply.status_code in (200, 401), reply.text
        return self.of(reply.json()["data"]["token"]) if reply.status_code == 200 else None

    async def _choose_password(self, current: str) -> None:
        changed = await self._password_reply(current)
        assert changed.status_code == 200, changed.text

    async def _password_reply(self, current: str) -> httpx.Response:
        return await self.post("/v1/sessions/current/password", {"current_password": current, "new_password": PASSWORD})

    async def admin(self) -> SnapOtter:
        """A session of the administrator, whose password is changed if it is still the first one."""
        if session := await self._session(ADMIN, PASSWORD):
            return session
        if first := await self._session(ADMIN, FIRST_PASSWORD):
            # Refused if another process of the tests changes it at the same moment, which is as good.
            await first._password_reply(FIRST_PASSWORD)
        return await self.signed_in(ADMIN, PASSWORD)

    async def person(self, role: str = "user") -> tuple[dict[str, str], SnapOtter]:
        """Somebody new, added by this caller, who has changed the password already: `id` and `username`; and a session of theirs."""
        name, password = f"person-{secrets.token_hex(6)}", "First-Password-1"
        async with AsyncClient(self.url, self.token) as client:
            added = await client.users.create(name, password, role=role)
        theirs = await self.signed_in(name, password)
        await theirs._choose_password(password)
        return {"id": added.id, "username": added.name}, theirs


def new_name() -> str:
    """A name that nobody and nothing has."""
    return f"name-{secrets.token_hex(6)}"


def form_of(*parts: Part) -> tuple[bytes, str]:
    """A form, and its content type."""
    boundary = uuid.uuid4().hex
    body = b""
    for name, content, *file_name in parts:
        told = f'; filename="{_quoted(file_name[0])}"' if file_name else ""
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{told}\r\n\r\n'.encode(errors="surrogateescape")
        body += (content if isinstance(content, bytes) else content.encode()) + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def _quoted(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')
