"""Signing in and out, and the people who may: what accounts says, in SnapOtter's JSON."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from starlette.requests import Request
from starlette.responses import Response

from darkroom.accounts.v1 import sessions_service_pb2 as sessions
from darkroom.accounts.v1 import user_keys_service_pb2 as keys
from darkroom.accounts.v1 import user_pb2
from darkroom.accounts.v1 import users_service_pb2 as users
from services.gateway.backend import Backend
from services.gateway.surfaces.snapotter.bodies import json_body, storable, text_of
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.times import instant, read_instant
from services.platform.identity import BAD_KEY_HEADER, Identity

_SESSIONS = sessions.DESCRIPTOR.services_by_name["SessionsService"].methods_by_name
_USERS = users.DESCRIPTOR.services_by_name["UsersService"].methods_by_name
_KEYS = keys.DESCRIPTOR.services_by_name["UserKeysService"].methods_by_name
_INVALID = "VALIDATION_ERROR"
_NO_DATE = Timestamp(seconds=1 << 62)


class People:
    """Asks accounts on behalf of callers. Without `auth_enabled`, nobody signs in."""

    def __init__(self, backend: Backend, *, auth_enabled: bool) -> None:
        self._backend, self._auth_enabled = backend, auth_enabled

    async def login(self, request: Request, identity: Identity | None) -> Response:
        """Sign in."""
        if not self._auth_enabled:
            raise Refusal(403, "Authentication is disabled")
        name, password = await _texts(request, "username", "password", missing="Username and password are required")
        asked = sessions.CreateSessionRequest(user_name=storable(name), password=storable(password))
        reply: sessions.CreateSessionResponse = await self._ask(_SESSIONS["CreateSession"], asked, None)
        user = _signed_in(reply.user) | {"teamName": reply.user.team}
        return answer({"token": reply.token, "user": user, "expiresAt": instant(reply.expire_time)})

    async def logout(self, request: Request, identity: Identity | None) -> Response:
        """Sign out; fine also for who is not signed in."""
        if identity is not None:
            await self._ask(_SESSIONS["DeleteSession"], sessions.DeleteSessionRequest(), identity)
        return answer({"ok": True})

    async def session(self, request: Request, identity: Identity | None) -> Response:
        """The person who is signed in."""
        if identity is None or not self._auth_enabled:
            sent = request.headers.get(BAD_KEY_HEADER)
            raise Refusal(401, "Session expired or invalid" if sent else "No session token provided", code="AUTH_REQUIRED")
        reply: sessions.GetSessionResponse = await self._ask(_SESSIONS["GetSession"], sessions.GetSessionRequest(), identity)
        return answer({"user": _signed_in(reply.user), "expiresAt": instant(reply.expire_time)})

    async def change_password(self, request: Request, identity: Identity) -> Response:
        """Change the own password."""
        body = await json_body(request)
        current, new = (storable(text_of(body, name) or "") for name in ("currentPassword", "newPassword"))
        await self._ask(_SESSIONS["ChangePassword"], sessions.ChangePasswordRequest(current_password=current, new_password=new), identity)
        return answer({"ok": True})

    async def set_analytics(self, request: Request, identity: Identity) -> Response:
        """Keep what the caller says about usage statistics."""
        body = await json_body(request)
        if not isinstance(body, dict):
            raise Refusal(400, "The body must be an object", code=_INVALID)
        faults = [f"{name} must be a boolean" for name in ("enabled", "remindLater") if not isinstance(body.get(name, False), bool)]
        if faults:
            raise Refusal(400, "; ".join(faults), code=_INVALID)
        asked = sessions.SetAnalyticsChoiceRequest(enabled=body.get("enabled", False), remind_later=body.get("remindLater", False))
        reply: sessions.SetAnalyticsChoiceResponse = await self._ask(_SESSIONS["SetAnalyticsChoice"], asked, identity)
        return answer({"ok": True, "analyticsEnabled": reply.analytics_enabled if reply.HasField("analytics_enabled") else None})

    async def list_users(self, request: Request, identity: Identity) -> Response:
        """Everybody."""
        reply: users.ListUsersResponse = await self._ask(_USERS["ListUsers"], users.ListUsersRequest(), identity)
        return answer({"users": [_listed(user) for user in reply.users], "maxUsers": reply.max_users})

    async def register(self, request: Request, identity: Identity) -> Response:
        """Add somebody."""
        body = await json_body(request)
        name, password = (text_of(body, field) or "" for field in ("username", "password"))
        asked = users.CreateUserRequest(user_name=storable(name), password=storable(password))
        given = {field: body.get(field) for field in ("role", "team")} if isinstance(body, dict) else {}
        faults = [f"{field} must be text" for field, value in given.items() if not isinstance(value, str | None)]
        if name and password and faults:
            raise Refusal(400, "; ".join(faults), code=_INVALID)
        for field, value in given.items():
            if isinstance(value, str):
                setattr(asked, field, storable(value))
        reply: users.CreateUserResponse = await self._ask(_USERS["CreateUser"], asked, identity)
        user = reply.user
        return answer({"id": user.id, "username": user.name, "role": user.role, "team": user.team}, 201)

    async def update_user(self, request: Request, identity: Identity) -> Response:
        """Give somebody another role or team."""
        body = await json_body(request)
        if not isinstance(body, dict):
            raise Refusal(400, "The body must be an object", code=_INVALID)
        asked = users.UpdateUserRequest(user_id=storable(request.path_params["id"]))
        faults = []
        for field in ("role", "team"):
            given = body.get(field)
            if isinstance(given, str):
                setattr(asked, field, storable(given))
            elif field in body:
                faults.append(f"{field} must be text")
        if faults:
            raise Refusal(400, "; ".join(faults), code=_INVALID)
        await self._ask(_USERS["UpdateUser"], asked, identity)
        return answer({"ok": True})

    async def reset_password(self, request: Request, identity: Identity) -> Response:
        """Give somebody another password."""
        new = text_of(await json_body(request), "newPassword") or ""
        asked = users.ResetPasswordRequest(user_id=storable(request.path_params["id"]), new_password=storable(new))
        await self._ask(_USERS["ResetPassword"], asked, identity)
        return answer({"ok": True})

    async def delete_user(self, request: Request, identity: Identity) -> Response:
        """Remove somebody."""
        await self._ask(_USERS["DeleteUser"], users.DeleteUserRequest(user_id=storable(request.path_params["id"])), identity)
        return answer({"ok": True})

    async def create_key(self, request: Request, identity: Identity) -> Response:
        """A key of the caller's."""
        body = await json_body(request)
        asked, faults = keys.CreateUserKeyRequest(), []
        fields: dict[str, Any] = body if isinstance(body, dict) else {}
        if not isinstance(body, dict) and body is not None:
            faults.append("The body must be an object")
        if (name := fields.get("name")) is not None:
            if isinstance(name, str):
                asked.name = storable(name).strip()
            else:
                faults.append("name must be text")
        if (permissions := fields.get("permissions")) is not None:
            if isinstance(permissions, list) and all(isinstance(each, str) for each in permissions):
                asked.permissions.extend(map(storable, permissions))
            else:
                faults.append("permissions must be a list of texts")
        if (expires := fields.get("expiresAt")) is not None:
            moment = read_instant(expires) if isinstance(expires, str) else None
            # accounts refuses what is no date in its turn.
            asked.expire_time.CopyFrom(moment or _NO_DATE)
        if faults:
            raise Refusal(400, "; ".join(faults), code=_INVALID)
        reply: keys.CreateUserKeyResponse = await self._ask(_KEYS["CreateUserKey"], asked, identity)
        made = _key(reply.user_key)
        shown = {name: made[name] for name in ("id", "name", "permissions", "expiresAt", "createdAt")}
        return answer({"key": reply.secret} | shown, 201)

    async def list_keys(self, request: Request, identity: Identity) -> Response:
        """The caller's keys, or everyone's."""
        reply: keys.ListUserKeysResponse = await self._ask(_KEYS["ListUserKeys"], keys.ListUserKeysRequest(), identity)
        return answer({"apiKeys": [_key(key) for key in reply.user_keys]})

    async def delete_key(self, request: Request, identity: Identity) -> Response:
        """End one of the caller's keys."""
        await self._ask(_KEYS["DeleteUserKey"], keys.DeleteUserKeyRequest(user_key_id=storable(request.path_params["id"])), identity)
        return answer({"ok": True})

    async def _ask(self, method: Any, asked: Message, identity: Identity | None) -> Any:
        return (await self._backend.call("accounts", method, asked, identity)).message


