"""The users of NATS, and what each service may do there: the subjects that it publishes to and subscribes to, and no other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from services.platform.bundles import MANAGE_SUBJECT, STATE_SUBJECT
from services.platform.bus import (
    ENDS_CONSUMER,
    EVENTS_STREAM,
    JOBS_STREAM,
    OFFERS_STREAM,
    PROGRESS_STREAM,
    REVOKED_SUBJECT,
    call_cancel_subject,
    cancel_subject,
    event_subject,
    events_subject,
    job_subject,
    offer_subject,
    open_calls_subject,
    progress_subject,
    queued_subject,
)

_API = "$JS.API"
_STREAMS = (EVENTS_STREAM, OFFERS_STREAM, PROGRESS_STREAM, JOBS_STREAM)
OWN_RIGHTS_SUBJECT = "$SYS.REQ.USER.INFO"
"""Everybody may ask NATS what they themselves may do, which `darkroom-admin check` compares with what they need."""
_TOLD = (progress_subject("*"), job_subject("*"))
_AMONG_GATEWAYS = (open_calls_subject("gateway"), call_cancel_subject("*"))


@dataclass(frozen=True)
class Rights:
    """The subjects of one service. Requests to JetStream are messages to `$JS.API.…`."""

    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()


def _pulls(stream: str, consumer: str) -> tuple[str, ...]:
    """Creating a durable consumer, or any of a stream (`*`), pulling from it and acknowledging."""
    return (
        f"{_API}.CONSUMER.DURABLE.CREATE.{stream}.{consumer}",
        f"{_API}.CONSUMER.MSG.NEXT.{stream}.{consumer}",
        f"$JS.ACK.{stream}.{consumer}.>",
    )


RIGHTS: Mapping[str, Rights] = {
    "accounts": Rights(publish=(REVOKED_SUBJECT, STATE_SUBJECT, MANAGE_SUBJECT), subscribe=(REVOKED_SUBJECT,)),
    "files": Rights(publish=_pulls(EVENTS_STREAM, ENDS_CONSUMER), subscribe=(REVOKED_SUBJECT,)),
    "tasks": Rights(
        publish=(
            *(f"{_API}.STREAM.{verb}.{stream}" for verb in ("INFO", "CREATE", "UPDATE") for stream in _STREAMS),
            queued_subject("*"),
            event_subject("*", end=True),
            event_subject("*", end=False),
            f"{_API}.STREAM.MSG.GET.{OFFERS_STREAM}",
            cancel_subject("*"),
            # For workers on other machines, which have no user: what they offer, and answers to accounts about bundles.
            offer_subject("*"),
            "_INBOX.accounts.>",
            open_calls_subject("tasks"),
        ),
        subscribe=(events_subject("*"), queued_subject("*"), open_calls_subject("tasks"), REVOKED_SUBJECT, STATE_SUBJECT),
    ),
    "gateway": Rights(
        publish=(*_TOLD, *(f"{_API}.STREAM.MSG.GET.{stream}" for stream in (PROGRESS_STREAM, JOBS_STREAM)), *_AMONG_GATEWAYS),
        subscribe=(REVOKED_SUBJECT, *_TOLD, *_AMONG_GATEWAYS),
    ),
    "inference": Rights(
        # It answers accounts about bundles.
        publish=(offer_subject("*"), "_INBOX.accounts.>"),
        subscribe=(cancel_subject("*"), STATE_SUBJECT, MANAGE_SUBJECT),
    ),
}
"""By service; a service that is not named here may connect, and nothing else."""


def user(name: str, password: str, rights: Rights | None) -> str:
    """A user, as NATS's configuration has it. `rights` None: without limits. It gets answers below `_INBOX.<name>`."""
    if rights is None:
        return f'{{ user: "{name}", password: "{password}" }}'
    permissions: dict[str, object] = {
        "publish": {"allow": [*rights.publish, OWN_RIGHTS_SUBJECT]},
        "subscribe": {"allow": [*rights.subscribe, f"_INBOX.{name}.>"]},
    }
    return json.dumps({"user": name, "password": password, "permissions": permissions})


def rights_of(service: str) -> Rights:
    return RIGHTS.get(service, Rights())
