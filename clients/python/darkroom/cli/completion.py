"""Shell completion of ids: the newest ones, from the server, or none if it does not answer quickly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from darkroom.cli.choice import server
from darkroom.failures import DarkroomFailure
from darkroom.tasks.v1 import task_pb2

if TYPE_CHECKING:
    from darkroom.client import AsyncClient

_COUNT = 50
_PATIENCE_SECONDS = 2.0


def complete_tasks(incomplete: str) -> Iterator[tuple[str, str]]:
    """Ids of the newest tasks, with their states and operations."""
    for task in _fetched(lambda client: client.list_tasks(_COUNT)):
        if str(task.id).startswith(incomplete):
            state = task_pb2.TaskState.Name(task.state).removeprefix("TASK_STATE_").lower()
            yield str(task.id), f"{state} {' '.join(str(operation.WhichOneof('operation')) for operation in task.operations)}"


def complete_files(incomplete: str) -> Iterator[tuple[str, str]]:
    """Ids of the newest files, with their names."""
    for file in _fetched(lambda client: client.list_files(_COUNT)):
        if str(file.id).startswith(incomplete):
            yield str(file.id), file.name


def complete_library(incomplete: str) -> Iterator[tuple[str, str]]:
    """Ids of the newest versions in the library, with their names."""
    for file in _fetched(lambda client: client.library.list(_COUNT)):
        if file.id.startswith(incomplete):
            yield file.id, file.name


def complete_batches(incomplete: str) -> Iterator[tuple[str, str]]:
    """Ids of the newest batches, with their sizes."""
    for batch in _fetched(lambda client: client.batches.list(_COUNT)):
        if str(batch.id).startswith(incomplete):
            yield str(batch.id), f"{batch.task_count} tasks"


def complete_webhooks(incomplete: str) -> Iterator[tuple[str, str]]:
    """Ids of the webhooks, with their URLs."""
    for webhook in _fetched(lambda client: client.webhooks.list()):
        if str(webhook.id).startswith(incomplete):
            yield str(webhook.id), webhook.url


def complete_deliveries(incomplete: str) -> Iterator[tuple[str, str]]:
    """Ids of the newest deliveries, with their events and URLs."""
    for delivery in _fetched(lambda client: client.webhooks.deliveries(_COUNT)):
        if str(delivery.id).startswith(incomplete):
            yield str(delivery.id), f"{delivery.event_type} {delivery.url}"


def complete_keys(incomplete: str) -> Iterator[tuple[str, str]]:
    """Ids of keys that are not revoked, with their names."""
    for key in _fetched(lambda client: client.keys.list()):
        if str(key.id).startswith(incomplete) and not key.HasField("revoke_time"):
            yield str(key.id), key.name


def complete_users(incomplete: str) -> Iterator[tuple[str, str]]:
    """Names of users, with their roles."""
    for user in _fetched(lambda client: client.users.list()):
        if user.name.startswith(incomplete):
            yield user.name, user.role


def complete_roles(incomplete: str) -> Iterator[tuple[str, str]]:
    """Names of roles, with what they are for."""
    for role in _fetched(lambda client: client.roles.list()):
        if role.name.startswith(incomplete):
            yield role.name, role.description


def complete_teams(incomplete: str) -> Iterator[str]:
    """Names of teams."""
    for team in _fetched(lambda client: client.teams.list()):
        if team.name.startswith(incomplete):
            yield team.name


def complete_user_keys(incomplete: str) -> Iterator[tuple[str, str]]:
    """Ids of people's keys, with their names."""
    for key in _fetched(lambda client: client.user_keys.list()):
        if key.id.startswith(incomplete):
            yield key.id, key.name


def complete_settings(incomplete: str) -> Iterator[str]:
    """Names of settings."""
    for setting in _fetched(lambda client: client.settings.list()):
        if setting.name.startswith(incomplete):
            yield setting.name


def complete_pipelines(incomplete: str) -> Iterator[tuple[str, str]]:
    """Ids of the newest pipelines, with their names."""
    for pipeline in _fetched(lambda client: client.pipelines.list(_COUNT)):
        if pipeline.id.startswith(incomplete):
            yield pipeline.id, pipeline.name


def _fetched(question: Callable[[AsyncClient], Awaitable[Sequence[Any]]]) -> Sequence[Any]:
    async def ask() -> Sequence[Any]:
        from darkroom.client import AsyncClient

        found = server()
        async with asyncio.timeout(_PATIENCE_SECONDS), AsyncClient(found.url, found.api_key) as client:
            return await question(client)

    try:
        return asyncio.run(ask())
    except (DarkroomFailure, TimeoutError):
        # An error message would disturb the line that is being typed.
        return []