def _signed_in(user: user_pb2.User) -> dict[str, object]:
    """A person as that person sees it."""
    return {
        "id": user.id,
        "username": user.name,
        "role": user.role,
        "mustChangePassword": user.must_change_password,
        "permissions": list(user.permissions),
        "analyticsEnabled": user.analytics_enabled if user.HasField("analytics_enabled") else None,
        "analyticsConsentShownAt": _milliseconds(user, "analytics_asked_time"),
        "analyticsConsentRemindAt": _milliseconds(user, "analytics_remind_time"),
    }


def _listed(user: user_pb2.User) -> dict[str, object]:
    """A person as others see it."""
    return {"id": user.id, "username": user.name, "role": user.role, "team": user.team, "createdAt": instant(user.create_time)}


def _key(key: keys.UserKey) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "permissions": list(key.permissions) or None,
        "createdAt": instant(key.create_time),
        "lastUsedAt": instant(key.last_use_time) if key.HasField("last_use_time") else None,
        "expiresAt": instant(key.expire_time) if key.HasField("expire_time") else None,
    }


def _milliseconds(user: user_pb2.User, field: str) -> int | None:
    moment: Timestamp = getattr(user, field)
    return moment.ToMilliseconds() if user.HasField(field) else None  # type: ignore[arg-type]


async def _texts(request: Request, *names: str, missing: str) -> list[str]:
    body = await json_body(request)
    found = [text_of(body, name) or "" for name in names]
    if not all(found):
        raise Refusal(400, missing, code=_INVALID)
    return found
