"""The actor of the change that is being served: a key of a client, a person, the operator, or a service."""

from __future__ import annotations

import os
import pwd
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum

from services.platform.errors import DarkroomError
from services.platform.identity import current_client, current_identity

_operator: ContextVar[str] = ContextVar("operator", default="")


class ActorKind(StrEnum):
    """The kind of an actor."""

    KEY = "key"
    OPERATOR = "operator"
    SERVICE = "service"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Actor:
    """An actor and its address."""

    kind: ActorKind
    name: str = ""
    """Name of the key, the service or the person, or the operator's user name."""
    key_id: int | None = None
    """For a person, the session or the API key."""
    address: str | None = None
    """The client's network address as the edge saw it."""
    user_agent: str | None = None
    user_id: str | None = None
    """For a person, the id: a UUID."""


def act_as_operator() -> None:
    """From now on, this process acts for the user who started it."""
    user = os.environ.get("SUDO_USER")
    if user is None:
        try:
            user = pwd.getpwuid(os.getuid()).pw_name
        except KeyError:
            user = f"uid {os.getuid()}"
    _operator.set(user)


def current_actor() -> Actor:
    """The actor of the current call; a service without a name outside of one."""
    if operator := _operator.get():
        return Actor(ActorKind.OPERATOR, operator)
    try:
        identity = current_identity()
    except DarkroomError:
        return Actor(ActorKind.SERVICE)
    if identity.user is not None:
        return acting_user(identity.user.name, identity.key_id or None, identity.user.id)
    # The gateway calls for the client whose identity it repeats.
    if identity.service is not None and not identity.key_id:
        return Actor(ActorKind.SERVICE, identity.service)
    client = current_client()
    return Actor(ActorKind.KEY, identity.key_name, identity.key_id, client.address, client.user_agent)


def acting_user(name: str, key_id: int | None = None, user_id: str | None = None) -> Actor:
    """A person as the one who makes the current call, with a session or an API key if there is one."""
    client = current_client()
    return Actor(ActorKind.USER, name, key_id, client.address, client.user_agent, user_id)
